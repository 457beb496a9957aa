import subprocess
import sys
from io import BytesIO

import pytest
from pypdf import PdfReader

from firstread.reports import figures, write_pdf
from firstread.reports.wording import wording
from tests.reports import samples


@pytest.fixture(scope="module", params=["en", "zh"])
def lang(request):
    return request.param


@pytest.fixture(scope="module")
def document(lang, tmp_path_factory):
    """A function from the name of a sample to its PDF, written once."""
    folder, written = tmp_path_factory.mktemp(lang), {}

    def write(name: str) -> PdfReader:
        if name not in written:
            result = samples.SAMPLES[name]()
            path = folder / f"{name}.pdf"
            write_pdf(
                result,
                path,
                issued=samples.ISSUED,
                lang=lang,
                key_images=samples.key_images(result),
                patient=samples.PATIENT,
            )
            written[name] = path.read_bytes()
        return PdfReader(BytesIO(written[name]))

    return write


def squeezed(text: str) -> str:
    """Text without spaces, which extraction puts where it likes."""
    return "".join(text.split())


def text_of(reader: PdfReader) -> str:
    return squeezed("".join(page.extract_text() for page in reader.pages))


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_the_notice_stands_on_every_page_at_head_and_foot(document, lang, name):
    notice = squeezed(wording(lang)("document.notice"))
    for page in document(name).pages:
        assert squeezed(page.extract_text()).count(notice) >= 2


@pytest.mark.parametrize("name", ["several", "with_prior", "forty"])
def test_every_findings_figures_are_there(document, name):
    text = text_of(document(name))
    for finding in samples.SAMPLES[name]().findings:
        assert finding.id in text
        if finding.diameter_mm is not None:
            size = finding.diameter_mm
            assert f"{figures.mm(size.long)}×{figures.mm(size.short)}mm" in text
            assert f"{figures.mm3(finding.volume_mm3)}mm³" in text


def test_pages_are_numbered_to_the_last(document, lang):
    reader = document("forty")
    count = len(reader.pages)
    for number, page in enumerate(reader.pages, start=1):
        assert squeezed(wording(lang)("document.page", page=number, pages=count)) in squeezed(
            page.extract_text()
        )


def test_the_patient_is_named_on_every_page(document, lang):
    name = {"en": "Wang,XiaoDong", "zh": "王小东"}[lang]
    assert all(name in squeezed(page.extract_text()) for page in document("forty").pages)


def test_key_images_are_printed(document):
    assert sum(len(page.images) for page in document("several").pages) == 4


def test_language_title_and_date_are_set(document, lang):
    reader = document("several")
    words = wording(lang)
    assert reader.trailer["/Root"]["/Lang"] == words("document.locale")
    assert words("document.notice") in reader.metadata.title
    assert reader.metadata.creation_date == samples.ISSUED


def test_fonts_are_inside_and_only_in_part(document):
    for page in document("several").pages:
        for font in page["/Resources"]["/Font"].values():
            descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
            assert "/FontFile2" in descriptor
            assert descriptor["/FontName"][7] == "+"


def test_the_same_result_and_moment_give_the_same_bytes(tmp_path):
    for name in ("a.pdf", "b.pdf"):
        write_pdf(samples.several(), tmp_path / name, issued=samples.ISSUED, patient=samples.PATIENT)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_programs_of_others_read_it(tmp_path, debian_tool):
    write_pdf(
        samples.several(), tmp_path / "report.pdf", issued=samples.ISSUED, lang="zh", patient=samples.PATIENT
    )
    text = subprocess.run(
        [debian_tool("pdftotext"), "-layout", tmp_path / "report.pdf", "-"], capture_output=True, check=True
    )
    assert text.stderr == b""
    assert "右肺上部" in text.stdout.decode()


def test_importing_reports_loads_neither_pdf_nor_fhir():
    code = "import firstread.reports, sys; print([m for m in ('fpdf', 'fhir.resources') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
