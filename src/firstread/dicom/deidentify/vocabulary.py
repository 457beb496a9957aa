"""Words that descriptions of examinations are made of, and that name nobody.

Cleaning keeps only these (PS3.15 E.3.6 and E.1.1, action C: "similar meaning known not to contain identifying
information"): a list of what is safe, since nobody can list what is not.
"""

import re
from importlib.resources import files

WORDS = frozenset((files(__package__) / "vocabulary.txt").read_text(encoding="utf-8").split())
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_NUMBER = re.compile(r"\d{1,3}(?:mm|cm|kv|ma|mas|s|sec|ml|hu|y|yr|w|l)?", re.IGNORECASE)


def is_common(word: str) -> bool:
    """Tell whether a word is one of the vocabulary, whatever its case."""
    return word.lower() in WORDS


def cleaned(text: str) -> str:
    """Return a text with its common words and its numbers of three digits at most; the others are left out."""
    kept = []
    for part in text.split():
        pieces = _WORD.findall(part)
        if pieces and all(is_common(piece) or _NUMBER.fullmatch(piece) for piece in pieces):
            kept.append(part)
    return " ".join(kept) if any(any(c.isalpha() for c in part) for part in kept) else ""
