from datetime import date

from pydicom.dataset import Dataset

from firstread.reports import PatientLine
from tests.reports import samples


def header(**values) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def test_a_header_gives_the_line():
    line = PatientLine.from_header(
        header(
            PatientName="Wang^XiaoDong=王^小东",
            PatientID="PID-0042",
            PatientBirthDate="19560309",
            PatientSex="M",
            AccessionNumber="ACC-77120",
        )
    )
    assert line == PatientLine("Wang^XiaoDong=王^小东", "PID-0042", date(1956, 3, 9), "M", "ACC-77120")


def test_an_empty_or_malformed_header_gives_an_empty_line():
    assert PatientLine.from_header(Dataset()) == PatientLine()
    odd = header(PatientSex="X")
    odd.add_new("PatientBirthDate", "DA", "")
    assert PatientLine.from_header(odd) == PatientLine()


def test_names_are_written_as_people_write_them():
    assert samples.PATIENT.spoken_name("en") == "Wang, Xiao Dong"
    assert samples.PATIENT.spoken_name("zh") == "王小东"
    assert PatientLine(name="DOE^JANE^A^^").spoken_name("zh") == "DOE, JANE A"
    assert PatientLine(name="=王^小东").spoken_name("en") == "王小东"
    assert PatientLine().spoken_name("en") == ""
