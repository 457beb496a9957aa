import json
from datetime import datetime
from xml.etree import ElementTree

import pytest
from fhir.resources.R4B.bundle import Bundle

from firstread.findings import Code
from firstread.reports import PatientLine, write_fhir
from firstread.reports.fhir.bundle import bundle
from firstread.reports.fhir.coding import LOCAL, SYSTEMS, coding
from tests.reports import samples


def document(name="several", **options) -> dict:
    made = bundle(samples.SAMPLES[name](), issued=samples.ISSUED, **({"patient": samples.PATIENT} | options))
    return json.loads(made.model_dump_json(exclude_none=True))


def resources(made: dict, kind: str) -> list[dict]:
    found = [entry["resource"] for entry in made["entry"]]
    return [resource for resource in found if resource["resourceType"] == kind]


def every(value, key):
    """Yield what stands under a key anywhere in a document."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name == key:
                yield item
            yield from every(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from every(item, key)


def component(observation: dict, code: str) -> dict:
    return next(part for part in observation["component"] if part["code"]["coding"][0]["code"] == code)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", samples.SAMPLES)
def test_the_bundle_is_valid_and_survives_a_round_trip(tmp_path, name, lang):
    path = tmp_path / "report.fhir.json"
    write_fhir(samples.SAMPLES[name](), path, issued=samples.ISSUED, lang=lang, patient=samples.PATIENT)
    text = path.read_text(encoding="utf-8")
    again = Bundle.model_validate_json(text)
    assert json.loads(again.model_dump_json(exclude_none=True)) == json.loads(text)


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_reference_leads_to_an_entry_and_every_entry_has_its_own_address(name):
    made = document(name)
    urls = [entry["fullUrl"] for entry in made["entry"]]
    assert len(urls) == len(set(urls))
    assert set(every(made, "reference")) <= set(urls)


def test_the_report_is_preliminary_and_holds_every_observation():
    made = document()
    [report] = resources(made, "DiagnosticReport")
    observations = {e["fullUrl"] for e in made["entry"] if e["resource"]["resourceType"] == "Observation"}
    assert report["status"] == "preliminary"
    assert report["code"]["coding"][0] == {
        "system": "http://loinc.org",
        "code": "24627-2",
        "display": "CT Chest",
    }
    assert {reference["reference"] for reference in report["result"]} == observations
    assert report["conclusion"].startswith("AI preliminary, not verified\n14.4 mm part-solid nodule")
    assert all(observation["status"] == "preliminary" for observation in resources(made, "Observation"))


def test_a_nodule_carries_its_figures_with_units():
    nodule = resources(document(), "Observation")[0]
    assert [code["code"] for code in nodule["code"]["coding"]] == ["RDES195", "27925004"]
    assert nodule["component"][0]["valueCodeableConcept"]["coding"][0]["code"] == "52101004"
    for code, value, unit in (
        ("103339001", 16.2, "mm"),
        ("103340004", 12.6, "mm"),
        ("81827009", 14.4, "mm"),
        ("118565006", 1289, "mm3"),
        ("solid-part-diameter", 6.8, "mm"),
        ("112181", -312.4, "[hnsf'U]"),
        ("111012", 97.4, "%"),
    ):
        quantity = component(nodule, code)["valueQuantity"]
        assert (quantity["value"], quantity["code"]) == (value, unit)
        assert quantity["system"] == "http://unitsofmeasure.org"
    assert component(nodule, "112040")["valueString"] == f"urn:oid:{samples.ROOT}.9.1"
    assert component(nodule, "121112")["valueString"] == f"urn:oid:{samples.ROOT}.3.101"
    assert component(nodule, "lung-rads")["valueCodeableConcept"]["text"] == "Lung-RADS v2022 4A"


def test_change_since_the_prior_is_there():
    nodule = resources(document("with_prior"), "Observation")[0]
    assert component(nodule, "change")["valueCodeableConcept"]["coding"][0]["code"] == "growing"
    assert component(nodule, "volume-doubling-time")["valueQuantity"]["value"] == 119
    assert component(nodule, "growth")["valueQuantity"]["value"] == 3.3


def test_each_category_of_the_study_derives_from_the_nodules():
    made = document()
    nodules = [e["fullUrl"] for e in made["entry"] if e["resource"].get("component")]
    categories = [o for o in resources(made, "Observation") if "component" not in o]
    assert next(o["valueCodeableConcept"]["text"] for o in categories) == "Lung-RADS v2022 4A"
    assert len(categories) == 3
    for category in categories:
        assert set(nodules) < {reference["reference"] for reference in category["derivedFrom"]}


def test_networks_are_devices_with_the_digest_and_provenance_names_them():
    made = document()
    networks = [device for device in resources(made, "Device") if "parent" in device]
    assert [n["identifier"][0]["value"] for n in networks] == ["cd" * 32, "ab" * 32, "ef" * 32]
    [provenance] = resources(made, "Provenance")
    devices = {e["fullUrl"] for e in made["entry"] if e["resource"]["resourceType"] == "Device"}
    assert {agent["who"]["reference"] for agent in provenance["agent"]} == devices


def test_study_and_series_are_identified_by_their_uids():
    [study] = resources(document(), "ImagingStudy")
    assert study["identifier"] == [{"system": "urn:dicom:uid", "value": f"urn:oid:{samples.ROOT}.1"}]
    assert study["series"][0]["uid"] == f"{samples.ROOT}.2"


def test_codes_come_from_named_systems_or_are_marked_as_our_own():
    known = {*SYSTEMS.values(), LOCAL}
    for item in (c for name in ("several", "with_prior", "forty") for c in every(document(name), "coding")):
        assert all(
            c["system"] in known or c["system"].startswith("http://terminology.hl7.org/") for c in item
        )
    assert (
        coding(Code(value="1", scheme="99OTHER", meaning="x"))["system"]
        == "urn:x-firstread:dicom-scheme:99other"
    )


def test_without_a_patient_there_is_no_patient():
    made = document(patient=None)
    assert not resources(made, "Patient")
    assert "王" not in json.dumps(made, ensure_ascii=False)


def test_the_patient_is_identified():
    [patient] = resources(document(lang="zh"), "Patient")
    assert (patient["name"][0]["text"], patient["birthDate"], patient["gender"]) == (
        "王小东",
        "1956-03-09",
        "male",
    )
    [unknown] = resources(document(patient=PatientLine()), "Patient")
    assert unknown["gender"] == "unknown"


def test_the_narrative_is_xhtml_in_which_nothing_hostile_is_alive():
    [report] = resources(document("hostile"), "DiagnosticReport")
    root = ElementTree.fromstring(report["text"]["div"])
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {"div", "p", "b", "h3"}
    assert "<script>alert('x')</script>" in "".join(root.itertext())


def test_what_is_not_a_number_is_left_out():
    nodule = resources(document("hostile"), "Observation")[0]
    assert "118565006" not in [part["code"]["coding"][0]["code"] for part in nodule["component"]]


def test_the_same_result_and_moment_give_the_same_bytes(tmp_path):
    for name in ("a.json", "b.json"):
        write_fhir(samples.several(), tmp_path / name, issued=samples.ISSUED)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_moment_without_time_zone_is_taken_as_utc():
    made = bundle(samples.none_found(), issued=datetime(2024, 5, 17, 9, 42))
    assert json.loads(made.model_dump_json())["timestamp"].startswith("2024-05-17T09:42:00")
