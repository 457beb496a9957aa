"""Judge of de-identified files: it reads them again, and knows nothing of how they were made.

It shares with the code that it judges the options of the project and the file of Table E.1-1, which it reads itself.
It looks for every text, UID and date of the original that may not be told, in every byte and every encoding that DICOM
has.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from io import BytesIO

from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from firstread.dicom.deidentify.options import Option
from firstread.dicom.deidentify.vocabulary import is_common
from firstread.dicom.quiet import quiet

_PROFILE = "113100"
_ENCODINGS = (
    "utf-8",
    "utf-16-le",
    "utf-16-be",
    "latin-1",
    "iso8859-2",
    "iso8859-3",
    "iso8859-4",
    "iso8859-5",
    "iso8859-6",
    "iso8859-7",
    "iso8859-8",
    "iso8859-9",
    "iso8859-15",
    "tis-620",
    "shift_jis",
    "iso2022_jp",
    "iso2022_jp_2",
    "euc_jp",
    "euc_kr",
    "iso2022_kr",
    "gb18030",
    "gbk",
    "big5",
)
"""Of PS3.3 C.12.1.1.2, and those that files have without saying so."""
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_STANDARD = "1.2.840.10008."
_TEXTS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_NAME_PARTS = re.compile(r"[\s^=,;]+")
_EIGHT_DIGITS = re.compile(rb"(?<!\d)\d{8}(?!\d)")
_LEAST_IN_PIXELS = 6
"""Bytes; shorter ones are in compressed pixels by chance."""
_LEAST_TEXT, _LEAST_NAME = 4, 3
_LEAST_WITHIN = 5
"""Characters of what is looked for within words too; "ann" is in "annotation"."""
_ALWAYS = frozenset(
    {
        0x00100010, 0x00100020, 0x00100030, 0x00101000, 0x00101001, 0x00101005, 0x00101040, 0x00101060, 0x00102154,
        0x00102155, 0x00080050, 0x00080090, 0x00081048, 0x00081050, 0x00081060, 0x00081070, 0x00101090, 0x00402017,
        0x00402016, 0x00380010, 0x0040A123,
    }
)  # fmt: skip
"""Patient, accession, orders and persons: never told under any option, whatever a table may say."""


@dataclass(frozen=True)
class Leak:
    """Something of the original in the output.

    Args:
        kind: Such as "a text", "a UID", "a date", "the table".
        where: Tag of the attribute that it was in, never its value.
    """

    kind: str
    where: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.where}"


@dataclass
class _Sought:
    texts: dict[str, str] = field(default_factory=dict)  # in lower case, with the tag
    uids: dict[str, str] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)


def leaks(original: Dataset, content: bytes, options: frozenset[Option]) -> tuple[Leak, ...]:
    """Return what a de-identified file still tells of its original; nothing where it tells nothing.

    Args:
        original: As it came.
        content: Of the de-identified file.
        options: Those of the project: what they keep is not a leak.
    """
    with quiet():
        try:
            made = dcmread(BytesIO(content))
            elements = list(_elements(made))
        except Exception:
            return (Leak("a file that cannot be read", "the output"),)
        sought = _sought(original, options)
        found = [*_in_bytes(sought, content, made), *_dates(original, made, content, sought, options)]
        found += _against_table(original, elements, options)
        if content[:128].strip(b"\0"):
            found.append(Leak("a preamble", "the file"))
        if len(content) != _end(content):
            found.append(Leak("bytes behind the data set", "the file"))
    return tuple(dict.fromkeys(found))


@cache
def _table() -> dict[str, dict[str, str]]:
    text = (files("firstread.dicom.deidentify") / "confidentiality_table.json").read_text(encoding="utf-8")
    return dict(json.loads(text)["actions"])


def _action(tag: int, options: frozenset[Option]) -> str:
    """Return the table's action, "" where it is silent."""
    if tag in _ALWAYS and tag != 0x0040A123:
        return _table().get(f"{tag:08x}", {}).get(_PROFILE, "X")
    if tag >> 16 & 1:
        return "C" if Option.SAFE_PRIVATE in options else "X"
    if tag >> 24 in (0x50, 0x60) and (tag >> 16 & 0xFF) < 0x20:
        return "X"
    row = _table().get(f"{tag:08x}")
    if row is None:
        return ""
    codes = {option.code for option in options} & row.keys()
    kept = {row[code] for code in codes}
    return "K" if "K" in kept else "C" if "C" in kept else row[_PROFILE]


def _sought(original: Dataset, options: frozenset[Option]) -> _Sought:
    sought = _Sought()
    legitimate: set[str] = set()
    weak: dict[str, str] = {}
    for element in _elements(original):
        tag = int(element.tag)
        action = _action(tag, options)
        name = str(element.tag)
        if element.VR == "UI":
            if Option.UIDS not in options and action != "K":
                sought.uids.update({uid: name for uid in _values(element) if _is_own_uid(uid, tag)})
            continue
        if element.VR in ("DA", "DT"):
            if action != "K":
                sought.dates.update(
                    {value[:8]: name for value in _values(element) if value[:8].isdigit() and len(value) >= 8}
                )
            continue
        if element.VR == "PN" or (tag in _ALWAYS):
            for value in _values(element):
                sought.texts.update({part: name for part in _telling_parts(value, element.VR)})
            continue
        values = [value.strip().lower() for value in _values(element)]
        if element.VR in ("UN", "OB") and tag >> 16 & 1:
            values = _printable(element.value)
        if action == "K" or (action == "" and element.VR not in ("LT", "ST", "UT", "UR", "UN")):
            legitimate.update(values)
        elif element.VR in _TEXTS or element.VR in ("UN", "OB"):
            weak.update({value: name for value in values if _tells(value)})
    for value, name in weak.items():
        if not any(value in each for each in legitimate):
            sought.texts.setdefault(value, name)
    return sought


def _is_own_uid(uid: str, tag: int) -> bool:
    return (
        bool(uid)
        and not uid.startswith(_STANDARD)
        and tag not in (0x0008010C, 0x00080112, 0x00080117, 0x00080118)
    )


def _telling_parts(value: str, vr: str) -> Iterator[str]:
    whole = value.strip().strip("^=").lower()
    if len(whole) >= _LEAST_NAME and not is_common(whole):
        yield whole
    if vr == "PN":
        for part in _NAME_PARTS.split(whole):
            least = _LEAST_NAME if part.isascii() else 2
            if len(part) >= least and not is_common(part) and part != "removed":
                yield part


def _tells(value: str) -> bool:
    """Tell whether a text is long enough and has a word or number that not every report has."""
    words = re.findall(r"[^\W_]+", value)
    telling = [
        w for w in words if not is_common(w) and not (w.isdigit() and len(w) <= 3) and not _is_measure(w)
    ]
    return len(value) >= _LEAST_TEXT and bool(telling) and value != "removed"


def _is_measure(word: str) -> bool:
    return re.fullmatch(r"\d{1,3}[a-z]{1,3}", word) is not None


def _printable(value: object) -> list[str]:
    if not isinstance(value, bytes):
        return [str(value).strip().lower()] if isinstance(value, str) else []
    if len(value) > 1 << 16:
        return []
    return [run.decode("ascii").strip().lower() for run in re.findall(rb"[\x20-\x7e]{4,}", value)]


def _values(element: DataElement) -> list[str]:
    value = element.value
    if value is None or isinstance(value, bytes):
        return []
    if isinstance(value, str):
        return [value]
    try:
        return (
            [str(each) for each in value]
            if hasattr(value, "__iter__") and element.VR != "PN"
            else _names(value)
        )
    except TypeError:
        return [str(value)]


def _names(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, MultiValue) else [str(value)]


def _in_bytes(sought: _Sought, content: bytes, made: Dataset) -> Iterator[Leak]:
    folded = content.lower()
    start, end = _pixels_at(made, content)
    outside = folded[:start] + b"\0" + folded[end:]
    for text, where in sought.texts.items():
        for needle in _encoded(text):
            if _is_in(needle, text, folded if len(needle) >= _LEAST_IN_PIXELS else outside):
                yield Leak("a text", where)
                break
    for uid, where in sought.uids.items():
        if _stands_alone(folded, uid.encode()):
            yield Leak("a UID", where)


def _is_in(needle: bytes, text: str, content: bytes) -> bool:
    if len(text) >= _LEAST_WITHIN or not text.isascii() or len(needle) != len(text):
        return needle in content
    return re.search(rb"(?<![a-z0-9])" + re.escape(needle) + rb"(?![a-z0-9])", content) is not None


def _encoded(text: str) -> set[bytes]:
    found: set[bytes] = set()
    for encoding in _ENCODINGS:
        try:
            needle = text.encode(encoding).lower()
        except UnicodeEncodeError:
            continue
        if encoding.startswith("iso2022"):
            found.update(
                part
                for part in re.split(rb"\x1b[\x24\x28-\x2f][\x40-\x5f]?[\x40-\x5f]|[\x0e\x0f]", needle)
                if len(part) >= 4
            )
        found.add(needle)
    return {needle for needle in found if len(needle) >= 3}


def _stands_alone(content: bytes, uid: bytes) -> bool:
    at = content.find(uid)
    while at >= 0:
        before, after = content[at - 1 : at], content[at + len(uid) : at + len(uid) + 1]
        if not (before.isdigit() or before == b"." or after.isdigit() or after == b"."):
            return True
        at = content.find(uid, at + 1)
    return False


def _pixels_at(made: Dataset, content: bytes) -> tuple[int, int]:
    """Return where Pixel Data's value is in the file: it is the last large element."""
    value = next((made[tag].value for tag in _PIXELS if tag in made), None)
    if not isinstance(value, bytes) or not value:
        return len(content), len(content)
    at = content.rfind(value)
    return (at, at + len(value)) if at >= 0 else (len(content), len(content))


def _dates(
    original: Dataset, made: Dataset, content: bytes, sought: _Sought, options: frozenset[Option]
) -> Iterator[Leak]:
    """Find dates that are told: at their own place, in another attribute, or moved by different numbers of days."""
    if Option.FULL_DATES in options:
        return
    moved: set[int] = set()
    told: set[bytes] = set()
    for path, before, after in _pairs(original, made):
        if after.VR not in ("DA", "DT"):
            continue
        for old, new in zip(_values(before), _values(after), strict=False):
            if not new:
                continue
            told.add(new[:8].encode())
            days = _days_between(old[:8], new[:8])
            if days is None or new.startswith("19000101"):
                continue
            if days == 0 and _action(int(before.tag), options) != "K":
                yield Leak("a date", path)
            moved.add(days)
    for element in _elements(made):
        if element.VR in ("DA", "DT"):
            told.update(value[:8].encode() for value in _values(element))
    if Option.MODIFIED_DATES in options and len(moved - {0}) > 1:
        yield Leak("dates that are not moved alike", "the instance")
    start, end = _pixels_at(made, content)
    numbers = set(_EIGHT_DIGITS.findall(content[:start])) | set(_EIGHT_DIGITS.findall(content[end:]))
    for day, where in sought.dates.items():
        if day.encode() in numbers - told:
            yield Leak("a date", where)


def _days_between(old: str, new: str) -> int | None:
    try:
        first, second = (date(int(d[:4]), int(d[4:6]), int(d[6:8])) for d in (old, new))
    except ValueError:
        return None
    return (second - first).days


def _against_table(
    original: Dataset, elements: list[DataElement], options: frozenset[Option]
) -> Iterator[Leak]:
    before: dict[int, set[str]] = {}
    for element in _elements(original):
        before.setdefault(int(element.tag), set()).update(value for value in _values(element) if value)
    for element in elements:
        tag = int(element.tag)
        action = _action(tag, options)
        if action in ("", "K") or tag in _PIXELS:
            continue
        values = {value for value in _values(element) if value}
        same = values & before.get(tag, set())
        if action == "X" and (values or element.VR in ("OB", "OW", "UN")) and not _is_nested_dummy(values):
            yield Leak("an attribute that the table has removed", str(element.tag))
        elif action == "Z" and values and tag not in (0x00100010,):
            if same:
                yield Leak("an attribute that the table has emptied", str(element.tag))
        elif (
            action in ("D", "Z/D", "X/D", "X/Z/D", "X/Z", "U") and same - _DUMMIES and not _all_standard(same)
        ):
            yield Leak("an attribute that the table has replaced", str(element.tag))


_DUMMIES = frozenset({"REMOVED", "0", "0.0", "000000", "19000101", "19000101000000", "000Y"})


def _is_nested_dummy(values: set[str]) -> bool:
    return values <= _DUMMIES and bool(values)


def _all_standard(values: set[str]) -> bool:
    return all(value.startswith(_STANDARD) for value in values)


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            value = element.value
        except Exception:
            continue
        if element.VR == "SQ":
            for item in value or ():
                yield from _elements(item)
        else:
            yield element


def _pairs(
    original: Dataset, made: Dataset, path: str = ""
) -> Iterator[tuple[str, DataElement, DataElement]]:
    """Yield the attributes that both have at the same place."""
    for tag in list(made.keys()):
        if tag not in original:
            continue
        try:
            before, after = original[tag], made[tag]
            _ = before.value, after.value
        except Exception:
            continue
        place = f"{path}{tag}"
        if after.VR == "SQ" and before.VR == "SQ":
            for old, new in zip(before.value or (), after.value or (), strict=False):
                yield from _pairs(old, new, f"{place}.")
        elif after.VR != "SQ":
            yield place, before, after


def _end(content: bytes) -> int:
    """Return where the data set ends: the parser stops there without a word."""
    stream = BytesIO(content)
    dcmread(stream)
    return stream.tell()
