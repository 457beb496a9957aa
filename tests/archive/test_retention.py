from datetime import timedelta
from itertools import cycle

import pytest
from sqlalchemy import insert, select, update

from firstread.archive import OWN_SOURCE, PRIOR_SOURCE
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.models import Delivery, Job, Patient, Removal, Result, Study
from firstread.archive.results import result_folder_name
from firstread.archive.retention import Removed, retain
from firstread.archive.verify import verify
from firstread.research.models import Deidentification, ResearchProject
from tests.archive.samples import instances, rows

LATER = timedelta(days=31)


def add_study(
    archive, study, *, jobs=("done",), deliveries=("sent",), days_ago=0, routed=True, sources=("CT1",)
):
    for source, instance in zip(cycle(sources), instances(2, study=study), strict=False):
        archive.receive(instance, source=source)
    with writing(archive.engine) as connection:
        key = connection.execute(select(Study.id).order_by(Study.id.desc())).scalars().first()
        if days_ago:
            moment = now() - timedelta(days=days_ago)
            connection.execute(update(Study).where(Study.id == key).values(last_received_at=moment))
        if routed:
            connection.execute(update(Study).where(Study.id == key).values(routed_at=Study.last_received_at))
        for n, state in enumerate(jobs):
            values = {"study_key": key, "reader": "lung_nodule", "revision": n + 1, "state": state}
            job = connection.execute(insert(Job).values(values).returning(Job.id)).scalar_one()
            folder = f"results/{study}-{n}"
            result = insert(Result).values(job_key=job, folder=folder, digest="0" * 64).returning(Result.id)
            outcome = connection.execute(result).scalar_one()
            for where, sent in enumerate(deliveries):
                connection.execute(
                    insert(Delivery).values(
                        result_key=outcome, destination=f"PACS{where}", document="sr.dcm", state=sent
                    )
                )


def left(archive):
    return [int(study.study_uid.rpartition(".")[2]) for study in rows(archive, Study)]


def test_what_was_read_and_sent_goes_when_it_is_old_with_its_files(archive):
    add_study(archive, 1, days_ago=40)
    add_study(archive, 2, days_ago=10)
    folders = [archive.folder / result_folder_name(row.study_uid, 1) for row in rows(archive, Study)]
    for folder in folders:
        folder.mkdir(parents=True)
    removed = retain(archive, keep_days=30, full_percent=None)
    assert (removed.studies, removed.instances) == (1, 2)
    assert left(archive) == [2]
    assert [folder.exists() for folder in folders] == [False, True]
    found = verify(archive)
    assert found.sound
    assert (found.files, found.strays) == (2, ())
    (told,) = rows(archive, Removal)
    assert (told.rule, told.instances, told.size) == ("older than 30 days", 2, removed.bytes)
    assert [len(rows(archive, table)) for table in (Job, Result, Delivery)] == [1, 1, 1]


@pytest.mark.parametrize("jobs", [(), ("done",), ("failed",), ("cancelled",)])
def test_a_prior_that_was_fetched_goes_whether_it_was_read_or_not(archive, jobs):
    add_study(archive, 1, days_ago=40, jobs=jobs, sources=(PRIOR_SOURCE, OWN_SOURCE))
    assert retain(archive, keep_days=30, full_percent=None).studies == 1


@pytest.mark.parametrize(
    "kept",
    [
        {"jobs": ()},
        {"jobs": ("waiting",)},
        {"jobs": ("running",)},
        {"jobs": ("failed",)},
        {"jobs": ("cancelled",)},
        {"jobs": ("done", "waiting")},
        {"routed": False},
        {"jobs": ("waiting",), "sources": (PRIOR_SOURCE,)},
        {"jobs": ("running",), "sources": (PRIOR_SOURCE,)},
        {"jobs": ("failed",), "sources": (PRIOR_SOURCE, "CT1")},
        {"jobs": (), "sources": (OWN_SOURCE,)},
        {"jobs": (), "sources": (PRIOR_SOURCE,), "routed": False},
        {"deliveries": ("waiting",)},
        {"deliveries": ("failed",)},
        {"deliveries": ("sent", "waiting")},
    ],
)
def test_what_is_unread_or_unsent_never_goes_not_even_when_the_disk_is_full(archive, kept):
    add_study(archive, 1, days_ago=1000, **kept)
    assert retain(archive, keep_days=1, full_percent=1, fullness=lambda _: 99.0) == Removed()
    assert left(archive) == [1]


@pytest.mark.parametrize(
    ("exports", "jobs", "goes"),
    [
        (("done",), (), True),
        (("done", "done"), (), True),
        (("done",), ("done",), True),
        (("waiting",), (), False),
        (("done", "failed"), (), False),
        (("done",), ("waiting",), False),
        (("done",), ("failed",), False),
    ],
)
def test_what_goes_to_research_projects_alone_may_go_when_it_is_there(archive, exports, jobs, goes):
    add_study(archive, 1, days_ago=40, jobs=jobs)
    with writing(archive.engine) as connection:
        project = {"name": "lungs", "options": "", "sealed_key": "", "sealer": ""}
        key = connection.execute(
            insert(ResearchProject).values(project).returning(ResearchProject.id)
        ).scalar_one()
        study = connection.execute(select(Study.id)).scalar_one()
        for n, state in enumerate(exports):
            values = {
                "study_key": study,
                "project_key": key,
                "destination": f"d{n}",
                "content": "",
                "state": state,
            }
            connection.execute(insert(Deidentification).values(route="r", series="[]", **values))
    assert retain(archive, keep_days=30, full_percent=None).studies == goes


def test_a_revision_that_failed_holds_nothing_back_once_a_later_one_is_done(archive):
    add_study(archive, 1, jobs=("failed", "done"), days_ago=40)
    assert retain(archive, keep_days=30, full_percent=None).studies == 1


def test_a_delivery_that_a_person_dropped_holds_nothing_back(archive):
    add_study(archive, 1, deliveries=("sent", "dropped"), days_ago=40)
    assert retain(archive, keep_days=30, full_percent=None).studies == 1


def test_what_a_person_holds_or_must_look_at_stays(archive):
    for study in (1, 2, 3):
        add_study(archive, study, days_ago=1000)
    archive.receive(instances(1, study=2, seed=5)[0])  # other bytes under the same UID
    archive.receive(instances(1, study=3, first=9, change=lambda ds: setattr(ds, "PatientID", "OTHER"))[0])
    with writing(archive.engine) as connection:
        connection.execute(update(Study).where(Study.study_uid.endswith(".1")).values(held=True))
        connection.execute(update(Study).values(last_received_at=now() - timedelta(days=1000)))
        connection.execute(update(Study).values(routed_at=Study.last_received_at))
    assert retain(archive, keep_days=1, full_percent=None) == Removed()
    assert left(archive) == [1, 2, 3]


def test_above_the_watermark_the_longest_untouched_go_until_there_is_room(archive):
    for study, age in ((1, 5), (2, 50), (3, 20), (4, 1)):
        add_study(archive, study, days_ago=age)

    def fullness(which):
        return 75.0 + 5.0 * len(left(which))  # 95 % with four

    removed = retain(archive, keep_days=None, full_percent=90, fullness=fullness)
    assert removed.studies == 2  # down to 85 %
    assert left(archive) == [1, 4]


def test_below_the_watermark_nothing_goes(archive):
    add_study(archive, 1, days_ago=1000)
    assert retain(archive, keep_days=None, full_percent=90, fullness=lambda _: 90.0) == Removed()


def test_a_study_that_comes_again_after_it_was_removed_is_stored_again(archive):
    add_study(archive, 1)
    assert retain(archive, keep_days=30, full_percent=None, at=now() + LATER).studies == 1
    assert [archive.receive(instance).outcome for instance in instances(2)] == ["stored", "stored"]
    assert verify(archive).sound


def test_a_patient_stays_as_long_as_one_of_the_studies(archive):
    add_study(archive, 1, days_ago=40)
    add_study(archive, 2)
    retain(archive, keep_days=30, full_percent=None)
    assert len(rows(archive, Patient)) == 1


def test_a_removal_leaves_nothing_of_the_patient(archive):
    add_study(archive, 1)
    retain(archive, keep_days=30, full_percent=None, at=now() + LATER)
    with reading(archive.engine) as connection:
        (removal,) = connection.execute(select(Removal.__table__)).mappings()
    assert "SYN-1" not in str(dict(removal))
    assert rows(archive, Patient) == []
