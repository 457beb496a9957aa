from pathlib import Path

from firstread.network.contexts import in_associations, storage_contexts
from firstread.network.sending import Outgoing
from tests.dicom.ct_series import EXPLICIT, IMPLICIT, JPEG_LS


def test_what_is_stored_compressed_is_offered_so_and_what_is_not_also_in_the_default_syntax():
    files = [Outgoing(Path("x"), "1.2.3", "1", EXPLICIT), Outgoing(Path("y"), "1.2.3", "2", JPEG_LS)]
    offered = [[str(syntax) for syntax in each.transfer_syntax] for each in storage_contexts(files)]
    assert sorted(offered) == sorted([[EXPLICIT], [JPEG_LS], [EXPLICIT, IMPLICIT]])


def test_files_of_more_kinds_than_an_association_takes_go_in_several():
    files = [Outgoing(Path("x"), f"1.2.{n % 150}", str(n), EXPLICIT) for n in range(300)]
    parts = list(in_associations(files))
    assert len(parts) == 3
    assert sorted(each.sop_instance_uid for part in parts for each in part) == sorted(map(str, range(300)))
    assert all(len(storage_contexts(part)) <= 128 for part in parts)
