"""Names of persons as they are compared: folded, and taken apart into words."""

import re
import unicodedata

LONGEST_NAME = 256
_DELIMITERS = re.compile(r"[\s^=,]+")


def folded(name: str) -> str:
    """Return a name as names are compared: without case, width and composition of letters."""
    return unicodedata.normalize("NFKC", name).casefold()[:LONGEST_NAME]


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name, folded and each once; of one with hyphens also what follows each hyphen."""
    found: dict[str, None] = {}
    for word in _DELIMITERS.split(folded(name)):
        parts = word.split("-")
        found |= dict.fromkeys("-".join(parts[at:]) for at in range(len(parts)))
    found.pop("", None)
    return tuple(found)


def person_key(name: str) -> str:
    """Return a name as persons are told apart by it: folded, its components trimmed, empty ones at the end left out.

    `SMITH^JOHN^^^` and `Smith ^ John` are one; so are a name with and without empty groups (PS3.5 section 6.2.1).
    """
    groups = []
    for group in folded(name).split("="):
        components = [" ".join(component.split()) for component in group.split("^")]
        groups.append("^".join(components).rstrip("^"))
    return "=".join(groups).rstrip("=")
