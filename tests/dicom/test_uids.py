import re

import numpy as np

from firstread.dicom.uids import derive_uid, read_digest
from firstread.findings import Mask
from tests.dicom.read_samples import result_of, volume_of


def test_a_uid_is_valid_and_repeats():
    uid = derive_uid("study", "series", "sr")

    assert re.fullmatch(r"2\.25\.[1-9][0-9]{0,38}", uid)
    assert uid == derive_uid("study", "series", "sr")


def test_other_parts_give_another_uid():
    parts = [("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), ("a",)]

    assert len({derive_uid(*one) for one in parts}) == len(parts)


def test_the_digest_sees_a_mask_that_moved():
    result = result_of(volume_of())
    first = result.findings[0]
    moved = Mask(voxels=first.mask.voxels, offset=tuple(np.add(first.mask.offset, 1).tolist()))
    other = result.model_copy(
        update={"findings": (first.model_copy(update={"mask": moved}), *result.findings[1:])}
    )

    assert read_digest(result) != read_digest(other)
