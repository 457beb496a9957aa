"""Judges of DICOM objects that are not ours: dicom3tools' dciodvfy and the package dicom-validator."""

import json
import subprocess
from functools import cache
from importlib.resources import files
from pathlib import Path

from dicom_validator.validator.dicom_info import DicomInfo
from dicom_validator.validator.iod_validator import IODValidator
from pydicom import dcmread
from pydicom.datadict import DicomDictionary, keyword_dict
from pydicom.dataset import Dataset

from firstread.dicom.derived_object import save

VALUE_TYPES = {
    "ConceptCodeSequence": ["CODE"],
    "ContinuityOfContent": ["CONTAINER"],
    "GraphicData": ["SCOORD", "SCOORD3D"],
    "GraphicType": ["SCOORD", "SCOORD3D"],
    "MeasuredValueSequence": ["NUM"],
    "ReferencedFrameOfReferenceUID": ["SCOORD3D"],
    "ReferencedSOPSequence": ["COMPOSITE", "IMAGE", "WAVEFORM"],
    "TabulatedValuesSequence": ["TABLE"],
    "TemporalRangeType": ["TCOORD"],
}
"""Which attributes a content item has, by its value type."""


def written(dataset: Dataset, folder: Path) -> Path:
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    save(dataset, path)
    return path


def dciodvfy_errors(path: Path, program: str) -> list[str]:
    told = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=60)
    return [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]


def validator_errors(path: Path) -> list[str]:
    """What dicom-validator has against a file, in words.

    It fetches the standard's text from NEMA when it first runs. Tests must work without a network, so it
    is given the tables of PS3.3 that highdicom ships instead: modules of each IOD, attributes of each
    module, their types and nesting. What they lack is the text of conditions, so types 1C and 2C and
    conditional modules are not judged here, but for content items; dciodvfy judges those.
    """
    dataset = dcmread(path, stop_before_pixels=True)
    handler = _Silent()
    outcome = IODValidator(dataset, _standard(str(dataset.SOPClassUID)), error_handler=handler).validate()
    return [
        f"{module}: {tag} {error.code.name}"
        for module, errors in (outcome.module_errors or {}).items()
        for tag, error in errors.items()
    ]


class _Silent:
    def handle_validation_start(self, result) -> None:
        pass

    def handle_validation_result(self, result) -> None:
        pass


@cache
def _standard(sop_class: str) -> DicomInfo:
    tables = files("highdicom") / "_standard"
    iod = json.loads((tables / "sop_class_iod_map.json").read_text())[sop_class]
    modules = json.loads((tables / "iod_module_map.json").read_text())[iod]
    attributes = json.loads((tables / "module_attribute_map.json").read_text())
    return DicomInfo(
        {_written(tag): {"name": entry[2], "vr": entry[0]} for tag, entry in DicomDictionary.items()},
        {
            sop_class: {
                "title": iod,
                "group_macros": {},
                "modules": {one["key"]: {"ref": one["key"], "use": one["usage"]} for one in modules},
            }
        },
        _modules({one["key"]: _tree(attributes[one["key"]]) for one in modules}),
    )


def _modules(trees: dict[str, dict]) -> dict[str, dict]:
    """Let content items hold content items, each with what its value type asks for (PS3.3 C.17.3.2)."""
    document = trees.get("sr-document-content")
    if document is None:
        return trees
    content = _tag("ContentSequence")
    item = document[content]["items"]
    for level in (document, item):
        for keyword, value_types in VALUE_TYPES.items():
            entry = level.get(_tag(keyword))
            if entry is not None:
                condition = {"op": "=", "tag": _tag("ValueType"), "index": 0, "values": value_types}
                entry.update(type=entry["type"][0] + "C", cond={"type": "MU", **condition})
    item[content] = {"name": "ContentSequence", "type": "3", "items": {"include": [{"ref": "content-item"}]}}
    return {**trees, "content-item": item}


def _tree(flat: list[dict]) -> dict:
    """Nest the attributes of a module as dicom-validator wants them."""
    tree: dict = {}
    for one in flat:
        if one["keyword"] not in keyword_dict:  # of a repeating group, such as Overlay Rows
            continue
        level = tree
        for parent in one["path"]:
            level = level[_tag(parent)]["items"]
        entry = level.setdefault(_tag(one["keyword"]), {"name": one["keyword"]})
        # The macros of a functional group may stand in either of the two sequences (PS3.3 C.7.6.16).
        in_groups = [p for p in one["path"] if p.endswith("FunctionalGroupsSequence")]
        entry["type"] = "3" if in_groups == one["path"] and in_groups else one["type"]
        if one["keyword"].endswith("Sequence"):
            entry.setdefault("items", {})
    return tree


@cache
def _tag(keyword: str) -> str:
    return _written(keyword_dict[keyword])


def _written(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
