"""Data sets in the DICOM JSON Model (PS3.18 annex F); what is long or binary is named by a BulkDataURI."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from firstread.archive.elements import Unparsable, count_nested
from firstread.network.dicomweb.raw_json import plain_json

MOST_INLINE = 1024  # bytes
LARGEST_UNCOUNTED = (
    1 << 20
)  # bytes of a sequence; the elements of a longer one are counted before it is parsed
MOST_NESTED = 300_000  # elements of such a sequence; one with more is left out: it could take minutes
DEEPEST = 16
_BINARY = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")
_TEXTS = ("LT", "ST", "UT", "UC", "UR")

Uri = Callable[[str], str]
Json = dict[str, Any]


def as_json(dataset: Dataset, uri: Uri, *, path: str = "", depth: int = 0) -> Json:
    """Return a data set as a JSON object, without file meta information, group lengths and pixel data.

    A value that is none of its VR is left out, with its VR kept; a number that is not finite becomes null.

    Args:
        dataset: As pydicom reads it.
        uri: From the path of an element, such as 00420011 or 00081115/1/00081199, to the URI of its value.
        path: Of the sequence's item that the data set is.
        depth: Of nesting.
    """
    made: Json = {}
    for tag in sorted(dataset.keys(), key=int):  # as numbers: pydicom's tags compare slowly
        number = int(tag)
        if not number & 0xFFFF or number < 0x00030000 or number >> 16 == 0xFFFE:
            continue
        key = f"{number:08X}"
        raw = dataset.get_item(tag)
        if isinstance(raw, RawDataElement) and (plain := plain_json(raw)) is not None:
            made[key] = plain
            continue
        if isinstance(raw, RawDataElement) and raw.value and len(raw.value) > LARGEST_UNCOUNTED:
            vr = raw.VR or _vr_of(int(tag))
            if vr != "SQ":
                made[key] = {"vr": vr, "BulkDataURI": uri(path + key)}
                continue
            if not _is_bounded(raw):
                made[key] = {"vr": vr}
                continue
        try:
            made[key] = _element(dataset[tag], uri, path + key, depth)
        except (RecursionError, MemoryError):
            raise
        except Exception:
            made[key] = {"vr": (raw.VR if raw is not None else None) or _vr_of(int(tag))}
    return made


def _is_bounded(raw: RawDataElement) -> bool:
    try:
        count_nested(
            memoryview(raw.value or b""),
            implicit=raw.is_implicit_VR,
            big=not raw.is_little_endian,
            most=MOST_NESTED,
        )
    except Unparsable:
        return False
    return True


def attribute(keyword: str, *values: str | int | None) -> tuple[str, Json]:
    """Return one attribute by its keyword; without a value, or with an empty one, only its VR is said."""
    tag = tag_for_keyword(keyword) or 0
    vr = dictionary_VR(tag)
    held: list[Any] = [value for value in values if value not in (None, "")]
    if vr == "PN":
        held = [_name(str(value)) for value in held]
    return f"{tag:08X}", {"vr": vr, "Value": held} if held else {"vr": vr}


def sequence(keyword: str, items: list[Json]) -> tuple[str, Json]:
    """Return a sequence by its keyword."""
    return f"{tag_for_keyword(keyword) or 0:08X}", {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}


def values(made: Mapping[str, Any], keyword: str) -> list[Any]:
    """Return the values of an attribute of a JSON object; empty where there are none."""
    found = made.get(f"{tag_for_keyword(keyword) or 0:08X}", {}).get("Value", [])
    return list(found)


def _element(element: Any, uri: Uri, path: str, depth: int) -> Json:  # noqa: ANN401 - a DataElement
    vr = str(element.VR)
    if vr == "SQ":
        if depth >= DEEPEST:
            return {"vr": vr}
        items = [
            as_json(item, uri, path=f"{path}/{n}/", depth=depth + 1)
            for n, item in enumerate(element.value, 1)
        ]
        return {"vr": vr, "Value": items} if items else {"vr": vr}
    value = element.value
    if vr in _BINARY and value and len(value) > MOST_INLINE:
        return {"vr": vr, "BulkDataURI": uri(path)}
    if vr in _TEXTS and isinstance(value, str) and len(value) > MOST_INLINE:
        return {"vr": vr, "BulkDataURI": uri(path)}
    if vr == "PN":
        names = list(value) if element.VM > 1 else [value]
        held = [_name(str(name)) for name in names if str(name)]
        return {"vr": vr, "Value": held} if held else {"vr": vr}
    made: Json = element.to_json_dict(None, MOST_INLINE)
    if "Value" in made:
        made["Value"] = [_finite(one) for one in made["Value"]]
    return made


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _name(value: str) -> dict[str, str]:
    groups = ("Alphabetic", "Ideographic", "Phonetic")
    return {group: part for group, part in zip(groups, value.split("="), strict=False) if part}


def _vr_of(tag: int) -> str:
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"
