"""How much an IOD needs an attribute: types 1, 2 and 3 (PS3.5 section 7.4), from the tables of PS3.3 in highdicom."""

import json
from functools import cache
from importlib.resources import files

_STRICTEST = ("1", "1C", "2", "2C", "3")


def attribute_type(sop_class_uid: str, path: tuple[str, ...], keyword: str) -> str | None:
    """Return the strictest type that any module of the IOD gives an attribute; None where the tables do not know it.

    Args:
        sop_class_uid: Of the instance.
        path: Keywords of the sequences around it, outermost first.
        keyword: The attribute's.
    """
    return _types(sop_class_uid).get((*path, keyword))


@cache
def _types(sop_class_uid: str) -> dict[tuple[str, ...], str]:
    iod = _table("sop_class_iod_map").get(sop_class_uid)
    found: dict[tuple[str, ...], str] = {}
    for module in _table("iod_module_map").get(iod, ()):
        for attribute in _table("module_attribute_map").get(module["key"], ()):
            place = (*attribute["path"], attribute["keyword"])
            kind = attribute["type"]
            if kind in _STRICTEST:
                found[place] = min(kind, found.get(place, "3"), key=_STRICTEST.index)
    return found


@cache
def _table(name: str) -> dict:  # type: ignore[type-arg]
    return dict(json.loads((files("highdicom") / "_standard" / f"{name}.json").read_text(encoding="utf-8")))
