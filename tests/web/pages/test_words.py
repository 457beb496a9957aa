import pytest

from firstread.web.pages.words import age, chip_text, clock, day, person
from firstread.web.wording import page_wording
from firstread.worklist.find import Chip

EN, ZH = page_wording("en"), page_wording("zh")


@pytest.mark.parametrize(
    ("chip", "english", "chinese"),
    [
        (Chip(category="4A", mm=9.24, lobe="right upper"), "4A · 9.2 mm RUL", "4A · 9.2 mm 右上叶"),
        (
            Chip(category="2", mm=4.0, attenuation="ground-glass", laterality="left", zone="lower"),
            "2 · 4.0 mm ground-glass L lower",
            "2 · 4.0 mm 磨玻璃 左下",
        ),
        (Chip(category="4B", mm=15.0, change="growing"), "4B · 15.0 mm · growing", "4B · 15.0 mm · 增大"),
        (Chip(finding="Pneumothorax"), "Pneumothorax", "Pneumothorax"),
        (Chip(more=3), "+3 more", "另有 3 处"),
        (Chip(category="1"), "1", "1"),
    ],
)
def test_a_finding_is_told_in_a_few_words(chip, english, chinese):
    assert (chip_text(chip, EN), chip_text(chip, ZH)) == (english, chinese)


def test_values_of_dicom_are_told_as_people_write_them():
    assert (day("20260309"), day("2026"), clock("140501.5"), clock("")) == ("2026-03-09", "2026", "14:05", "")
    assert person("Wang^XiaoDong=王^小东", EN) == "Wang, XiaoDong"
    assert person("Wang^XiaoDong=王^小东", ZH) == "王小东"
    assert person("", EN) == "No name"


@pytest.mark.parametrize(
    ("born", "on", "told"),
    [
        ("19500310", "20260309", "75 y"),
        ("20250309", "20260308", "11 mo"),
        ("20260309", "20250101", ""),
        ("", "x", ""),
    ],
)
def test_an_age_is_that_at_the_study(born, on, told):
    assert age(born, on, EN) == told
