"""The sections of the PDF report, from the notice to how it was made. Lengths are mm, sizes points."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO

from firstread.findings import Category, ReadResult
from firstread.reports import figures, sentences
from firstread.reports.draft import ReportText, draft
from firstread.reports.patient import PatientLine
from firstread.reports.patient_fields import patient_fields
from firstread.reports.pdf_pages import (
    ACCENT,
    BODY,
    INK,
    LINE,
    MARGIN,
    SMALL,
    SOFT,
    TINT,
    TOP,
    WARN,
    WARN_INK,
    WARN_LINE,
    WIDTH,
    Pages,
)
from firstread.reports.rows import Row, rows
from firstread.reports.wording import wording
from firstread.texts import Lang

COLUMNS = (25.0, 38.0, 29.0, 18.0, 24.0, 34.0, 12.0)
"""Widths: key image, finding, size, volume, change, category, score."""
GAP = 2.0  # between a cell's text and the next cell
IMAGE = 22.0
MOST_LINES = 14
"""Of a cell: a row must fit on a page, whatever a header says."""

_Line = tuple[str, bool, tuple[int, int, int], float]
"""Text, bold, colour, height."""


def pdf(
    result: ReadResult,
    *,
    issued: datetime,
    lang: Lang,
    key_images: Mapping[str, bytes],
    patient: PatientLine | None,
) -> bytes:
    """Return the document that `write_pdf` writes."""
    words = wording(lang)
    text = draft(result, lang, issued=issued)
    table = rows(result, words, key_images)
    strip = patient_fields(result, words, patient)
    pages = Pages(text, words, strip, issued, foreign=printed(text, table, strip))
    pages.add_page()
    print_patient(pages, strip)
    _summary(pages, result)
    if text.warnings:
        _warnings(pages)
    pages.heading(words("heading.findings"))
    if table:
        print_table(pages, table)
        pages.heading(words("heading.details"))
    for paragraph in text.findings:
        pages.paragraph(paragraph)
    pages.heading(words("heading.comparison"))
    pages.paragraph(text.comparison)
    pages.heading(words("heading.technique"))
    pages.paragraph(text.technique)
    pages.heading(words("heading.limits"))
    for limit in text.limits:
        pages.item("·", limit)
    if not text.warnings:
        pages.heading(words("heading.warnings"))
        pages.paragraph(words("warnings.none"))
    print_provenance(pages)
    return bytes(pages.output())


def printed(text: ReportText, table: Sequence[Row], strip: Sequence[tuple[str, str]]) -> list[str]:
    """Everything printed that may hold characters of another language."""
    said = [*text.findings, *text.impression, *text.warnings, text.technique, text.comparison]
    said += [value for _, value in (*strip, *text.provenance)]
    for row in table:
        said += [row.id, *row.finding, *row.category]
    return said


def print_patient(pages: Pages, strip: Sequence[tuple[str, str]]) -> None:
    """Print the notice in full, then patient and study."""
    pages.c_margin = 0
    pages.font(BODY, bold=True, color=WARN_INK)
    lines = pages.typeface.wrap(pages.report.notice_long, WIDTH - 8)
    height = len(lines) * pages.line_height + 4
    pages.set_fill_color(*WARN)
    pages.set_draw_color(*WARN_LINE)
    pages.set_line_width(0.25)
    pages.rect(MARGIN, TOP - 2, WIDTH, height, style="DF", round_corners=True, corner_radius=1.2)
    pages.set_y(TOP)
    for line in lines:
        pages.line_at(MARGIN + 4, pages.get_y(), line, WIDTH - 8)
    pages.set_y(TOP + height + 1.5)
    columns = 4
    width = WIDTH / columns
    for start in range(0, len(strip), columns):
        y = pages.get_y()
        lowest = y
        for position, (label, value) in enumerate(strip[start : start + columns]):
            x = MARGIN + position * width
            pages.font(7.5, color=SOFT)
            pages.line_at(x, y, label, width)
            pages.font(BODY, bold=True)
            for line in pages.typeface.wrap(value, width - 3)[:3]:
                pages.line_at(x, pages.get_y(), line, width)
            lowest = max(lowest, pages.get_y())
        pages.set_y(lowest + 1.6)
    pages.set_draw_color(*LINE)
    pages.line(MARGIN, pages.get_y() + 0.5, MARGIN + WIDTH, pages.get_y() + 0.5)


def _summary(pages: Pages, result: ReadResult) -> None:
    """Print the study's category, then the impression."""
    words, category = pages.words, result.category
    pages.set_y(pages.get_y() + 3)
    if category is not None:
        print_category(pages, category)
    pages.heading(words("heading.impression"))
    for number, line in enumerate(pages.report.impression, start=1):
        pages.item(f"{number}.", line, bold=number == 1)


def print_category(pages: Pages, category: Category) -> None:
    """Print a category in a box, with what it recommends and the rule that gave it."""
    words = pages.words
    scheme = figures.clean(f"{category.scheme} {category.version}", 60)
    value = sentences.category_value(category, words)
    management = words.translate(figures.clean(category.management))
    rule = words.translate(figures.clean(category.rule))
    left, right = 44.0, WIDTH - 44.0 - 8
    pages.font(BODY, bold=True)
    managed = pages.typeface.wrap(management, right) if management else []
    height = len(managed) * pages.line_height
    pages.font(SMALL)
    ruled = pages.typeface.wrap(rule, right) if rule else []
    height += len(ruled) * pages.line_height
    big = 22 if len(value) <= 4 else 10
    pages.font(big, bold=True)
    valued = pages.typeface.wrap(value, left - 8)[:6]
    height = max(height, len(valued) * pages.line_height + 4) + 6
    y = pages.get_y()
    pages.set_fill_color(*TINT)
    pages.rect(MARGIN, y, WIDTH, height, style="F")
    pages.set_fill_color(*ACCENT)
    pages.rect(MARGIN, y, 1.4, height, style="F")
    pages.font(SMALL, color=SOFT)
    pages.line_at(MARGIN + 5, y + 2.5, pages.typeface.wrap(scheme, left - 8)[0], left - 5)
    pages.font(big, bold=True)
    for line in valued:
        pages.line_at(MARGIN + 5, pages.get_y(), line, left - 5)
    pages.set_y(y + 3)
    pages.font(BODY, bold=True)
    for line in managed:
        pages.line_at(MARGIN + left, pages.get_y(), line, right)
    pages.font(SMALL, color=SOFT)
    for line in ruled:
        pages.line_at(MARGIN + left, pages.get_y(), line, right)
    pages.set_y(y + height)


def _warnings(pages: Pages) -> None:
    words = pages.words
    pages.heading(words("heading.warnings"))
    if words("warnings.untranslated"):
        pages.font(SMALL, color=SOFT)
        pages.lines(words("warnings.untranslated"))
    for warning in pages.report.warnings:
        pages.item("!", warning)


def print_table(pages: Pages, table: Sequence[Row]) -> None:
    """Print the findings as a table, over pages if need be."""
    _table_head(pages)
    for row in table:
        cells = _cells(pages, row)
        height = max([IMAGE if row.image else 0.0, *(sum(line[3] for line in cell) for cell in cells)]) + 4
        if pages.get_y() + height > pages.floor:
            pages.add_page()
            _table_head(pages)
        y = pages.get_y() + 2
        if row.image:
            pages.image(
                BytesIO(row.image),
                MARGIN,
                y,
                IMAGE,
                IMAGE,
                keep_aspect_ratio=True,
                alt_text=pages.typeface.printable(row.alt),
            )
        x = MARGIN + COLUMNS[0]
        for width, cell in zip(COLUMNS[1:], cells, strict=True):
            pages.set_y(y)
            for text, bold, color, _ in cell:
                pages.font(SMALL, bold=bold, color=color)
                pages.line_at(x, pages.get_y(), text, width)
            x += width
        pages.set_draw_color(*LINE)
        pages.line(MARGIN, y + height - 2, MARGIN + WIDTH, y + height - 2)
        pages.set_y(y + height - 2)


def _table_head(pages: Pages) -> None:
    pages.c_margin = 0
    pages.font(7.5, bold=True, color=SOFT)
    y, x = pages.get_y(), MARGIN
    names = ("image", "finding", "size", "volume", "change", "category", "score")
    for name, width in zip(names, COLUMNS, strict=True):
        pages.line_at(x, y, pages.words(f"column.{name}"), width)
        x += width
    y += pages.line_height + 0.6
    pages.set_draw_color(*SOFT)
    pages.set_line_width(0.3)
    pages.line(MARGIN, y, MARGIN + WIDTH, y)
    pages.set_line_width(0.2)
    pages.set_y(y)


def _cells(pages: Pages, row: Row) -> list[list[_Line]]:
    """Break each cell into lines: text, bold, colour, height."""
    cells = []
    content = ((row.id, *row.finding), row.size, row.volume, row.change, row.category, row.score)
    for position, (width, cell) in enumerate(zip(COLUMNS[1:], content, strict=True)):
        lines: list[_Line] = []
        for number, text in enumerate(cell):
            bold = number == 0 or (position == 0 and number == 1)
            color = ACCENT if position == 0 and number == 0 else INK if bold else SOFT
            pages.font(SMALL, bold=bold)
            lines += [
                (line, bold, color, pages.line_height) for line in pages.typeface.wrap(text, width - GAP)
            ]
        cells.append(lines[:MOST_LINES])
    return cells


def print_provenance(pages: Pages) -> None:
    """Print who made the report, with which networks, from which images."""
    pages.font(SMALL)
    pages.room(14 + len(pages.report.provenance) * pages.line_height)  # kept together where it can be
    pages.heading(pages.words("heading.provenance"))
    left = 40.0
    for label, value in pages.report.provenance:
        pages.font(SMALL, color=SOFT)
        pages.room(pages.line_height)
        y = pages.get_y()
        pages.line_at(MARGIN, y, label, left)
        pages.set_y(y)
        pages.font(SMALL)
        pages.lines(value, x=MARGIN + left, width=WIDTH - left)
