"""The words of the pages, from tables in texts/: a file a part of the pages and language, no sentence in code."""

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from firstread.texts import LANGUAGES, Lang, Texts, by_key

TEXTS = files("firstread.web") / "texts"


class PageWording(Texts):
    """The texts of the pages in one language."""

    def of(self, prefix: str) -> dict[str, str]:
        """Return the texts under a prefix, by the rest of their keys: what a script is given."""
        start = f"{prefix}."
        return {key.removeprefix(start): text for key, text in self._texts.items() if key.startswith(start)}


@cache
def page_wording(lang: Lang) -> PageWording:
    """Return the texts of a language: every `texts/*.LANG.toml`, whose tables are the first words of the keys."""
    texts: dict[str, str] = {}
    for file in sorted(TEXTS.iterdir(), key=lambda file: file.name):
        if file.name.endswith(f".{lang}.toml"):
            texts |= by_key(tomllib.loads(file.read_text(encoding="utf-8")))
    return PageWording(lang, texts)


def preferred(accept_language: str, *, default: Lang = "en") -> Lang:
    """Return the language that an Accept-Language header likes best of those there are (RFC 9110 section 12.5.4)."""
    liked: list[tuple[float, int, Lang]] = []
    for place, item in enumerate(accept_language.split(",")[:20]):
        name, _, quality = item.strip().partition(";")
        known: Sequence[Lang] = [lang for lang in LANGUAGES if name.lower().split("-")[0] == lang]
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        liked += [(-weight, place, lang) for lang in known if weight > 0]
    return min(liked)[2] if liked else default
