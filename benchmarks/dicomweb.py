"""Time DICOMweb over a large archive: worklist queries among 100,000 studies, and the metadata of 1,000 slices.

The studies are rows only, inserted in bulk; the slices are real instances that are received. A real server is asked
over HTTP, on SQLite and, with --url, on a PostgreSQL database that is empty; by an administrator, by a radiologist
of one of twenty departments, and by a clinician who ordered twenty studies and treats twenty more patients. Run it
from the repository:

    .venv/bin/python benchmarks/dicomweb.py [--url postgresql://…] [--keep FOLDER]
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import requests
from sqlalchemy import insert, select

from firstread.access import Actor
from firstread.access.door import RightsDoor
from firstread.access.rights import Rights
from firstread.access.rights.holdings import give
from firstread.access.rights.treatments import begin_treatment
from firstread.archive import Archive, Part10, open_archive
from firstread.archive.database import reading, writing
from firstread.archive.models import Patient, PatientWord, Series, Study
from firstread.archive.names import folded, words
from firstread.web import create_app
from firstread.web.listen import listen, service

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # tests/ is not installed

from tests.dicom.ct_series import ROOT, anatomy, ct_series, encode

PORTION = 5000
TREATED = 20  # patients whom the clinician treats
BAR_MS = 50.0  # p95 of a query
READERS = (
    Actor("person", "administrator", roles=frozenset({"administrator"})),
    Actor("person", "radiologist", roles=frozenset({"radiologist"}), departments=frozenset({"D7"})),
    Actor("person", "clinician", roles=frozenset({"clinician"})),
)
QUERIES = (
    "StudyDate={day}&ModalitiesInStudy=CT&limit=50",
    "StudyDate={day}-&limit=50",
    "StudyDate=20240101-20241231&ModalitiesInStudy=CT&PatientName=NAME1*&limit=50",
    "StudyDate=20240101-20241231&PatientName=given7 name12&fuzzymatching=true&limit=50",
    "PatientName=NAME{few}*&limit=50",
    "PatientName=NAME1*&limit=50&offset=500",
    "PatientName=*me{few}^*&limit=50",
    "PatientName=*nobody*&limit=50",
    "PatientName=given7 name12&fuzzymatching=true&limit=50",
    "PatientName=name&fuzzymatching=true&limit=50",
    "PatientID=P{n}",
    "AccessionNumber=A{n}",
    "ModalitiesInStudy=PT&limit=50",
    "StudyDescription=*nothing*&limit=50",
    "limit=50&offset=20000",
    "limit=50",
)
"""What worklists ask: by day, by name with its beginning, part or words, much and little; the newest first."""


def fill(archive: Archive, count: int) -> None:
    """Insert studies of one series each, spread over ten years, in bulk."""
    chance = random.Random(0)
    first = date(2016, 1, 1)
    for start in range(1, count + 1, PORTION):
        numbers = range(start, min(start + PORTION, count + 1))
        patients, named, studies, series = [], [], [], []
        for n in numbers:
            name = f"Name{n % 5000}^Given{n % 97}"
            patients.append({"id": n, "key": f"\\P{n}", "patient_id": f"P{n}", "issuer": "", "name": name,
                             "name_folded": folded(name), "birth_date": "19600101", "sex": "O"})  # fmt: skip
            named += [{"patient_key": n, "word": word} for word in words(name)]
            day = (first + timedelta(days=chance.randrange(3650))).strftime("%Y%m%d")
            studies.append({"id": n, "patient_key": n, "study_uid": f"1.2.3.{n}", "study_id": "", "study_date": day,
                            "study_time": "120000", "accession_number": f"A{n}", "description": "CHEST",
                            "referring_physician": "", "number_of_series": 1, "number_of_instances": 0,
                            "department": f"D{n % 20}", "referring_key": f"physician{n % 5000}"})  # fmt: skip
            series.append({"id": n, "study_key": n, "series_uid": f"1.2.3.{n}.1", "number": 1, "description": "",
                           "modality": chance.choice(("CT", "MR", "DX")), "body_part": "CHEST",
                           "number_of_instances": 0})  # fmt: skip
        with writing(archive.engine) as connection:
            for table, rows in (
                (Patient, patients),
                (PatientWord, named),
                (Study, studies),
                (Series, series),
            ):
                connection.execute(insert(table), rows)
    with archive.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if archive.engine.dialect.name == "postgresql":
            # Keys were given; the next instance's are the database's.
            for table in ("patient", "study", "series"):
                connection.exec_driver_sql(f"SELECT setval('{table}_id_seq', {count})")
            connection.exec_driver_sql("VACUUM")  # as it does by itself within a minute
        connection.exec_driver_sql("ANALYZE")


def timed(session: requests.Session, url: str, **headers: str) -> tuple[float, int]:
    """Return the seconds of one request and the bytes of its answer."""
    start = perf_counter()
    answer = session.get(url, headers=headers, timeout=600)
    answer.raise_for_status()
    return perf_counter() - start, len(answer.content)


def measure(archive: Archive, options: argparse.Namespace) -> None:
    """Fill an archive unless it was kept, serve it, and print what was measured."""
    with reading(archive.engine) as connection:
        kept = connection.execute(select(Study.id).limit(1)).first() is not None
    if not kept:
        fill(archive, options.studies)
        for ds in ct_series(anatomy(options.slices, 16)):
            archive.receive(Part10.parse(encode(ds)))
    for reader in READERS:
        measure_as(reader, archive, options)


def measure_as(reader: Actor, archive: Archive, options: argparse.Namespace) -> None:
    """Ask as one reader, and print what was measured."""
    with writing(archive.engine) as connection:
        if reader.roles == {"clinician"}:
            give(connection, reader.key, "referring", "physician7")
            for n in range(1, 1 + TREATED):
                begin_treatment(connection, reader.key, f"P{n}")
    socket = listen("127.0.0.1", 0)
    door = RightsDoor(Rights(archive.engine), lambda request: reader)
    server = service(create_app(archive, door=door, keep_metadata=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    url = f"http://127.0.0.1:{socket.getsockname()[1]}/dicom-web"
    chance = random.Random(1)
    try:
        with requests.Session() as session:
            print(f"\n{archive.engine.dialect.name}: {options.studies} studies, asked by {reader.name}")
            for query in QUERIES:
                times = []
                for _ in range(options.repeats):
                    asked = query.format(
                        day=f"2025{chance.randint(1, 12):02d}15",
                        n=chance.randint(1, options.studies),
                        few=chance.randint(1000, 4999),
                    )
                    times.append(1000 * timed(session, f"{url}/studies?{asked}")[0])
                p95 = statistics.quantiles(times, n=20)[-1]
                met = "" if p95 <= BAR_MS else f"   above {BAR_MS:.0f} ms"
                print(f"  {query:84} p50 {statistics.median(times):6.1f} ms   p95 {p95:6.1f} ms{met}")
            for kind in ("first", "again") if reader is READERS[0] else ():
                seconds, size = timed(session, f"{url}/studies/{ROOT}.1/series/{ROOT}.1.1/metadata")
                print(f"  metadata of {options.slices} slices, {kind}: {seconds:.2f} s, {size / 1e6:.1f} MB")
    finally:
        server.should_exit = True
        thread.join()


def main() -> None:
    """Measure on SQLite, and on PostgreSQL where one is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=100, help="of each query (default: 100)")
    parser.add_argument("--url", help="an empty (or kept) PostgreSQL database, to be measured too")
    parser.add_argument("--keep", type=Path, help="keep the archives in this folder, and measure them again")
    options = parser.parse_args()
    for kind, url in (("sqlite", None), ("postgresql", options.url)):
        if kind == "sqlite" or url:
            with (
                tempfile.TemporaryDirectory() as folder,
                open_archive((options.keep or Path(folder)) / kind, url=url) as archive,
            ):
                measure(archive, options)


if __name__ == "__main__":
    main()
