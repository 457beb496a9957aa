"""The words of the report, from one table a language; no sentence of it stands in code."""

import re
import tomllib
from functools import cache
from importlib.resources import files

from firstread.errors import UsageError
from firstread.texts import LANGUAGES, Lang, Texts, by_key

TEXTS = files("firstread.reports") / "texts"

RANGE = re.compile(r"(?<=\d)-(?=\d+ mm)")  # 6-8 mm, as tables of rules write it in code
LONGEST_PHRASE = 400  # translated by patterns; a category's rule has less than 200


class Wording(Texts):
    """The texts of the report in one language, and patterns for readers' phrases."""

    def __init__(
        self, lang: Lang, texts: dict[str, str], phrases: tuple[tuple[re.Pattern[str], str], ...]
    ) -> None:
        super().__init__(lang, texts)
        self._phrases = phrases

    def join(self, parts: list[str], key: str = "document.join") -> str:
        """Join clauses with this language's comma, or what the key names."""
        return self._texts[key].join(parts)

    def translate(self, phrase: str) -> str:
        """Return a reader's English phrase in this language; in English where no pattern knows it."""
        said = self._translate(phrase) if len(phrase) <= LONGEST_PHRASE else phrase
        return RANGE.sub("–", said.replace(">=", "≥").replace("<=", "≤"))

    def knows(self, phrase: str) -> bool:
        """Tell whether a pattern knows a reader's English phrase."""
        return any(pattern.fullmatch(phrase) for pattern, _ in self._phrases)

    def _translate(self, phrase: str) -> str:
        for pattern, target in self._phrases:
            found = pattern.fullmatch(phrase)
            if found:
                parts = (self._part(part) for part in found.groups(default=""))
                return target.format(*parts)
        return phrase

    def _part(self, part: str) -> str:
        known = self._translate(part)
        if known != part or ", " not in part:
            return known
        return self.join([self._translate(item) for item in part.split(", ")])


@cache
def wording(lang: Lang) -> Wording:
    """Return the texts of a language.

    Raises:
        UsageError: firstread writes no reports in it.
    """
    if lang not in LANGUAGES:
        raise UsageError(
            f"There are no reports in the language {str(lang)!r:.20}.",
            remedy=f"Choose one of {', '.join(LANGUAGES)}.",
        )
    texts = by_key(tomllib.loads((TEXTS / f"{lang}.toml").read_text(encoding="utf-8")))
    catalogue = TEXTS / f"phrases.{lang}.toml"
    phrases = tomllib.loads(catalogue.read_text(encoding="utf-8"))["phrases"] if catalogue.is_file() else {}
    return Wording(lang, texts, tuple((re.compile(pattern), target) for pattern, target in phrases.items()))
