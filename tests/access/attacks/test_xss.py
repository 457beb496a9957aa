"""Script in DICOM attributes, through all that shows them: pages, reports, DICOMweb in JSON and XML, failures."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from firstread.reports.html import html
from firstread.reports.patient import PatientLine
from tests.access.attacks.hostile import (
    ENCODED,
    IMAGE,
    LINK,
    SCRIPT,
    SERIES,
    SINGLE,
    STUDY,
    SVG,
    TEMPLATE,
    live,
    text_of,
)
from tests.access.test_table import routes_of

PAYLOADS = (SCRIPT, IMAGE, SVG, SINGLE, LINK, TEMPLATE, ENCODED)
VALUES = {
    "study": STUDY, "study_uid": STUDY, "uid": STUDY, "series": SERIES, "series_uid": SERIES,
    "instance": f"{SERIES}.1", "sop_instance_uid": f"{SERIES}.1", "frame": "1", "frames": "1", "element": "00100010",
}  # fmt: skip


@pytest.mark.parametrize("payload", [SCRIPT, IMAGE, SVG, f"<a href='{LINK}'>", f"<p {SINGLE}'>"])
def test_the_detector_of_live_payloads_finds_them(payload):
    assert live(f"<p>{payload}</p>") != []
    assert live("<p>&lt;script&gt;alert(66)&lt;/script&gt;</p>") == []


def addresses(app):
    """Every address that answers to GET, with the hostile study where it asks for one."""
    for method, path in sorted(set(routes_of(app))):
        if method == "GET" and not path.startswith(("/static", "/events", "/health")):
            yield re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: VALUES.get(found[1], "1"), path)


def test_no_answer_of_any_route_runs_what_attributes_say(app, get):
    """Of routes that are still to be written, too: they are taken from the app."""
    asked = 0
    for path in addresses(app):
        for accept in ("text/html", "*/*"):
            answer = get(path, headers={"Accept": accept})
            kind = answer.headers.get("content-type", "")
            asked += 1
            assert answer.status_code < 500, path
            assert answer.headers["x-content-type-options"] == "nosniff", path
            if kind.startswith(("text/html", "application/xhtml", "image/svg")):
                assert live(answer.text) == [], path
                assert "script-src 'self'" in answer.headers["content-security-policy"], path
                assert "unsafe-inline" not in answer.headers["content-security-policy"], path
    assert asked > 20


@pytest.mark.parametrize(
    "path",
    [
        "/dicom-web/studies?includefield=all",
        f"/dicom-web/studies/{STUDY}/series?includefield=all",
        f"/dicom-web/studies/{STUDY}/instances?includefield=all",
        f"/dicom-web/studies/{STUDY}/metadata",
        f"/dicom-web/studies/{STUDY}/series/{STUDY}.2/metadata",
    ],
)
def test_json_that_holds_script_is_never_taken_for_a_page(get, path):
    for accept in ("application/dicom+json", "text/html, application/dicom+json;q=0.1", "*/*"):
        answer = get(path, headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] in (
            "application/dicom+json",
            "application/json",
            "multipart/related",
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
    told = get(path, headers={"Accept": "application/dicom+json"}).text
    assert "alert(66)" in told or "studies?" in path or "series?" in path


def test_xml_holds_script_as_text(get):
    answer = get(
        f"/dicom-web/studies/{STUDY}/metadata",
        headers={"Accept": 'multipart/related; type="application/dicom+xml"'},
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("multipart/related")
    assert SCRIPT.encode() not in answer.content
    boundary = re.search(r'boundary="?([^";]+)', answer.headers["content-type"])[1]
    parts = [part for part in answer.content.split(f"--{boundary}".encode()) if b"<" in part]
    assert len(parts) == 3
    texts = set()
    for part in parts:
        root = ElementTree.fromstring(part[part.index(b"<") :])
        assert not [node for node in root.iter() if node.tag.rpartition("}")[2] in ("script", "img", "svg")]
        texts.update(node.text for node in root.iter() if node.text)
    assert {SCRIPT, IMAGE, SVG, LINK} <= texts


@pytest.mark.parametrize("payload", PAYLOADS)
def test_failures_quote_nothing_of_the_request(get, payload):
    for path, params in (
        ("/dicom-web/studies", {"PatientBirthDate": payload}),
        ("/dicom-web/studies", {"limit": payload}),
        ("/dicom-web/studies", {payload: "1"}),
        ("/dicom-web/studies", {"includefield": payload}),
        (f"/dicom-web/studies/{payload}/series", {}),
        (f"/{payload}", {}),
    ):
        answer = get(path, params=params)
        assert answer.status_code == 200 or "alert(66)" not in answer.text, path
        assert not answer.headers["content-type"].startswith("text/html") or live(answer.text) == []


def test_bytes_of_an_attribute_are_never_given_as_a_page(get):
    for element in ("00100010", "00081030", "7FE00010"):
        answer = get(
            f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.1/bulkdata/{element}",
            headers={"Accept": "text/html, */*"},
        )
        assert not answer.headers["content-type"].startswith(("text/html", "image/svg", "text/xml"))
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_shows_a_hostile_patient_as_text(result, lang):
    line = PatientLine(name=SCRIPT, id=IMAGE, sex=SINGLE, accession=SVG)
    spoilt = result.model_copy(update={"study_uid": STUDY})
    page = html(spoilt, issued=datetime(2026, 1, 2, tzinfo=UTC), lang=lang, patient=line)
    assert live(page) == []
    assert "alert(66)" in text_of(page)
    assert SCRIPT not in page


def test_templates_do_not_compute_what_attributes_say(result):
    line = PatientLine(name=TEMPLATE, id="{{ 66*67 }}")
    page = html(result, issued=datetime(2026, 1, 2, tzinfo=UTC), patient=line)
    assert "4422" not in page
