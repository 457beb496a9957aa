"""Texts of one language by dotted key; reports and pages have theirs in TOML, no sentence in code."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

Lang = Literal["en", "zh"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)


class Texts:
    """The texts of one language: `t("worklist.title")`, `t("worklist.shown", count=3)`."""

    def __init__(self, lang: Lang, texts: dict[str, str]) -> None:
        self.lang = lang
        self._texts = texts

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lang!r}, {len(self._texts)} texts)"

    def __call__(self, key: str, **fields: object) -> str:
        """Return the text of a key with its {fields} filled in; a key that is not there is a KeyError."""
        return self._texts[key].format(**fields)

    def counted(self, key: str, n: int) -> str:
        """Return the text of a key for a number: of one thing that of `KEY_one`, where the language has both."""
        return self(f"{key}_one" if n == 1 and f"{key}_one" in self else key, n=n)

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key, sorted."""
        return tuple(sorted(self._texts))

    def template(self, key: str) -> str:
        """Return the text of a key with its {fields} as they stand."""
        return self._texts[key]


def by_key(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the texts of a TOML file by dotted key: the name of a table, and that of a text in it."""
    return {f"{section}.{key}": text for section, table in sections.items() for key, text in table.items()}
