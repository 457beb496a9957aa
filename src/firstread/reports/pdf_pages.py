"""A4 pages with title and notice on each, and what is printed on them. Lengths are mm, sizes points."""

from collections.abc import Sequence
from datetime import datetime

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from firstread.reports import figures
from firstread.reports.draft import ReportText
from firstread.reports.typeface import Typeface
from firstread.reports.wording import Wording

MARGIN, TOP, BOTTOM = 15.0, 24.0, 18.0
WIDTH = 210.0 - 2 * MARGIN
POINT = 25.4 / 72
LEADING = 1.38  # line height over font size
INK, SOFT, LINE = (22, 32, 43), (75, 90, 105), (213, 220, 227)
HEAD, ACCENT, TINT = (16, 50, 74), (11, 90, 138), (243, 247, 250)
WARN, WARN_INK, WARN_LINE = (255, 244, 224), (122, 59, 0), (217, 138, 31)
BODY, SMALL = 9.5, 8.0
TOTAL = "{nb}"
"""What fpdf2 replaces with the number of pages."""


class Pages(FPDF):
    """A4 pages with the notice at head and foot of each."""

    def __init__(
        self,
        text: ReportText,
        words: Wording,
        strip: Sequence[tuple[str, str]],
        issued: datetime,
        *,
        foreign: Sequence[str],
        issued_line: str | None = None,
        subject: str | None = None,
    ) -> None:
        super().__init__(format="A4", unit="mm")
        self.report, self.words, self.strip, self.issued = text, words, strip, issued
        self.set_title(f"{text.title} – {text.notice}")
        self._issued_line = issued_line or words("document.issued", moment=figures.moment(issued, words))
        self.set_subject(subject or words("document.subject"))
        self.set_author("firstread")
        self.set_creator("firstread")
        self.set_lang(words("document.locale"))
        self.set_creation_date(issued)
        self.set_margins(MARGIN, TOP, MARGIN)
        self.set_auto_page_break(auto=False)
        self.typeface = Typeface(self, text.lang, foreign)

    @property
    def floor(self) -> float:
        """Lowest y of a page's own content."""
        return float(self.h - BOTTOM)

    def header(self) -> None:
        """Print title and notice."""
        self.set_fill_color(*HEAD)
        self.rect(0, 0, self.w, 17, style="F")
        self.font(13, bold=True, color=(255, 255, 255))
        self.line_at(MARGIN, 4.0, self.report.title, 110)
        self.font(SMALL, color=(197, 214, 226))
        self.line_at(MARGIN, 10.4, f"firstread · {self._issued_line}", 110)
        self.font(10, bold=True, color=(255, 213, 141))
        notice = self.typeface.printable(self.report.notice)
        width = self.get_string_width(notice) + 8
        self.set_draw_color(255, 199, 102)
        self.set_line_width(0.4)
        self.rect(self.w - MARGIN - width, 4.6, width, 7.8, round_corners=True, corner_radius=1.2)
        self.line_at(self.w - MARGIN - width + 4, 6.0, notice, width)
        self.set_xy(MARGIN, TOP)

    def footer(self) -> None:
        """Print notice, whose report it is, and the page's number."""
        y = self.h - BOTTOM + 5
        self.set_draw_color(*LINE)
        self.set_line_width(0.2)
        self.line(MARGIN, y - 1.5, self.w - MARGIN, y - 1.5)
        self.font(SMALL, bold=True, color=WARN_INK)
        self.line_at(MARGIN, y, self.report.notice, 80)
        self.font(SMALL, color=SOFT)
        whose = " · ".join(value for _, value in self.strip[:2]) if len(self.strip) > 2 else ""
        whose = self.typeface.wrap(whose, 62)[0]
        self.line_at((self.w - self.get_string_width(whose)) / 2, y, whose, 64)
        number = self.words("document.page", page=self.page_no(), pages=TOTAL)
        shown = self.words("document.page", page=self.page_no(), pages=self.page_no())
        self.line_at(self.w - MARGIN - self.get_string_width(shown) - 1, y, number, 40)

    def font(self, size: float, *, bold: bool = False, color: tuple[int, int, int] = INK) -> None:
        """Set size, weight and colour of what follows."""
        self.set_font(self.typeface.family, "B" if bold else "", size)
        self.set_text_color(*color)

    @property
    def line_height(self) -> float:
        """Height of a line in the current font."""
        return float(self.font_size_pt * POINT * LEADING)

    def line_at(self, x: float, y: float, text: str, width: float) -> None:
        """Print one line at a place."""
        self.set_xy(x, y)
        self.cell(width, self.line_height, self.typeface.printable(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def room(self, height: float) -> None:
        """Start a new page unless this height is left on this one."""
        if self.get_y() + height > self.floor:
            self.add_page()

    def lines(self, text: str, *, x: float = MARGIN, width: float = WIDTH) -> None:
        """Print a text from the current height on, over pages if need be."""
        self.c_margin = 0
        for line in self.typeface.wrap(text, width):
            if self.get_y() + self.line_height > self.floor:
                kept = self.font_size_pt, "B" in self.font_style, self.text_color
                self.add_page()
                self.font(kept[0], bold=kept[1])
                self.text_color = kept[2]
            self.line_at(x, self.get_y(), line, width)

    def heading(self, text: str) -> None:
        """Print a section's heading, with room for two lines below it."""
        self.room(22)
        self.ln(3.5)
        self.font(11.5, bold=True, color=ACCENT)
        self.start_section(self.typeface.printable(text))
        self.lines(text)
        self.ln(0.8)

    def paragraph(self, text: str) -> None:
        """Print a paragraph."""
        self.font(BODY)
        self.lines(text)
        self.ln(1.4)

    def item(
        self, mark: str, text: str, *, bold: bool = False, width: float = WIDTH, x: float = MARGIN
    ) -> None:
        """Print an item of a list."""
        self.font(BODY, bold=bold)
        self.room(self.line_height)
        y = self.get_y()
        self.c_margin = 0
        self.line_at(x, y, mark, 6)
        self.set_y(y)
        self.lines(text, x=x + 6, width=width - 6)
        self.ln(0.8)
