from firstread.service.parts import DicomPart
from firstread.settings import Settings
from tests.network.conftest import is_listening


def test_a_dicom_node_listens_until_it_is_stopped(archive):
    part = DicomPart(archive, Settings(dicom_port=0))
    assert (part.wrong(), part.alive()) == (None, True)
    assert is_listening(part.facts()["port"])
    part.stop(0.0)
    assert (part.wrong(), part.alive()) == ("does not listen", False)
    assert not is_listening(part.facts()["port"])
