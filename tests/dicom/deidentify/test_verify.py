"""The judge finds what a broken table, or broken code, would let out."""

from io import BytesIO

import pytest
from pydicom import dcmread

from firstread.dicom.deidentify.deidentify import Deidentifier
from firstread.dicom.deidentify.folder import NotDeidentified, deidentify_sources
from firstread.dicom.deidentify.instance_file import written
from firstread.dicom.deidentify.profile import Profile, shipped
from firstread.dicom.deidentify.pseudonyms import Pseudonyms
from firstread.dicom.deidentify.verify import leaks
from firstread.dicom.quiet import quiet
from tests.dicom.ct_series import JPEG_LS, anatomy, ct_series, encode
from tests.dicom.deidentify.planted import source_of

KEY = Pseudonyms(b"k" * 32)


def plain_ct():
    (dataset,) = ct_series(anatomy(1, 16))
    dataset.PatientName = "Mueller^Annegret"
    dataset.PatientBirthDate = "19291224"
    dataset.AccessionNumber = "ACC4711"
    dataset.InstitutionName = "Sanktgeorg Hospital"
    dataset.StudyTime = "101500"
    return dataset


def clean_file(syntax="1.2.840.10008.1.2.1", options=frozenset()):
    content = encode(plain_ct(), syntax)
    original = dcmread(BytesIO(content))
    with quiet():
        return original, written(Deidentifier(KEY, options)(original, syntax))


def rewritten(content, change):
    with quiet():
        dataset = dcmread(BytesIO(content))
        change(dataset)
        stream = BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        return stream.getvalue()


def kept(keyword_tag: str) -> Profile:
    """Table E.1-1 with one row that keeps what it should not."""
    whole = shipped()
    return Profile(whole.edition, {**whole.actions, keyword_tag: {"113100": "K"}})


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", JPEG_LS])
def test_a_clean_file_is_clean(syntax):
    original, made = clean_file(syntax)
    assert leaks(original, made, frozenset()) == ()


@pytest.mark.parametrize(
    "tag",
    ["00100010", "00100020", "00080050", "00080080", "00100030", "0020000d", "00080018", "00080020"],
    ids=[
        "name",
        "patient ID",
        "accession",
        "institution",
        "birth date",
        "study UID",
        "SOP UID",
        "study date",
    ],
)
def test_a_broken_table_is_caught_and_nothing_is_left(tag, tmp_path, monkeypatch):
    # Names and numbers of patients are looked for by the code itself too; here it fails as well.
    monkeypatch.setattr(
        "firstread.dicom.deidentify.deidentify.identifying_words", lambda dataset: frozenset()
    )
    worker = Deidentifier(KEY, profile=kept(tag))
    with pytest.raises(NotDeidentified) as caught:
        deidentify_sources([source_of(encode(plain_ct()))], worker, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert caught.value.exit_code == 4
    for secret in ("Mueller", "ACC4711", "1929"):
        assert secret not in str(caught.value)


def test_one_leak_among_many_takes_all_of_them_away_and_leaves_what_was_there_before(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "of-yesterday").write_text("stays")
    clean = ct_series(anatomy(2, 16))
    for dataset in clean:
        dataset.PatientName = "Anonymous^"
    bad = plain_ct()
    bad.SOPInstanceUID += ".9"
    sources = [source_of(encode(each)) for each in (*clean, bad)]
    with pytest.raises(NotDeidentified):
        deidentify_sources(sources, Deidentifier(KEY, profile=kept("00080080")), out)
    assert [path.name for path in out.rglob("*")] == ["of-yesterday"]


HIDDEN = {
    "the name in another attribute": lambda ds: setattr(ds, "ProtocolName", "for mueller"),
    "the name in GB18030": lambda ds: ds.add_new(0x00091010, "OB", "秦始皇".encode("gb18030")),
    "the name in UTF-16": lambda ds: ds.add_new(0x00091010, "OB", "mueller".encode("utf-16-le")),
    "the birth date in a text": lambda ds: setattr(ds, "ProtocolName", "born 19291224"),
    "the accession number in the pixels": lambda ds: setattr(ds, "PixelData", b"ACC4711" + ds.PixelData[7:]),
    "the UID in a text": lambda ds: setattr(ds, "ProtocolName", plain_ct().StudyInstanceUID),
    "a private attribute": lambda ds: ds.add_new(0x00091010, "LO", "whatever"),
    "an overlay": lambda ds: ds.add_new(0x60003000, "OW", b"12"),
    "a study description": lambda ds: setattr(ds, "StudyDescription", "anything"),
    "the institution": lambda ds: setattr(ds, "FilterType", "sanktgeorg hospital"),
}


@pytest.mark.parametrize("change", HIDDEN.values(), ids=HIDDEN)
def test_it_finds_what_is_hidden_in_the_output(change):
    original, made = clean_file()
    original.SpecificCharacterSet = "GB18030"
    original.OtherPatientNames = "秦^始皇=秦始皇"
    assert leaks(original, rewritten(made, change), frozenset()) != ()


def test_it_finds_dates_that_are_not_moved_alike():
    from firstread.dicom.deidentify.options import Option

    options = frozenset({Option.MODIFIED_DATES})
    content = plain_ct()
    content.SeriesDate = "20250103"
    original = dcmread(BytesIO(encode(content)))
    with quiet():
        made = written(Deidentifier(KEY, options)(original, "1.2.840.10008.1.2.1"))
    assert leaks(original, made, options) == ()
    spoilt = rewritten(made, lambda ds: setattr(ds, "SeriesDate", "20010101"))
    assert [leak.kind for leak in leaks(original, spoilt, options)] == ["dates that are not moved alike"]


def test_a_preamble_and_bytes_behind_the_end_are_found():
    original, made = clean_file()
    assert leaks(original, b"II*\0" + made[4:], frozenset()) != ()
    assert leaks(original, made + b"\xfe\xff\x0d\xe0\0\0\0\0more", frozenset()) != ()
