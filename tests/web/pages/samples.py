"""Worklists of any length, and a door through which people come by name."""

import random
from datetime import timedelta

from sqlalchemy import insert, select

from firstread.access import Actor, Grant
from firstread.access.gate import Denied
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.models import Job, Patient, PatientWord, Result, Series, Study, WorklistEntry
from firstread.archive.names import folded, words

FAMILIES = ("Doe", "Miller", "Okafor", "Garcia", "Novak", "Rossi", "Sato", "Haddad", "Lind", "Dubois")
GIVEN = ("Jane", "John", "Amina", "Luis", "Petra", "Marco", "Yuki", "Omar", "Ingrid", "Claire")
DESCRIPTIONS = (
    "Chest CT low dose",
    "CT thorax with contrast",
    "Chest X-ray",
    "Hand left",
    "CT pulmonary angiography",
)
SUMMARY = (
    '[{"category": "4A", "scheme": "Lung-RADS", "finding": "Nodule", "mm": 9.2, "lobe": "right upper", '
    '"attenuation": "solid"}, {"category": "2", "scheme": "Lung-RADS", "mm": 4.1, "laterality": "left", '
    '"zone": "lower", "attenuation": "ground-glass"}]'
)


class Doors:
    """A door that lets in whoever a header names, with every right but those that are taken away."""

    def __init__(self, *without, within=None):
        self.without = set(without)
        self.within = within

    def admit(self, request, action):
        name = request.headers.get("x-person", "jane")
        if action in self.without:
            raise Denied("No right.", remedy="Ask for it.")
        account = {"jane": 1, "john": 2}.get(name, 3)
        return Grant(Actor("person", name, account=account, roles=frozenset({"radiologist"})), self.within)


def add_studies(archive, count, *, seed=0, first=0):
    """Store rows of studies of every stage, and none of their images; return their UIDs."""
    chance = random.Random(seed)
    start = now() - timedelta(days=20)
    made = [
        _study(chance, n, start + timedelta(minutes=5 * n + chance.random()))
        for n in range(first, first + count)
    ]
    with writing(archive.engine) as connection:
        patients = _add(connection, Patient, [one["patient"] for one in made])
        spoken = [
            {"patient_key": key, "word": word}
            for key, one in zip(patients, made, strict=True)
            for word in words(one["patient"]["name"])
        ]
        connection.execute(insert(PatientWord), spoken)
        studies = _add(connection, Study, [one["study"] for one in made], patient_key=patients)
        _add(connection, Series, [one["series"] for one in made], study_key=studies)
        jobs = _add(connection, Job, [one["job"] for one in made], study_key=studies)
        results = [
            {"job_key": job, "folder": f"results/{one['study']['study_uid']}/{job}", "digest": "",
             "category": one["entry"]["category"], "summary": one["entry"]["summary"]}
            for job, one in zip(jobs, made, strict=True)
            if one["job"]["state"] == "done"
        ]  # fmt: skip
        if results:
            connection.execute(insert(Result), results)
        entries = [
            one["entry"] | {"study_key": key, "job": job}
            for one, key, job in zip(made, studies, jobs, strict=True)
        ]
        connection.execute(insert(WorklistEntry), entries)
    return [one["study"]["study_uid"] for one in made]


def _study(chance, n, came):
    name = f"{chance.choice(FAMILIES)}^{chance.choice(GIVEN)}"
    uid = f"1.2.826.0.1.3680043.8.498.9.{n}"
    modality = chance.choice(("CT", "CT", "DX"))
    state = chance.choice(("done", "done", "done", "waiting", "running", "failed"))
    priority = chance.choice((0, 1, 2, 2, 2))
    is_done = state == "done"
    return {
        "patient": {
            "key": f"p{n}", "patient_id": f"P{n:06}", "issuer": "", "name": name, "name_folded": folded(name),
            "birth_date": f"19{chance.randint(30, 99)}0412", "sex": chance.choice("MF"),
        },
        "study": {
            "study_uid": uid, "study_id": str(n), "study_date": came.strftime("%Y%m%d"),
            "study_time": came.strftime("%H%M%S"), "accession_number": f"A{n:06}",
            "description": chance.choice(DESCRIPTIONS), "referring_physician": "", "number_of_series": 1,
            "number_of_instances": chance.randint(1, 400), "received_at": came, "last_received_at": came,
            "routed_at": came,
        },
        "series": {
            "series_uid": f"{uid}.1", "modality": modality, "number": 1, "description": "", "body_part": "CHEST",
            "number_of_instances": 1,
        },
        "job": {
            "reader": "lung_nodule", "state": state, "priority": priority,
            "stage": "detect" if state == "running" else "",
            "progress": chance.random() if state == "running" else 0.0,
            "error": "The series has gaps." if state == "failed" else "", "created_at": came, "started_at": came,
            "ended_at": came if state in ("done", "failed") else None,
        },
        "entry": {
            "listed": True, "priority": priority, "urgency": priority + 1, "modalities": modality, "since": came,
            "stage": {"done": "preliminary", "waiting": "queued", "running": "reading"}.get(state, state),
            "category": "4A" if is_done else "", "summary": chance.choice((SUMMARY, "[]")) if is_done else "[]",
        },
    }  # fmt: skip


def _add(connection, table, rows, **keys):
    """Insert rows, each with its own of the keys, and return their keys in that order."""
    full = [row | {name: of[at] for name, of in keys.items()} for at, row in enumerate(rows)]
    statement = insert(table).returning(table.id, sort_by_parameter_order=True)
    return list(connection.execute(statement, full).scalars())


def key_of(archive, uid):
    with reading(archive.engine) as connection:
        return connection.execute(select(Study.id).where(Study.study_uid == uid)).scalar_one()


def entry(archive, uid):
    """The worklist's row of a study."""
    statement = select(WorklistEntry.__table__).join(Study, Study.id == WorklistEntry.study_key)
    with reading(archive.engine) as connection:
        return connection.execute(statement.where(Study.study_uid == uid)).one()
