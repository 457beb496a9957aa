"""The fonts of the PDF: ours, so that a fresh machine prints English and Chinese alike."""

import re
from collections.abc import Iterable
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from firstread.texts import Lang

if TYPE_CHECKING:
    from fpdf import FPDF

FONTS = files("firstread.reports") / "fonts"
LATIN, CHINESE = "latin", "chinese"
MISSING = "?"
"""Printed for a character of none of the fonts; HTML and FHIR keep the character itself."""

# A line may break after a space, and beside a Chinese character unless punctuation clings to it.
CHINESE_CHARACTER = r"[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
OPENING, CLOSING = r"[“‘（《〈【〔「『]", r"[”’）》〉】〕」』，。、；：？！％…～]"
PIECE = re.compile(
    rf"\s+|{OPENING}*(?:{CHINESE_CHARACTER}|[^\s\u3000-\u9fff\uf900-\uffef“‘”’]+|[“‘”’]){CLOSING}*"
)


class Typeface:
    """The fonts that a document needs, added to it."""

    def __init__(self, pdf: "FPDF", lang: Lang, texts: Iterable[str]) -> None:
        self.family = CHINESE if lang == "zh" else LATIN
        self._pdf = pdf
        self._cmap: set[int] = set()
        self._add(self.family)
        foreign = {ord(char) for text in texts for char in text} - self._cmap
        if foreign and self.family == LATIN:
            self._add(CHINESE)  # a patient's name, say
        pdf.set_fallback_fonts([CHINESE] if CHINESE in self._added else [], exact_match=False)

    _added: tuple[str, ...] = ()

    def _add(self, family: str) -> None:
        for style, weight in (("", "regular"), ("B", "bold")):
            with as_file(FONTS / f"{family}-{weight}.ttf") as path:
                self._pdf.add_font(family, style, path)
        # The bold Chinese font has fewer characters; the regular one stands in.
        self._cmap |= set(self._pdf.fonts[family].cmap)  # type: ignore[union-attr]
        self._added = (*self._added, family)

    def printable(self, text: str) -> str:
        """Return the text with what no font can draw replaced."""
        return "".join(char if ord(char) in self._cmap else MISSING for char in text)

    def wrap(self, text: str, width_mm: float) -> list[str]:
        """Break a text into lines of at most this width in the current font."""
        lines, line, filled = [], "", 0.0
        for piece in self._pieces(self.printable(text), width_mm):
            width = self._pdf.get_string_width(piece)  # widths add up: nothing is kerned
            seen = width if not piece.isspace() else 0.0  # a space may hang over the end
            if line and filled + seen > width_mm:
                lines.append(line.rstrip())
                line, filled = ("", 0.0) if piece.isspace() else (piece, width)
            else:
                line, filled = line + piece, filled + width
        return [*lines, line.rstrip()] if line.strip() else lines or [""]

    def _pieces(self, text: str, width_mm: float) -> Iterable[str]:
        for piece in PIECE.findall(text):
            if self._pdf.get_string_width(piece.strip()) <= width_mm:
                yield piece
            else:  # a UID, or a word without end
                yield from piece
