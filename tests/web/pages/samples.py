"""Worklists of any length, and a door through which people come by name."""

import random
from datetime import timedelta

from sqlalchemy import insert, select

from firstread.access import Action, Actor, Grant
from firstread.access.gate import Denied
from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.models import Job, Patient, PatientWord, Result, Series, Study, WorklistEntry
from firstread.archive.names import folded, words
from firstread.archive.worklist import refresh

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
    uids = []
    with writing(archive.engine) as connection:
        for n in range(first, first + count):
            name = f"{chance.choice(FAMILIES)}^{chance.choice(GIVEN)}"
            patient = _add(
                connection, Patient, key=f"p{n}", patient_id=f"P{n:06}", issuer="", name=name,
                name_folded=folded(name), birth_date=f"19{chance.randint(30, 99)}0412", sex=chance.choice("MF"),
            )  # fmt: skip
            connection.execute(
                insert(PatientWord), [{"patient_key": patient, "word": word} for word in words(name)]
            )
            came = start + timedelta(minutes=5 * n + chance.random())
            uids.append(f"1.2.826.0.1.3680043.8.498.9.{n}")
            study = _add(
                connection, Study, patient_key=patient, study_uid=uids[-1], study_id=str(n),
                study_date=came.strftime("%Y%m%d"), study_time=came.strftime("%H%M%S"), accession_number=f"A{n:06}",
                description=chance.choice(DESCRIPTIONS), referring_physician="", number_of_series=1,
                number_of_instances=chance.randint(1, 400), received_at=came, last_received_at=came, routed_at=came,
            )  # fmt: skip
            _add(
                connection, Series, study_key=study, series_uid=f"{uids[-1]}.1", modality=chance.choice(("CT", "CT", "DX")),
                number=1, description="", body_part="CHEST", number_of_instances=1,
            )  # fmt: skip
            state = chance.choice(("done", "done", "done", "waiting", "running", "failed"))
            job = _add(
                connection, Job, study_key=study, reader="lung_nodule", state=state, priority=chance.choice((0, 1, 2, 2, 2)),
                stage="detect" if state == "running" else "", progress=chance.random() if state == "running" else 0.0,
                error="The series has gaps." if state == "failed" else "", created_at=came, started_at=came,
                ended_at=came if state in ("done", "failed") else None,
            )  # fmt: skip
            if state == "done":
                _add(
                    connection, Result, job_key=job, folder=f"results/{uids[-1]}/{job}", digest="", category="4A",
                    summary=chance.choice((SUMMARY, "[]")),
                )  # fmt: skip
            refresh(connection, study, listed=True)
    return uids


def _add(connection, table, **values):
    return connection.execute(insert(table).values(**values).returning(table.id)).scalar_one()


def key_of(archive, uid):
    with writing(archive.engine) as connection:
        return connection.execute(select(Study.id).where(Study.study_uid == uid)).scalar_one()


def entry(archive, uid):
    with writing(archive.engine) as connection:
        return connection.execute(
            select(WorklistEntry.__table__).where(WorklistEntry.study_key == key_of(archive, uid))
        ).one()


EVERYTHING = tuple(Action)
