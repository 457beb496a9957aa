import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from firstread.archive import Part10
from firstread.archive.header import read_header
from firstread.errors import RefusedInput
from tests.archive.samples import instances
from tests.dicom.ct_series import BIG, DEFLATED, EXPLICIT, IMPLICIT, JPEG_LS, RLE


def header_of(**options):
    return read_header(instances(1, **options)[0])


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG_LS, RLE])
def test_the_attributes_are_the_same_in_every_transfer_syntax(syntax):
    header = header_of(syntax=syntax)
    assert (header.patient_id, header.patient_name, header.study_date) == (
        "SYN-1",
        "Test^Synthetic",
        "20250102",
    )
    assert (header.modality, header.series_number, header.instance_number) == ("CT", 1, 1)
    assert (header.rows, header.columns, header.frames) == (16, 16, None)


def of_a_request(ds):
    ds.PerformedProcedureStepStartDate, ds.PerformedProcedureStepStartTime = "20250103", "0815"
    request = Dataset()
    request.ScheduledProcedureStepID, request.RequestedProcedureID = "STEP1", "PROC1"
    ds.RequestAttributesSequence = [request, Dataset()]


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_the_request_of_a_series_is_read_out_of_its_sequence(syntax, undefined):
    def change(ds):
        of_a_request(ds)
        ds["RequestAttributesSequence"].is_undefined_length = undefined
        ds.RequestAttributesSequence[0].is_undefined_length_sequence_item = undefined

    header = header_of(syntax=syntax, change=change)
    assert (header.step_date, header.step_time) == ("20250103", "0815")
    assert (header.scheduled_step_id, header.requested_procedure_id) == ("STEP1", "PROC1")
    assert header.bits_allocated == 16


def test_damage_beyond_what_is_kept_is_no_reason_to_refuse():
    (instance,) = instances(1, change=of_a_request)
    whole = bytes(instance.dataset)
    at = whole.index(b"STEP1") - 2  # the length of the value
    header = read_header(replaced(instance, whole[:at] + b"\xff\x7f" + whole[at + 2 :]))
    assert (header.rows, header.step_date, header.scheduled_step_id) == (16, "20250103", "")


@pytest.mark.parametrize(
    ("terms", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 192", "王^小东"),
        ("GB18030", "王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        ("ISO_IR 144", "Люкceмбypг"),
    ],
)
def test_names_are_read_in_their_character_set(terms, name):
    def change(ds):
        ds.SpecificCharacterSet = terms
        ds.PatientName = name

    assert header_of(change=change).patient_name == name


def test_an_unknown_character_set_is_no_reason_to_refuse_nor_to_warn():
    (instance,) = instances(1, change=lambda ds: setattr(ds, "SpecificCharacterSet", "ISO_IR 192"))
    changed = bytes(instance.dataset).replace(b"ISO_IR 192", b"ISO_IR 999")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header = read_header(replaced(instance, changed))
    assert header.patient_name == "Test^Synthetic"


def replaced(instance, dataset):
    return Part10(
        instance.sop_class_uid,
        instance.sop_instance_uid,
        instance.transfer_syntax_uid,
        header=instance.header,
        dataset=memoryview(dataset),
    )


def test_another_instance_than_it_came_as_is_refused():
    (instance,) = instances(1)
    (other,) = instances(1, first=7)
    with pytest.raises(RefusedInput, match="another instance"):
        read_header(replaced(instance, bytes(other.dataset)))


def test_a_deflated_data_set_that_grows_without_measure_is_not_unpacked():
    import tracemalloc
    import zlib

    (instance,) = instances(1, syntax=DEFLATED)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(bytes(200 << 20)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(RefusedInput):
        read_header(replaced(instance, bomb))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 << 20


def test_patients_are_told_apart_by_issuer_too():
    one = header_of(change=lambda ds: setattr(ds, "IssuerOfPatientID", "A"))
    two = header_of(change=lambda ds: setattr(ds, "IssuerOfPatientID", "B"))
    assert one.patient_key != two.patient_key


@given(st.binary(max_size=400), st.sampled_from([IMPLICIT, EXPLICIT, BIG, DEFLATED]))
def test_nonsense_is_refused_and_never_another_error(content, syntax):
    instance = Part10("1.2", "1.3", syntax, header=b"", dataset=memoryview(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RefusedInput):
            read_header(instance)


@given(st.data())
def test_a_damaged_header_is_read_or_refused_and_never_another_error(data):
    (instance,) = instances(1)
    content = bytearray(instance.dataset[:600])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            header = read_header(replaced(instance, bytes(content)))
        except RefusedInput:
            return
    assert "\0" not in repr(header)
    assert header.sop_instance_uid == instance.sop_instance_uid
