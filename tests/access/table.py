"""The one table of who may do what: every HTTP route, DIMSE service and command, and what it needs.

`test_table.py` lists what there is in the code, and fails where a row is missing or is left over. It then does each
thing as every role, on a study inside the role's scope, on one outside and on one that does not exist, and compares
with `RIGHTS`.

A new route, service or command gets one row:

* `Needs(action, "one")`: it names a study by its path (`{study}`, `{series}`, `{instance}`) or, a command, by its
  arguments. Inside the scope it is done; a study outside answers exactly as one that does not exist.
* `Needs(action, "list")`: it lists. What is inside is in the answer, what is outside is not.
* `Needs(action, "whole")`: it is not about a study; a role may or may not.
* `Needs(action, "stream")`: as whole, but its answer does not end; only refusals are asked for.
* `Open(reason)`: anybody may, and the reason says why that tells nobody anything of a patient.

Of a route `path` fills in other parameters, `body` and `headers` are sent, and `marker` returns what in the answer
tells that a study is in it (its Study Instance UID as a rule). Of a command `arguments` are those for a study.

A new action gets its line in `RIGHTS` for each role that has it: "all" studies, or those in "scope".
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.access.world import Case
from tests.alerts.samples import result

RIGHTS: dict[str, dict[str, Literal["all", "scope"]]] = {
    "administrator": dict.fromkeys(
        (
            "study.read", "study.store", "study.delete", "study.export", "deidentify.run", "report.read_preliminary",
            "report.read", "alert.read", "alert.manage", "job.read", "job.manage", "route.manage",
            "destination.manage", "model.read", "model.manage", "dataset.read", "account.manage", "rights.manage",
            "audit.read", "service.operate",
        ),
        "all",
    ),
    "radiologist": {
        "study.read": "scope", "report.read_preliminary": "scope", "report.read": "scope", "report.edit": "scope",
        "report.sign": "scope", "alert.read": "scope", "alert.acknowledge": "scope", "job.read": "scope",
        "model.read": "all", "access.break_glass": "all",
    },
    "clinician": {
        "study.read": "scope", "report.read": "scope", "alert.read": "scope", "alert.acknowledge": "scope",
        "access.break_glass": "all",
    },
    "technologist": {"study.store": "all", "study.read": "scope", "job.read": "scope"},
    "ai_engineer": {
        "model.read": "all", "model.manage": "all", "study.read": "scope", "report.read_preliminary": "scope",
        "job.read": "scope", "dataset.read": "scope",
    },
    "researcher": {"study.read": "scope", "dataset.read": "scope"},
    "auditor": {"audit.read": "all"},
    "nobody": {},
}  # fmt: skip
"""What each shipped role may do; the migration writes the same as rules."""

Kind = Literal["one", "list", "whole", "stream"]


@dataclass(frozen=True)
class Needs:
    """What something needs, and how it is asked for."""

    action: str
    kind: Kind
    path: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Callable[[Case], bytes] | None = None
    marker: Callable[[Case], str] = lambda case: case.study
    arguments: Callable[[Case], list[str]] = lambda case: []
    alert: Callable[[Case], int] = lambda case: case.alert
    changes: bool = False


@dataclass(frozen=True)
class Open:
    """What anybody may do, and why."""

    reason: str


def _multipart(case: Case) -> bytes:
    """One new image of a study's second series, as a body of STOW-RS."""
    image = case.images(1, series=2)[0]
    head = b"--B\r\nContent-Type: application/dicom\r\n\r\n"
    return head + image.header + bytes(image.dataset) + b"\r\n--B--\r\n"


_READ = "study.read"
_STOW: dict[str, Any] = {
    "headers": {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'},
    "body": _multipart,
}
_S, _E, _I = "/dicom-web/studies/{study}", "/series/{series}", "/instances/{instance}"
_A = "/api/studies/{study}"
_SECRET = {"password": "secret"}
_BY_HAND = {
    "center_lps_mm": [0, 0, 0], "long_mm": 9, "short_mm": 7, "attenuation": "solid", "laterality": "left",
    "sop_instance_uid": "1.2.3",
}  # fmt: skip
_PERSON = "Its visitor has to be logged in, and is shown their own account alone."


def _seen(version: int) -> dict[str, str]:
    return {"If-Match": f'"{version}"', "Content-Type": "application/json"}


def _json(content: Any) -> Callable[[Case], bytes]:
    return lambda case: json.dumps(content).encode()


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON = {"Content-Type": "application/json"}
_ALERT = "/api/alerts/{alert}"
_ALERTS: dict[tuple[str, str], Any] = {
    ("GET", "/api/alerts"): Needs("alert.read", "list"),
    ("GET", "/api/alerts/mine"): Needs("alert.acknowledge", "list"),
    ("GET", "/api/alerts/statistics"): Needs("alert.read", "whole"),
    ("GET", "/api/alerts/configuration"): Needs("alert.manage", "whole"),
    ("POST", "/api/alerts/test"): Needs(
        "alert.manage", "whole", headers=_JSON, body=lambda case: result().model_dump_json().encode()
    ),
    ("POST", "/api/alerts/seen"): Needs(
        "alert.acknowledge", "whole", headers=_JSON, body=lambda case: b'{"alerts": []}'
    ),
    ("GET", _ALERT): Needs("alert.read", "one"),
    ("GET", f"{_ALERT}/communication"): Needs("alert.read", "one"),
    ("GET", "/alerts"): Needs("alert.read", "list", marker=lambda case: case.patient_id),
    ("GET", "/alerts/{alert}"): Needs("alert.read", "one"),
}
_RULE = b"act=try&is_new=yes&name=own&title=T&level=days&per=study&concepts=nodule"
_ALERTS |= {
    ("GET", "/alert-rules"): Needs("alert.manage", "whole"),
    ("GET", "/alert-rules/edit"): Needs("alert.manage", "whole"),
    ("POST", "/alert-rules/edit"): Needs("alert.manage", "whole", headers=_FORM, body=lambda case: _RULE),
    # What they do is in tests/web/pages/test_alert_rules.py; they change what is asked next, so here they are refused.
    ("POST", "/alert-rules/drop"): Needs("alert.manage", "stream"),
    ("POST", "/alert-rules/back"): Needs("alert.manage", "stream"),
}
for _of, _sent, _said in (
    (_ALERT, _JSON, {"": b"{}", "reason": b'{"reason": "r"}', "level": b'{"reason": "r", "level": "days"}'}),
    ("/alerts/{alert}", _FORM, {"": b"", "reason": b"reason=r", "level": b"reason=r&level=days"}),
):
    for _what, _action, _needs in (
        ("acknowledge", "alert.acknowledge", ""),
        ("confirm", "report.sign", ""),
        ("downgrade", "report.sign", "level"),
        ("cancel", "report.sign", "reason"),
        ("close", "alert.acknowledge", ""),
    ):
        _ALERTS["POST", f"{_of}/{_what}"] = Needs(
            _action,
            "one",
            headers=_sent,
            body=lambda case, content=_said[_needs]: content,
            alert=(lambda case: case.acknowledged_alert) if _what == "close" else (lambda case: case.alert),
            changes=True,
        )

ROUTES: dict[tuple[str, str], Needs | Open] = {
    ("GET", "/dicom-web/studies"): Needs(_READ, "list"),
    ("GET", "/dicom-web/series"): Needs(_READ, "list"),
    ("GET", "/dicom-web/instances"): Needs(_READ, "list"),
    ("GET", f"{_S}/series"): Needs(_READ, "one"),
    ("GET", f"{_S}/instances"): Needs(_READ, "one"),
    ("GET", f"{_S}{_E}/instances"): Needs(_READ, "one"),
    ("GET", f"{_S}/metadata"): Needs(_READ, "one"),
    ("GET", f"{_S}{_E}/metadata"): Needs(_READ, "one"),
    ("GET", f"{_S}{_E}{_I}/metadata"): Needs(_READ, "one"),
    ("GET", _S): Needs(_READ, "one"),
    ("GET", f"{_S}{_E}"): Needs(_READ, "one"),
    ("GET", f"{_S}{_E}{_I}"): Needs(_READ, "one"),
    ("GET", f"{_S}{_E}{_I}/frames/{{frames}}"): Needs(_READ, "one", path={"frames": "1"}),
    ("GET", f"{_S}{_E}{_I}/bulkdata/{{element:path}}"): Needs(
        _READ, "one", path={"element:path": "7FE00010"}
    ),
    ("GET", f"{_S}{_E}{_I}/rendered"): Needs(_READ, "one"),
    ("GET", f"{_S}{_E}{_I}/frames/{{frame}}/rendered"): Needs(_READ, "one", path={"frame": "1"}),
    ("GET", f"{_S}{_E}/rendered"): Needs(_READ, "one"),
    ("GET", f"{_S}/thumbnail"): Needs(_READ, "one"),
    ("GET", f"{_S}{_E}/thumbnail"): Needs(_READ, "one"),
    ("GET", f"{_S}{_E}{_I}/thumbnail"): Needs(_READ, "one"),
    ("GET", f"{_S}{_E}{_I}/frames/{{frame}}/thumbnail"): Needs(_READ, "one", path={"frame": "1"}),
    # Storing is for any study: whether one is there already is not told.
    ("POST", "/dicom-web/studies"): Needs("study.store", "whole", changes=True, **_STOW),
    ("POST", _S): Needs("study.store", "whole", changes=True, **_STOW),
    ("DELETE", f"{_S}{_E}{_I}"): Needs("study.delete", "one", changes=True),
    ("DELETE", f"{_S}{_E}"): Needs("study.delete", "one", changes=True),
    ("DELETE", _S): Needs("study.delete", "one", changes=True),
    ("GET", f"{_A}/result"): Needs("report.read_preliminary", "one"),
    ("GET", f"{_A}/report"): Needs("report.read_preliminary", "one"),
    ("GET", f"{_A}/report/history"): Needs("report.read_preliminary", "one"),
    ("GET", f"{_A}/report/history/{{number}}"): Needs("report.read_preliminary", "one", path={"number": "1"}),
    ("GET", f"{_A}/report/diff"): Needs("report.read_preliminary", "one"),
    # `fill` leaves a report in its third version, and brings it back to that after each row with `changes`.
    ("PATCH", f"{_A}/report"): Needs("report.edit", "one", headers=_seen(3), body=_json({})),
    ("POST", f"{_A}/findings/prepare"): Needs("report.edit", "one"),
    ("POST", f"{_A}/findings"): Needs(
        "report.edit", "one", headers=_seen(3), body=_json({"by_hand": _BY_HAND}), changes=True
    ),
    ("DELETE", f"{_A}/report/amend"): Needs("report.edit", "one", headers=_seen(3), changes=True),
    ("POST", f"{_A}/report/sign"): Needs("report.sign", "one", headers=_seen(3), body=_json(_SECRET)),
    ("POST", f"{_A}/report/addendum"): Needs(
        "report.sign", "one", headers=_seen(4), body=_json({**_SECRET, "text": "Seen."})
    ),
    ("POST", f"{_A}/report/amend"): Needs(
        "report.edit", "one", headers=_seen(5), body=_json({"reason": "a reason"}), changes=True
    ),
    ("GET", "/studies/{study}/report"): Needs("report.read_preliminary", "one"),
    ("GET", "/api/report-texts"): Needs("report.edit", "whole"),
    ("POST", "/api/report-texts"): Needs(
        "report.edit",
        "whole",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=lambda case: b"kind=macro&name=normal&section=findings&text=Normal.",
    ),
    ("GET", "/reports"): Needs("report.read", "list"),
    ("GET", "/reports/{study}"): Needs("report.read", "one"),
    ("GET", "/reports/{study}/report.pdf"): Needs("report.read", "one"),
    ("GET", "/reports/{study}/key/{name}"): Needs("report.read", "one", path={"name": "N1"}),
    ("GET", "/quality"): Needs("report.sign", "whole"),
    ("GET", "/api/studies/{study}/outlines"): Needs("report.read_preliminary", "one"),
    ("GET", "/studies/{study}/view"): Needs(_READ, "one"),
    ("GET", "/events"): Needs(_READ, "stream"),
    ("GET", "/"): Needs(_READ, "list"),
    ("GET", "/worklist"): Needs(_READ, "list"),
    ("GET", "/worklist/rows"): Needs(_READ, "list"),
    ("POST", "/worklist/{study}/claim"): Needs("report.edit", "one"),
    ("POST", "/worklist/{study}/release"): Needs("report.edit", "one"),
    ("POST", "/worklist/views"): Needs(
        _READ, "whole", headers=_FORM, body=lambda case: b"name=mine&query=sort%3Dname"
    ),
    ("POST", "/worklist/views/{view}/remove"): Needs(_READ, "whole", path={"view": "1"}),
    ("GET", "/studies/{study}"): Needs(_READ, "one"),
    ("POST", "/studies/{study}/hold"): Needs(
        "study.delete", "one", headers=_FORM, body=lambda case: b"held=false"
    ),
    ("GET", "/studies/{study}/results/{job}/{name}"): Needs(
        "report.read_preliminary", "one", path={"name": "report.html"}
    ),
    ("GET", "/jobs"): Needs("job.read", "list"),
    ("POST", "/jobs/{job}/{act}"): Needs("job.manage", "one", path={"act": "retry"}, changes=True),
    **_ALERTS,
    ("GET", "/openapi.json"): Open("What the service can do is no secret."),
    ("GET", "/static/{of}/{name:path}"): Open("Files of the package."),
    ("GET", "/health/live"): Open("Names neither patients nor places."),
    ("GET", "/health/ready"): Open("Names checks, and neither patients nor places."),
    ("POST", "/language"): Open("Sets a cookie."),
    ("GET", "/login"): Open("Who is not logged in logs in here."),
    ("POST", "/login"): Open("Who is not logged in logs in here."),
    ("GET", "/login/code"): Open("The second step of logging in."),
    ("POST", "/login/code"): Open("The second step of logging in."),
    ("GET", "/login/oidc"): Open("Who is not logged in is sent to the provider."),
    ("GET", "/login/oidc/callback"): Open("The way back from the provider, in the browser that went there."),
    ("GET", "/login/oidc/leave"): Open("Sends who is logged out here to the provider, which asks."),
    ("POST", "/login/oidc/logout"): Open("Ends sessions on a token that the provider signed."),
    ("POST", "/logout"): Open("Ends the own session."),
    ("GET", "/setup"): Open("A link that works once is asked for."),
    ("POST", "/setup"): Open("A link that works once is asked for."),
    ("GET", "/account"): Open(_PERSON),
    ("POST", "/account/password"): Open(_PERSON),
    ("GET", "/account/factor"): Open(_PERSON),
    ("POST", "/account/factor"): Open(_PERSON),
    ("POST", "/account/factor/remove"): Open(_PERSON),
    ("POST", "/account/recovery"): Open(_PERSON),
    ("POST", "/account/sessions"): Open(_PERSON),
    ("POST", "/account/tokens"): Open(_PERSON),
    ("POST", "/account/tokens/revoke"): Open(_PERSON),
    ("GET", "/break-glass"): Needs("access.break_glass", "whole"),
    ("GET", "/break-glass/log"): Needs("audit.read", "whole"),
    # What they do is in tests/web/pages/test_glass.py; they change what one may see, so here they are refused alone.
    ("POST", "/break-glass"): Needs("access.break_glass", "stream"),
    ("POST", "/break-glass/end"): Needs("access.break_glass", "stream"),
    ("POST", "/break-glass/review"): Needs("audit.read", "stream"),
    ("GET", "/accounts"): Needs("account.manage", "whole"),
    # What they do is in tests/web/pages/test_accounts.py; no two answers are the same, so here they are refused alone.
    ("POST", "/accounts"): Needs("account.manage", "stream"),
    ("POST", "/accounts/roles"): Needs("account.manage", "stream"),
    ("POST", "/accounts/link"): Needs("account.manage", "stream"),
    ("POST", "/accounts/disable"): Needs("account.manage", "stream"),
    ("POST", "/accounts/sessions"): Needs("account.manage", "stream"),
}

SERVICES: dict[str, Needs | Open] = {
    "C-ECHO": Open("Says that the node is there, to who may associate."),
    # Every node that may associate may send: the role node gives it.
    "C-STORE": Needs("study.store", "whole"),
    "N-ACTION": Needs("study.store", "whole"),
    "C-FIND": Needs(_READ, "list"),
    "C-GET": Needs(_READ, "one"),
    "C-MOVE": Needs(_READ, "one"),
}

_FILES = "Works on files of the user's, which the operating system guards; the archive is not opened."
_NODE = "Calls another node; the archive is not opened."
_SETTINGS = "Shows or checks the user's own settings."


def _job(case: Case) -> list[str]:
    return [str(case.job)]


def _accounts(*arguments: str) -> Needs:
    return Needs("account.manage", "whole", arguments=lambda case: [*arguments])


def _alert(*arguments: str) -> Callable[[Case], list[str]]:
    return lambda case: [str(case.alert), *arguments]


def _rights(*arguments: str) -> Needs:
    return Needs("rights.manage", "whole", arguments=lambda case: [*arguments])


COMMANDS: dict[str, Needs | Open] = {
    "read": Open(_FILES),
    "info": Open(_FILES),
    "phantom": Open("Makes a synthetic study."),
    "doctor": Open("Looks at the installation."),
    "demo": Open("Has an archive of its own with a synthetic study."),
    "bench": Open(_FILES),
    "evaluate attributes": Open(_FILES),
    "evaluate froc": Open(_FILES),
    "evaluate measurement": Open(_FILES),
    "evaluate segmentation": Open(_FILES),
    "models bench": Open(_FILES),
    "models convert": Open(_FILES),
    "models list": Open(_FILES),
    "models profile": Open(_FILES),
    "models quantize": Open(_FILES),
    "config check": Open(_SETTINGS),
    "config example": Open(_SETTINGS),
    "config show": Open(_SETTINGS),
    "routes list": Open(_SETTINGS),
    "routes check": Open(_SETTINGS),
    "routes add": Needs("route.manage", "whole", arguments=lambda case: ["nowhere.toml"]),
    "routes remove": Needs("route.manage", "whole", arguments=lambda case: ["none"]),
    "routes undo": Needs("route.manage", "whole"),
    "destinations list": Open(_SETTINGS),
    "destinations test": Open(_NODE),
    "echo": Open(_NODE),
    "serve": Open("Who starts it has the archive's files; whoever calls it is asked."),
    "worker": Open("Who starts it has the archive's files."),
    "archive list": Needs(_READ, "list", arguments=lambda case: ["--json"]),
    "archive add": Needs("study.store", "whole", arguments=lambda case: ["nowhere"]),
    "archive retain": Needs("service.operate", "whole"),
    "backup": Needs("service.operate", "whole", arguments=lambda case: ["backup-of-it"]),
    "restore": Needs("service.operate", "whole", arguments=lambda case: ["nowhere"]),
    "verify": Needs("service.operate", "whole"),
    "routes test": Needs(_READ, "one", arguments=lambda case: [case.study]),
    "send": Needs(
        "study.export", "one", arguments=lambda case: [case.study, "--to", "SINK@127.0.0.1:{sink}"]
    ),
    "deidentify": Needs(
        "deidentify.run", "whole", arguments=lambda case: ["nowhere", "--project", "none", "--dry-run"]
    ),
    "projects add": Needs("service.operate", "whole", arguments=lambda case: ["none"]),
    "projects list": Needs("deidentify.run", "whole"),
    "projects crosswalk": Needs("crosswalk.read", "whole", arguments=lambda case: ["none"]),
    "projects new-key": Open("Prints what chance gives."),
    "projects rekey": Needs("service.operate", "whole", arguments=lambda case: ["nowhere"]),
    "projects studies": Needs("deidentify.run", "whole"),
    "projects retry": Needs("job.manage", "whole"),
    "jobs list": Needs("job.read", "list", arguments=lambda case: ["--json"]),
    "jobs show": Needs("job.read", "one", arguments=_job),
    "jobs add": Needs("job.manage", "one", arguments=lambda case: [case.study]),
    "jobs retry": Needs("job.manage", "one", arguments=_job, changes=True),
    "jobs cancel": Needs("job.manage", "one", arguments=_job, changes=True),
    "deliveries list": Needs("job.read", "list", arguments=lambda case: ["--json"]),
    "deliveries retry": Needs("job.manage", "one", arguments=_job, changes=True),
    "deliveries drop": Needs("job.manage", "one", arguments=_job, changes=True),
    "users add": _accounts("a name with spaces"),
    "users list": _accounts(),
    "users show": _accounts("nobody"),
    "users set": _accounts("nobody"),
    "users roles": _accounts("nobody"),
    "users disable": _accounts("nobody"),
    "users reset-link": _accounts("nobody"),
    "users unlock": _accounts("nobody"),
    "users link": _accounts("nobody", "7"),
    "users sessions": _accounts("nobody"),
    "users revoke": _accounts("nobody"),
    "tokens create": _accounts("nobody", "test", "--scope", "study.read"),
    "tokens list": _accounts(),
    "tokens revoke": _accounts("nobody", "test"),
    "alerts list": Needs("alert.read", "list", arguments=lambda case: ["--json", "--all"]),
    "alerts show": Needs("alert.read", "one", arguments=_alert()),
    "alerts stats": Needs("alert.read", "whole"),
    "alerts chain": Open(_SETTINGS),
    "alerts rules": Needs("alert.manage", "whole"),
    "alerts check": Open(_SETTINGS),
    "alerts test": Needs("report.read_preliminary", "one", arguments=lambda case: [case.study]),
    "alerts acknowledge": Needs("alert.manage", "one", arguments=_alert("--to", "x"), changes=True),
    "alerts confirm": Needs("alert.manage", "one", arguments=_alert(), changes=True),
    "alerts downgrade": Needs(
        "alert.manage", "one", arguments=_alert("--to", "days", "--reason", "r"), changes=True
    ),
    "alerts cancel": Needs("alert.manage", "one", arguments=_alert("--reason", "r"), changes=True),
    "alerts close": Needs("alert.manage", "one", arguments=_alert(), changes=True),
    "reports list": Needs("report.read_preliminary", "list", arguments=lambda case: ["--json"]),
    "reports show": Needs("report.read_preliminary", "one", arguments=lambda case: [case.study]),
    "reports history": Needs("report.read_preliminary", "one", arguments=lambda case: [case.study]),
    "reports diff": Needs("report.read_preliminary", "one", arguments=lambda case: [case.study, "1", "1"]),
    "reports stats": Needs("report.read", "whole"),
    "reports templates list": Needs("service.operate", "whole"),
    "reports templates add": Needs(
        "service.operate", "whole", arguments=lambda case: ["name", "nowhere", "--section", "findings"]
    ),
    "reports templates remove": Needs(
        "service.operate", "whole", arguments=lambda case: ["name", "--section", "findings"]
    ),
    "access explain": _rights("somebody", "study.read"),
    "access rules": _rights(),
    "access grant": _rights("role:none", "study.read"),
    "access deny": _rights("role:none", "study.read"),
    "access revoke": _rights("0"),
    "access roles list": _rights(),
    "access roles add": _rights("radiologist"),
    "access roles remove": _rights("none"),
    "access roles give": _rights("somebody", "none"),
    "access roles take": _rights("somebody", "none"),
    "access departments list": _rights(),
    "access departments map": _rights("ae", "NOBODY", "Nowhere"),
    "access departments unmap": _rights("ae", "NOBODY"),
    "access departments give": _rights("somebody", " "),
    "access departments take": _rights("somebody", "none"),
    "access projects list": _rights(),
    "access projects create": _rights("mine"),
    "access projects remove": _rights("none"),
    "access projects put": _rights("none", "1.2"),
    "access projects drop": _rights("none", "1.2"),
    "access projects give": _rights("somebody", "none"),
    "access projects take": _rights("somebody", "none"),
    "access datasets list": _rights(),
    "access datasets create": _rights("mine"),
    "access datasets remove": _rights("none"),
    "access datasets put": _rights("none", "1.2"),
    "access datasets drop": _rights("none", "1.2"),
    "access treats list": _rights(),
    "access treats begin": _rights("somebody", "none"),
    "access treats end": _rights("somebody", "none"),
    "access treats named": _rights("somebody", " "),
    "access treats unnamed": _rights("somebody", "none"),
    "access break-glass begin": _rights(
        "RADIOLOGIST", "department:none", "--reason", "to see who may do this"
    ),
    "access break-glass end": _rights("0"),
    "audit verify": Needs("audit.read", "whole"),
    "audit search": Needs("audit.read", "whole"),
    "audit show": Needs("audit.read", "whole", arguments=lambda case: ["1"]),
    "audit export": Needs("audit.read", "whole"),
    "audit head": Needs("audit.read", "whole"),
    "access break-glass list": Needs("audit.read", "whole"),
    "access break-glass review": Needs("audit.read", "whole", arguments=lambda case: ["0"]),
}
