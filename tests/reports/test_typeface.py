import pytest
from fpdf import FPDF

from firstread.reports.typeface import Typeface
from firstread.reports.wording import wording


@pytest.fixture
def typeface():
    """Makes a document with the typeface of a language and texts; its fonts, which nothing prints, are closed."""
    made = []

    def make(lang, *texts):
        pdf = FPDF()
        made.append(pdf)
        pdf.add_page()
        face = Typeface(pdf, lang, texts)
        pdf.set_font(face.family, size=10)
        return pdf, face

    yield make
    for pdf in made:
        for font in pdf.fonts.values():
            font.ttfont.close()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_our_fonts_draw_every_text_of_the_report(typeface, lang):
    _, face = typeface(lang)
    words = wording(lang)
    for key in words.keys:
        assert face.printable(words.template(key)) == words.template(key)


def test_a_chinese_name_in_an_english_report_brings_the_chinese_font(typeface):
    _, face = typeface("en", "王小东")
    assert face.printable("王小东, mm³ ≥ ×") == "王小东, mm³ ≥ ×"
    _, plain = typeface("en", "Wang")
    assert plain.printable("王") == "?"


def test_lines_fit_and_lose_nothing(typeface):
    pdf, face = typeface("zh")
    text = (
        "右肺上部部分实性结节，平均径 14.4 mm（序列 3，图像 101）。" * 4 + "1.2.826.0.1.3680043.8.498.1" * 8
    )
    lines = face.wrap(text, 60)
    assert all(pdf.get_string_width(line) <= 60 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_closing_punctuation_does_not_begin_a_line_nor_opening_end_one(typeface):
    _, face = typeface("zh")
    for width in range(20, 60):
        lines = face.wrap("左肺下部实性结节，平均径 7.1 mm，紧邻胸膜（序列 3，图像 102）。长径。" * 3, width)
        assert not any(line[0] in "，。；：）" for line in lines)
        assert not any(line[-1] in "（" for line in lines)


def test_figures_stay_whole(typeface):
    _, face = typeface("zh")
    for width in range(20, 60):
        lines = face.wrap("平均径由 12.4 mm 变为 14.4 mm，体积 1289 mm³。" * 3, width)
        assert sum(line.count("14.4") for line in lines) == 3
