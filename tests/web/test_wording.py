import re
import string

import pytest

from firstread.texts import LANGUAGES
from firstread.web.pages.render import templates
from firstread.web.wording import page_wording, preferred
from tests.conftest import REPOSITORY

EMPTY = {"place.join"}  # Chinese has nothing between the words of a place
WEB = REPOSITORY / "src" / "firstread" / "web"


def test_every_language_has_the_same_texts_with_the_same_fields():
    english = page_wording("en")
    for lang in LANGUAGES:
        other = page_wording(lang)
        assert other.keys == english.keys
        for key in english.keys:
            fields = [
                {name for _, name, _, _ in string.Formatter().parse(each.template(key)) if name}
                for each in (english, other)
            ]
            assert fields[0] == fields[1], key
            assert other.template(key) or key in EMPTY, key


def test_chinese_texts_are_chinese():
    same = {"frame.product", "frame.language_en", "frame.language_zh"}
    for key in page_wording("zh").keys:
        text = page_wording("zh").template(key)
        assert key in same or re.search(r"[\u4e00-\u9fff]", text) or not re.search("[A-Za-z]{4}", text), key


def test_no_template_has_a_sentence_of_its_own():
    for path in sorted((WEB / "pages" / "templates").rglob("*.html")):
        text = re.sub(
            r"{#.*?#}|{% block body_class %}.*?{% endblock %}|{%.*?%}|{{.*?}}",
            "",
            path.read_text(encoding="utf-8"),
            flags=re.DOTALL,
        )
        shown = re.sub(r"<kbd>.*?</kbd>|<[^>]*>|&\w+;|/[\w/]*", " ", text, flags=re.DOTALL)
        assert not re.search(r"[A-Za-z\u4e00-\u9fff]{2}", shown), (path.name, shown.split())
        attributes = re.findall(r'(?:title|placeholder|aria-label|alt|data-copied)="([^"]*)"', text)
        assert not [each for each in attributes if re.search("[A-Za-z]{2}", each)], path.name


def test_every_text_that_a_template_names_is_there():
    for name in templates().list_templates():
        source, _, _ = templates().loader.get_source(templates(), name)
        for key in re.findall(r'\bt\("([\w.]+)"[,)]', source) + re.findall(r"\bt\('([\w.]+)'[,)]", source):
            assert key in page_wording("en"), (name, key)


def test_no_template_has_a_script_or_a_style_of_its_own():
    for path in (WEB / "pages" / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|<style|\son\w+=|https?://", text), (
            path.name
        )


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,zh;q=0.5", "en"),
        ("fr, zh;q=0.4", "zh"),
        ("de", "en"),
        ("", "en"),
        ("zh;q=0", "en"),
        ("zh;q=x,,;", "en"),
    ],
)
def test_the_language_is_what_the_browser_likes_best(header, lang):
    assert preferred(header) == lang
