"""The report as one HTML file: opens offline, prints, reads well aloud and on a telephone."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from firstread.findings import ReadResult
from firstread.reports import figures, sentences
from firstread.reports.draft import draft
from firstread.reports.patient import PatientLine
from firstread.reports.patient_fields import patient_fields
from firstread.reports.rows import rows
from firstread.reports.wording import wording
from firstread.texts import Lang


def write_html(
    result: ReadResult,
    path: Path,
    *,
    issued: datetime,
    lang: Lang = "en",
    key_images: Mapping[str, bytes] | None = None,
    patient: PatientLine | None = None,
) -> None:
    """Write the report as one self-contained HTML file.

    Args:
        result: What was read.
        path: The file to write.
        issued: When the report was drafted.
        lang: Language of the report.
        key_images: PNG bytes by finding id; what is not PNG is left out.
        patient: Who the patient is; None leaves the patient out.
    """
    page = html(result, issued=issued, lang=lang, key_images=key_images, patient=patient)
    path.write_text(page, encoding="utf-8")


def html(
    result: ReadResult,
    *,
    issued: datetime,
    lang: Lang = "en",
    key_images: Mapping[str, bytes] | None = None,
    patient: PatientLine | None = None,
) -> str:
    """Return the page that `write_html` writes."""
    words = wording(lang)
    category = result.category
    return _template().render(
        words=words,
        text=draft(result, lang, issued=issued),
        issued=words("document.issued", moment=figures.moment(issued, words)),
        patient=patient_fields(result, words, patient),
        category=category,
        category_value=sentences.category_value(category, words) if category else "",
        category_scheme=figures.clean(f"{category.scheme} {category.version}", 60) if category else "",
        category_rule=words.translate(figures.clean(category.rule)) if category else "",
        category_management=words.translate(figures.clean(category.management)) if category else "",
        rows=rows(result, words, key_images or {}),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("firstread.reports", "template"),
        autoescape=True,  # every value may come from a hostile header
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = lambda png: f"data:image/png;base64,{b64encode(png).decode('ascii')}"
    return environment.get_template("report.html")
