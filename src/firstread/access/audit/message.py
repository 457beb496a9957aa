"""Events as DICOM audit messages: XML by the schema of PS3.15 A.5.1, with the codes of PS3.15 A.5.2 and A.5.3."""

import re
from base64 import b64encode
from ipaddress import ip_address
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from firstread.access.audit.event import MEANINGS
from firstread.access.audit.search import Recorded

_OWN = "99FIRSTREAD"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, Char
_SOURCE_ROLE = ("110153", "DCM", "Source Role ID")
_DESTINATION_ROLE = ("110152", "DCM", "Destination Role ID")
_APPLICATION = ("110150", "DCM", "Application")
_LAUNCHER = ("110151", "DCM", "Application Launcher")
_MEDIA = ("110154", "DCM", "Destination Media")
_PATIENT_NUMBER = ("2", "RFC-3881", "Patient Number")
_STUDY_UID = ("110180", "DCM", "Study Instance UID")
_SOP_CLASS = ("110181", "DCM", "SOP Class UID")
_DETAIL = ("detail", _OWN, "Detail")
_TAKES = ("110112", "110107", "110105")  # what comes to us: queries, imports, requests to delete


def message_of(recorded: Recorded, *, source: str) -> bytes:
    """Return an event as one AuditMessage, UTF-8 without line breaks.

    Args:
        recorded: The event.
        source: Name of the installation (AuditSourceID).
    """
    said = recorded.content
    root = Element("AuditMessage")
    identified = SubElement(
        root,
        "EventIdentification",
        EventActionCode=said["does"],
        EventDateTime=said["at"],
        EventOutcomeIndicator=str(said["outcome"]),
    )
    _code(identified, "EventID", (said["code"], "DCM", MEANINGS[said["code"]]))
    if said["subtype"]:
        _code(identified, "EventTypeCode", (said["subtype"], "DCM", MEANINGS[said["subtype"]]))
    if problem := said["detail"].get("problem"):
        SubElement(identified, "EventOutcomeDescription").text = _clean(problem)
    _participants(root, said)
    origin = SubElement(root, "AuditSourceIdentification", AuditSourceID=_clean(source))
    SubElement(origin, "AuditSourceTypeCode", {"csd-code": "4"})
    _objects(root, said, f"{recorded.number} {recorded.chain}")
    encoded: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return encoded.replace(b"\n", b" ")


def _participants(root: Element, said: dict[str, Any]) -> None:
    actor, detail = said["actor"], said["detail"]
    roles: list[tuple[str, str, str]] = [(role, _OWN, role) for role in actor["roles"]]
    ours: list[tuple[str, str, str]] = [_APPLICATION]
    if said["code"] == "110100":
        roles = [_LAUNCHER, *roles]
    elif said["code"] in _TAKES or (said["code"] == "110104" and said["does"] == "C"):
        roles, ours = [_SOURCE_ROLE, *roles], [_DESTINATION_ROLE]
    elif said["code"] in ("110104", "110106"):
        roles, ours = ([] if "destination" in detail else [_DESTINATION_ROLE]) + roles, [_SOURCE_ROLE]
    who = _participant(root, actor["name"] or "unknown", roles, requestor=True, address=actor["address"])
    if actor["kind"] == "node":
        who.set("AlternativeUserID", _clean(f"AETITLES={actor['name']}"))
    process = _participant(root, "firstread", ours, requestor=False)
    process.set("NetworkAccessPointID", _clean(said["host"]))
    process.set("NetworkAccessPointTypeCode", "1")
    if destination := detail.get("destination"):
        role = _MEDIA if said["code"] == "110106" else _DESTINATION_ROLE
        _participant(root, destination, [role], requestor=False)


def _participant(
    root: Element, name: str, roles: list[tuple[str, str, str]], *, requestor: bool, address: str = ""
) -> Element:
    made = SubElement(
        root, "ActiveParticipant", UserID=_clean(name), UserIsRequestor="true" if requestor else "false"
    )
    for role in roles:
        _code(made, "RoleIDCode", role)
    if address:
        made.set("NetworkAccessPointID", _clean(address))
        made.set("NetworkAccessPointTypeCode", "2" if _is_address(address) else "1")
    return made


def _objects(root: Element, said: dict[str, Any], position: str) -> None:
    detail = {name: value for name, value in said["detail"].items() if name not in ("query", "problem")}
    for uid in said["studies"]:
        study = _object(root, uid, _STUDY_UID, kind="2", role="3", name=uid)
        if instances := detail.get("instances", ""):
            described = SubElement(study, "ParticipantObjectDescription")
            SubElement(described, "SOPClass", NumberOfInstances=_clean(instances))
    for patient in said["patients"]:
        _object(root, patient, _PATIENT_NUMBER, kind="1", role="1", name=patient)
    query = said["detail"].get("query")
    if query is not None:
        model = detail.get("sop_class") or "QIDO-RS"
        code = _SOP_CLASS if "sop_class" in detail else ("query", _OWN, "Query")
        asked = _object(root, model, code, kind="2", role="3")
        SubElement(asked, "ParticipantObjectQuery").text = b64encode(query.encode()).decode()
        _details(asked, {"TransferSyntax": "1.2.840.10008.1.2.1", **detail, "chain": position})
    else:
        told = _object(root, "detail", _DETAIL, kind="4", role="13", name="detail")
        _details(told, {**detail, "chain": position})


def _object(
    root: Element, id_: str, code: tuple[str, str, str], *, kind: str, role: str, name: str = ""
) -> Element:
    made = SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=_clean(id_),
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )
    _code(made, "ParticipantObjectIDTypeCode", code)
    if name:
        SubElement(made, "ParticipantObjectName").text = _clean(name)
    return made


def _details(parent: Element, detail: dict[str, str]) -> None:
    for kind, value in detail.items():
        encoded = b64encode(value.encode("utf-8", "backslashreplace")).decode()
        SubElement(parent, "ParticipantObjectDetail", type=_clean(kind), value=encoded)


def _code(parent: Element, name: str, code: tuple[str, str, str]) -> None:
    value, system, meaning = code
    SubElement(
        parent, name, {"csd-code": _clean(value), "codeSystemName": system, "originalText": _clean(meaning)}
    )


def _clean(text: str) -> str:
    """Return a text without what XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
