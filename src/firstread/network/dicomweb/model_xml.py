"""The DICOM JSON Model as the Native DICOM Model, which is XML (PS3.19 annex A.1)."""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import keyword_for_tag

_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_NAME_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">'
)


def as_xml(dataset: Mapping[str, Any]) -> bytes:
    """Return a data set in the JSON model as an XML document; characters that XML does not have become spaces."""
    return f"{_HEAD}{_attributes(dataset)}</NativeDicomModel>".encode()


def _attributes(dataset: Mapping[str, Any]) -> str:
    return "".join(_attribute(dataset, tag, element) for tag, element in dataset.items())


def _attribute(dataset: Mapping[str, Any], tag: str, element: Mapping[str, Any]) -> str:
    keyword = keyword_for_tag(int(tag, 16))
    more = f" keyword={quoteattr(keyword)}" if keyword else ""
    if int(tag[3], 16) % 2 and tag[4:6] != "00":
        # A private element is named by its creator and the number in the creator's block.
        creators = dataset.get(f"{tag[:4]}00{tag[4:6]}", {}).get("Value", [])
        if creators:
            more, tag = f" privateCreator={quoteattr(_legal(creators[0]))}", f"{tag[:4]}00{tag[6:]}"
    return f'<DicomAttribute tag="{tag}" vr="{element["vr"]}"{more}>{_content(element)}</DicomAttribute>'


def _content(element: Mapping[str, Any]) -> str:
    if "BulkDataURI" in element:
        return f"<BulkData uri={quoteattr(element['BulkDataURI'])}/>"
    if "InlineBinary" in element:
        return f"<InlineBinary>{element['InlineBinary']}</InlineBinary>"
    kind = {"SQ": _item, "PN": _name}.get(element["vr"], _value)
    return "".join(kind(n, value) for n, value in enumerate(element.get("Value", []), 1))


def _value(n: int, value: object) -> str:
    return f'<Value number="{n}">{"" if value is None else escape(_legal(value))}</Value>'


def _item(n: int, value: Mapping[str, Any]) -> str:
    return f'<Item number="{n}">{_attributes(value)}</Item>'


def _name(n: int, value: Mapping[str, str]) -> str:
    groups = ""
    for group in _NAME_GROUPS:
        if group in value:
            parts = zip(_NAME_PARTS, value[group].split("^"), strict=False)
            told = "".join(f"<{part}>{escape(_legal(text))}</{part}>" for part, text in parts if text)
            groups += f"<{group}>{told}</{group}>"
    return f'<PersonName number="{n}">{groups}</PersonName>'


def _legal(value: object) -> str:
    return "".join(c if _is_legal(c) else " " for c in str(value))


def _is_legal(c: str) -> bool:
    return c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
