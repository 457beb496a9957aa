"""The Bundle: report, study, observations, devices and where they come from.

R4: what hospitals run. fhir.resources has R4B, whose DiagnosticReport, ImagingStudy, Observation, Device,
Provenance and Patient are those of R4 element for element; R4B changed other resources.
"""

from datetime import UTC, datetime

from fhir.resources.R4B.bundle import Bundle

from firstread.findings import Category, ModelUse, ReadResult
from firstread.reports.draft import ReportText, draft
from firstread.reports.fhir import coding
from firstread.reports.fhir.coding import Json, concept, urn
from firstread.reports.fhir.narrative import narrative, signed_narrative
from firstread.reports.fhir.nodule import IMAGING, category_concept, nodule_observation, scheme_code
from firstread.reports.figures import clean
from firstread.reports.patient import PatientLine
from firstread.reports.signed import SignedReport
from firstread.reports.wording import Wording, wording
from firstread.texts import Lang

SEXES = {"M": "male", "F": "female", "O": "other"}
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
SERVICE = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD", "display": "Radiology"}


STATUS = {"final": "final", "amended": "amended", "addendum": "appended"}
"""Of a DiagnosticReport, by the kind of the newest signature (FHIR R4 DiagnosticReportStatus)."""


def bundle(
    result: ReadResult,
    *,
    issued: datetime,
    lang: Lang = "en",
    patient: PatientLine | None = None,
    signed: SignedReport | None = None,
    own: ReadResult | None = None,
) -> Bundle:
    """Return the Bundle that `write_fhir` writes, validated.

    Every `fullUrl` is a UUID made from the series, the reader and the resource's place: two writes of one
    result agree, and a result of another series never collides.
    """
    moment = (issued if issued.tzinfo else issued.replace(tzinfo=UTC)).isoformat(timespec="seconds")
    words, text = wording(lang), draft(result, lang, issued=issued)
    name = f"{clean(result.series_uid, 64)} {clean(result.reader.name)} {clean(result.reader.version)}"
    report, study, reader = urn(name, "report"), urn(name, "study"), urn(name, "reader")
    subject: Json = (
        {"reference": urn(name, "patient")} if patient is not None else {"display": words("patient.unknown")}
    )

    person = urn(name, "signer", signed.signer.name) if signed is not None else None
    corrected: dict[str, Json] = {}
    observations: dict[str, Json] = {}
    for number, finding in enumerate(result.findings):
        review = signed.review.get(finding.id, "unreviewed") if signed is not None else "unreviewed"
        theirs = next((one for one in own.findings if one.id == finding.id), None) if own else None
        before = None
        if review == "edited" and theirs is not None:
            before = urn(name, "finding", theirs.tracking_uid, "software")
            corrected[before] = nodule_observation(theirs, words, subject=subject, study=study, device=reader)
        observations[urn(name, "finding", str(number))] = nodule_observation(
            finding,
            words,
            subject=subject,
            study=study,
            device=None if review in ("edited", "added") else reader,
            status="preliminary" if review == "unreviewed" else "final",
            performer=None if review == "unreviewed" else person,
            derived_from=before,
        )
    observations |= {
        urn(name, "category", str(number)): _category(
            category,
            subject=subject,
            device=reader,
            derived_from=[study, *observations],
            status="preliminary" if signed is None else "final",
            performer=person,
        )
        for number, category in enumerate(result.categories)
    }
    devices = {reader: _reader(result, words)}
    devices |= {
        urn(name, "model", str(number)): _model(model, parent=reader)
        for number, model in enumerate(result.models)
    }

    entries: dict[str, Json] = {
        report: _report(
            result,
            text,
            words,
            moment,
            identifier=report,
            subject=subject,
            study=study,
            results=list(observations),
            signed=signed,
            person=person,
        ),
    }
    if signed is not None and person is not None:
        entries[person] = _practitioner(signed)
    if patient is not None:
        entries[urn(name, "patient")] = _patient(patient, words)
    entries[study] = _study(result, subject=subject)
    entries |= observations | corrected | devices
    entries[urn(name, "provenance")] = _provenance(
        moment,
        target=[report, *observations],
        person=person,
        reader=reader,
        models=[url for url in devices if url != reader],
        study=study,
    )
    return Bundle.model_validate(
        {
            "resourceType": "Bundle",
            "identifier": {"system": coding.URI, "value": urn(name, "bundle")},
            "type": "collection",
            "timestamp": moment,
            "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries.items()],
        }
    )


def _report(
    result: ReadResult,
    text: ReportText,
    words: Wording,
    moment: str,
    *,
    identifier: str,
    subject: Json,
    study: str,
    results: list[str],
    signed: SignedReport | None,
    person: str | None,
) -> Json:
    taken = result.acquisition.study_date
    said: Json = {
        "status": "preliminary",
        "text": narrative(text, words),
        "code": concept(coding.CT_CHEST, text=text.title),
        "conclusion": "\n".join([text.notice, *text.impression]),
    }
    if signed is not None:
        said = {
            "status": STATUS[signed.kind],
            "meta": {"versionId": str(signed.version)},
            "text": signed_narrative(signed, words),
            "code": concept(coding.CT_CHEST, text=words(f"signed.title_{signed.kind}")),
            "performer": [{"reference": person}],
            "resultsInterpreter": [{"reference": person}],
            "conclusion": _conclusion(signed),
        }
    return {
        "resourceType": "DiagnosticReport",
        "language": words("document.locale"),
        "identifier": [{"system": coding.URI, "value": identifier}],
        "category": [{"coding": [SERVICE]}],
        "subject": subject,
        **({"effectiveDateTime": taken.isoformat()} if taken else {}),
        "issued": moment,
        **({"result": [{"reference": url} for url in results]} if results else {}),
        "imagingStudy": [{"reference": study}],
        **said,
    }


def _conclusion(signed: SignedReport) -> str:
    parts = [signed.sections.get(name, "").strip() for name in ("impression", "recommendation")]
    parts += [addendum.text for addendum in signed.addenda]
    return "\n".join(part for part in parts if part)


def _practitioner(signed: SignedReport) -> Json:
    return {
        "resourceType": "Practitioner",
        "active": True,
        "name": [{"text": clean(signed.signer.name, 120)}],
    }


def _patient(patient: PatientLine, words: Wording) -> Json:
    return {
        "resourceType": "Patient",
        **({"identifier": [{"value": clean(patient.id, 64)}]} if clean(patient.id, 64) else {}),
        **({"name": [{"text": patient.spoken_name(words.lang)}]} if patient.spoken_name(words.lang) else {}),
        "gender": SEXES.get(patient.sex, "unknown"),
        **({"birthDate": patient.birth_date.isoformat()} if patient.birth_date else {}),
    }


def _study(result: ReadResult, *, subject: Json) -> Json:
    taken = result.acquisition
    description = clean(taken.description, 200)
    modality = {"system": coding.SYSTEMS["DCM"], "code": clean(taken.modality, 16) or "OT"}
    return {
        "resourceType": "ImagingStudy",
        "identifier": [coding.uid_identifier(result.study_uid)],
        "status": "available",
        "modality": [modality],
        "subject": subject,
        **({"started": taken.study_date.isoformat()} if taken.study_date else {}),
        "series": [
            {
                "uid": clean(result.series_uid, 64),
                "modality": modality,
                **(
                    {"number": taken.series_number}
                    if taken.series_number is not None and taken.series_number >= 0
                    else {}
                ),
                **({"description": description} if description else {}),
            }
        ],
    }


def _category(
    category: Category,
    *,
    subject: Json,
    device: str,
    derived_from: list[str],
    status: str,
    performer: str | None,
) -> Json:
    notes = [clean(note) for note in (category.rule, category.management) if clean(note)]
    return {
        "resourceType": "Observation",
        "status": status,
        "category": [IMAGING],
        "code": scheme_code(category),
        "subject": subject,
        "valueCodeableConcept": category_concept(category),
        "device": {"reference": device},
        **({"performer": [{"reference": performer}]} if performer else {}),
        "derivedFrom": [{"reference": url} for url in derived_from],
        **({"note": [{"text": note} for note in notes]} if notes else {}),
    }


def _reader(result: ReadResult, words: Wording) -> Json:
    return {
        "resourceType": "Device",
        "status": "active",
        "deviceName": [{"name": f"firstread {clean(result.reader.name, 60)}", "type": "user-friendly-name"}],
        "version": [{"value": clean(result.reader.version, 30) or "unknown"}],
        "note": [{"text": words("limits.research")}],
    }


def _model(model: ModelUse, *, parent: str) -> Json:
    return {
        "resourceType": "Device",
        "identifier": [{"system": coding.DIGEST, "value": clean(model.digest, 64) or "unknown"}],
        "status": "active",
        "deviceName": [{"name": clean(model.name, 60) or "unknown", "type": "model-name"}],
        "version": [{"value": clean(model.version, 30) or "unknown"}],
        "property": [
            {
                "type": concept(coding.local("precision", "Number format of the network")),
                "valueCode": [concept(coding.local(model.precision, model.precision))],
            }
        ],
        "parent": {"reference": parent},
    }


def _provenance(
    moment: str, *, target: list[str], person: str | None, reader: str, models: list[str], study: str
) -> Json:
    def agent(role: str, who: str) -> Json:
        return {
            "type": {"coding": [{"system": PARTICIPANT, "code": role, "display": role.capitalize()}]},
            "who": {"reference": who},
        }

    return {
        "resourceType": "Provenance",
        "target": [{"reference": url} for url in target],
        "recorded": moment,
        "agent": [
            *([agent("verifier", person)] if person else []),
            agent("author", reader),
            *(agent("performer", model) for model in models),
        ],
        "entity": [{"role": "source", "what": {"reference": study}}],
    }
