import re
from base64 import b64encode
from html.parser import HTMLParser

import pytest

from firstread.reports import figures, write_html
from firstread.reports.html import html
from firstread.reports.wording import wording
from tests.reports import samples

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """What a browser would make of the page: elements in order, its text, and unbalanced tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open, self.unbalanced = "", [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(sample, lang="en", **options) -> Page:
    return Page(html(sample, issued=samples.ISSUED, lang=lang, **options))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ["several", "with_prior", "forty"])
def test_every_findings_figures_are_there(name, lang):
    result = samples.SAMPLES[name]()
    text = page(result, lang).text
    for finding in result.findings:
        assert finding.id in text
        assert figures.score(finding.probability) in text
        if finding.diameter_mm is not None:
            for value in (finding.diameter_mm.long, finding.diameter_mm.short, finding.diameter_mm.mean):
                assert f"{figures.mm(value)}" in text
            assert f"{figures.mm3(finding.volume_mm3)} mm³" in text
        if finding.category is not None:
            assert finding.category.value in text


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", samples.SAMPLES)
def test_the_page_is_well_formed_and_loads_nothing(name, lang):
    result = samples.SAMPLES[name]()
    source = html(result, issued=samples.ISSUED, lang=lang, key_images=samples.key_images(result))
    laid = Page(source)
    assert not laid.open and not laid.unbalanced
    assert not laid.all("script") and not laid.all("link") and not laid.all("a")
    assert all(image["src"].startswith("data:image/png;base64,") for image in laid.all("img"))
    assert "url(" not in source and "@import" not in source


def test_hostile_values_are_shown_and_not_obeyed():
    result = samples.hostile()
    laid = page(result, patient=samples.PATIENT, key_images=samples.key_images(result))
    assert not laid.all("script")
    assert "<script>alert('x')</script>" in laid.text
    assert "{{ 7*7 }}" in laid.text
    assert not set(laid.text) & {"\x00", "\x1b", "\u202e"}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_notice_stands_at_top_and_bottom(lang):
    laid, words = page(samples.several(), lang), wording(lang)
    assert laid.text.count(words("document.notice")) >= 2
    assert words("document.notice_long") in laid.text


@pytest.mark.parametrize("name", ["none_found", "several", "with_prior", "with_warnings", "forty"])
def test_chinese_leaves_no_english_heading_or_sentence(name):
    result = samples.SAMPLES[name]().model_copy(update={"warnings": ()})
    result = result.model_copy(
        update={"acquisition": result.acquisition.model_copy(update={"chosen_because": ""})}
    )
    laid, english = page(result, "zh", patient=samples.PATIENT), wording("en")
    names = (
        r"Chest LD 1.25 B50|SIEMENS Sensation 64|lung_nodule|[a-z]+-(segmenter|detector|classifier)|firstread"
    )
    shown = re.sub(names, "", laid.text)
    for key in english.keys:
        if key.startswith(("heading.", "column.", "attenuation.", "lesion.", "limits.", "change.new")):
            assert english.template(key) not in shown, key
    # Three English words in a row would be a sentence that nobody translated.
    assert not re.findall(r"[A-Za-z]{3,}(?: [A-Za-z]{2,}){2,}", shown)


def test_it_can_be_read_aloud():
    result = samples.several()
    laid = page(result, "zh", key_images=samples.key_images(result))
    assert laid.all("html")[0]["lang"] == "zh-Hans"
    assert next(image["alt"] for image in laid.all("img")).startswith("N1 关键图像：右肺上部部分实性结节")
    assert all(cell["scope"] in {"col", "row"} for cell in laid.all("th"))
    levels = [int(tag[1]) for tag, _ in laid.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and set(levels[1:]) == {2}
    ids = [attributes["id"] for _, attributes in laid.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_key_images_are_inside_the_file():
    result = samples.several()
    source = html(result, issued=samples.ISSUED, key_images={"N1": samples.key_image()})
    assert b64encode(samples.key_image()).decode() in source
    assert source.count("<img") == 1
    assert source.count("no key image") == 3


def test_without_a_patient_no_patient_field_is_shown():
    assert "Patient ID" not in page(samples.several()).text
    assert "PID-0042" in page(samples.several(), patient=samples.PATIENT).text


def test_the_same_result_gives_the_same_bytes(tmp_path):
    for name in ("a.html", "b.html"):
        result = samples.several()
        write_html(
            result, tmp_path / name, issued=samples.ISSUED, lang="zh", key_images=samples.key_images(result)
        )
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
