import pytest
from pydicom.dataset import Dataset

from firstread.errors import UsageError
from firstread.network.identifiers import answer, read_query, unique_keys


def identifier(**keys):
    made = Dataset()
    for keyword, value in keys.items():
        setattr(made, keyword, value)
    return made


def test_an_identifier_becomes_keys_and_what_is_to_be_returned():
    asked = identifier(
        QueryRetrieveLevel="SERIES",
        StudyInstanceUID=["1.2", "1.3"],
        Modality="CT",
        SeriesNumber="",
        Laterality="L",
    )
    query = read_query(asked, study_root=True)
    assert query.level == "series"
    assert query.keys == {"StudyInstanceUID": "1.2\\1.3", "Modality": "CT"}
    assert set(query.returned) == {"StudyInstanceUID", "Modality", "SeriesNumber", "Laterality"}
    assert query.ignored


def test_private_elements_are_left_out():
    asked = identifier(QueryRetrieveLevel="STUDY", PatientID="1")
    asked.private_block(0x0011, "MAKER", create=True).add_new(1, "LO", "x")
    query = read_query(asked, study_root=True)
    assert (query.keys, query.returned, query.ignored) == ({"PatientID": "1"}, ("PatientID",), False)


def test_a_retrieval_takes_its_unique_keys_only():
    asked = identifier(
        QueryRetrieveLevel="SERIES",
        StudyInstanceUID="1.2",
        SeriesInstanceUID="1.3",
        Modality="CT",
        PatientID="7",
    )
    keys = unique_keys(read_query(asked, study_root=False))
    assert keys == {"PatientID": "7", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"}
    del asked.SeriesInstanceUID
    with pytest.raises(UsageError, match="SeriesInstanceUID"):
        unique_keys(read_query(asked, study_root=True))


def test_an_answer_names_its_level_where_it_can_be_retrieved_and_its_character_set():
    query = read_query(identifier(QueryRetrieveLevel="STUDY", PatientName="", StudyID=""), study_root=True)
    found = {"StudyInstanceUID": "1.2", "PatientName": "王^小东", "StudyID": None}
    made = answer(query, found, retrieve_ae_title="HERE")
    assert (made.QueryRetrieveLevel, made.RetrieveAETitle, made.SpecificCharacterSet) == (
        "STUDY", "HERE", "ISO_IR 192",
    )  # fmt: skip
    assert (str(made.PatientName), made.StudyID, made.StudyInstanceUID) == ("王^小东", None, "1.2")


def test_the_item_of_a_sequence_is_matched_and_answered():
    request = identifier(
        ScheduledProcedureStepID="STEP1", RequestedProcedureID="", ReasonForTheRequestedProcedure="x"
    )
    asked = identifier(QueryRetrieveLevel="SERIES", RequestAttributesSequence=[request])
    query = read_query(asked, study_root=True)
    assert query.keys == {"RequestAttributesSequence.ScheduledProcedureStepID": "STEP1"}
    assert query.ignored
    found = {
        "SeriesInstanceUID": "1.2",
        "RequestAttributesSequence.ScheduledProcedureStepID": "STEP1",
        "RequestAttributesSequence.RequestedProcedureID": "PROC1",
    }
    (item,) = answer(query, found, retrieve_ae_title="HERE").RequestAttributesSequence
    assert (item.ScheduledProcedureStepID, item.RequestedProcedureID) == ("STEP1", "PROC1")
    nothing = answer(query, {"SeriesInstanceUID": "1.2"}, retrieve_ae_title="HERE")
    assert len(nothing.RequestAttributesSequence) == 0
