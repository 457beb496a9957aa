"""Which passwords attackers try first.

They take a common password, write digits for letters, and put a year or a few signs before or after it. So a password
is judged by what remains when that is undone: nothing, a common password (`common_passwords.txt`), a name of the
account's own, one piece again and again, or a way along the keyboard. A file of the digests of passwords that leaked,
such as Have I Been Pwned gives out, may be asked as well.
"""

import re
import unicodedata
from functools import cache
from hashlib import sha1
from importlib.resources import files
from pathlib import Path

from firstread.errors import UsageError

_LETTERS = str.maketrans("0134578@$!|", "oieastbasii")
_ROWS = (
    "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p",
    "qawsedrftgyhujikolp", "147258369", "123654789", "zaq12wsx",
)  # fmt: skip
_LONGEST_LINE = 256  # bytes of a line of a file of digests
_DIGITS = 40


def why_guessable(password: str, *, own: tuple[str, ...] = (), breaches: Path | None = None) -> str:
    """Return why a password would be guessed early, "" where it would not.

    That is few (different characters), repeats, keyboard, name, common or listed.
    """
    plain = unicodedata.normalize("NFKC", password).casefold()
    if len(set(plain)) < 5:
        return "few"
    if _repeats(plain) or _repeats(_core(plain)):
        return "repeats"
    if _runs(plain) or _runs(_core(plain)):
        return "keyboard"
    forms = {_core(form) for form in (plain, plain.translate(_LETTERS))} | {_core(plain).translate(_LETTERS)}
    if _made_of(forms, _words(own)):
        return "name"
    if _made_of(forms, _common()):
        return "common"
    if breaches is not None and is_listed(password, breaches):
        return "listed"
    return ""


def is_listed(password: str, breaches: Path) -> bool:
    """Tell whether the SHA-1 of a password is in a file, which is searched by halves and never read whole.

    Args:
        password: In UTF-8.
        breaches: A line for each: 10 to 40 hexadecimal digits that the SHA-1 begins with, `:` and anything after them;
            sorted.

    Raises:
        UsageError: the file cannot be read, or is not sorted lines of digests.
    """
    wanted = sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        with breaches.open("rb") as file:
            low, high = 0, file.seek(0, 2)
            while low < high:
                middle = (low + high) // 2
                file.seek(middle)
                if middle:
                    file.readline(_LONGEST_LINE)
                line = file.readline(_LONGEST_LINE)
                if not line:
                    high = middle
                    continue
                listed = line.decode("ascii").partition(":")[0].strip().upper()
                if not re.fullmatch(r"[0-9A-F]{10,40}", listed):
                    raise ValueError
                if wanted.startswith(listed):
                    return True
                if listed < wanted:
                    low = middle + 1
                else:
                    high = middle
            file.seek(0)
            first = file.readline(_LONGEST_LINE).decode("ascii").partition(":")[0].strip().upper()
            return bool(first) and wanted.startswith(first)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it has no sorted lines of SHA-1 digests"
        raise UsageError(
            f"The file of known passwords cannot be used: {reason}.",
            remedy="Correct the setting breached_passwords.",
        ) from None


def _core(text: str) -> str:
    """Leave out digits, signs and spaces at both ends, and all signs and spaces within."""
    return re.sub(r"[\W_]+", "", re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text))


def _repeats(text: str) -> bool:
    return bool(re.fullmatch(r"(.{1,6}?)\1+.{0,3}", text, re.DOTALL)) and len(text) > 3


def _runs(text: str) -> bool:
    """Tell whether a text consists of at most 3 ways of 3 characters or more, and at most 3 characters besides."""
    rows = [row for each in _ROWS for row in (each, each[::-1])]
    left, ways, besides = text, 0, 0
    while left:
        longest = max(
            (
                length
                for row in rows
                for length in range(min(len(left), len(row)), 2, -1)
                if left[:length] in row
            ),
            default=0,
        )
        ways, besides = ways + (longest > 0), besides + (longest == 0)
        left = left[longest or 1 :]
    return ways > 0 and ways <= 3 and besides <= 3


def _made_of(forms: set[str], words: frozenset[str]) -> bool:
    """Tell whether a form is one or two of the words, with at most 3 characters besides."""
    for form in forms:
        if form in words:
            return True
        for at in range(len(form) + 1):
            head, tail = form[:at], form[at:]
            if (head in words and (len(tail) <= 3 or tail in words)) or (tail in words and len(head) <= 3):
                return True
    return False


def _words(names: tuple[str, ...]) -> frozenset[str]:
    parts = {part for name in names for part in re.split(r"[\W_\d]+", name.casefold())}
    whole = {_core(name.casefold()) for name in names}
    return frozenset(word for word in parts | whole if len(word) > 2) | {"firstread"}


@cache
def _common() -> frozenset[str]:
    text = (files(__package__) / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.split() if len(line) > 2)
