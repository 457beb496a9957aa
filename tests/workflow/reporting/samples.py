"""A study of the small chest that was read: three findings, in an archive as a worker leaves them."""

import hashlib
import shutil
from pathlib import Path

from sqlalchemy import insert, select

from firstread.access import Actor
from firstread.archive.add import add_folder
from firstread.archive.database import writing
from firstread.archive.models import Job, Result, Study
from firstread.archive.results import result_folder_name
from firstread.dicom.discover import open_study
from firstread.engine import Engine
from firstread.findings import Algorithm, Diameters, ModelUse
from firstread.readers.lung_nodule.reviewed import categorised_anew
from firstread.readers.registry import load_reader
from firstread.reports import draft_impression
from firstread.workflow.beside import beside
from firstread.workflow.deliveries import keep_result
from firstread.workflow.documents import write_documents
from firstread.workflow.reporting.signing import Signatory
from firstread.workflow.result_folder import RESULT_JSON, write_result_json

ANNE = Actor("person", "anne", account=1)
BEN = Actor("person", "ben", account=2)
DR_ANNE = Signatory(1, "anne", "Dr Anne Lee 李安", "St Elsewhere")
NETWORK = Algorithm(name="net", version="2.0", digest="ab" * 32)


def write_read(study_folder: Path, folder: Path):
    """Write the result folder of a read of the small chest with three findings; return the result."""
    study = open_study(study_folder)
    with Engine() as engine:
        result = load_reader("ball").read(study, engine)
    volume = study.volume(study.series[0])
    (ball,) = result.findings
    ball = ball.model_copy(update={"algorithms": (NETWORK,), "probability": 0.91})
    x, y, z = ball.center_lps_mm
    second = ball.model_copy(
        update={
            "id": "N2", "center_lps_mm": (-x, y, z), "laterality": "left", "mask": None, "probability": 0.6,
            "diameter_mm": Diameters(long=7.4, short=6.6, mean=7.0), "volume_mm3": 180.0,
            "tracking_uid": f"{ball.tracking_uid}.2",
        }
    )  # fmt: skip
    third = second.model_copy(
        update={
            "id": "N3", "center_lps_mm": (-x, y, z + 20), "attenuation": "ground-glass", "volume_mm3": 4000.0,
            "diameter_mm": Diameters(long=21.0, short=19.0, mean=20.0), "tracking_uid": f"{ball.tracking_uid}.3",
        }
    )  # fmt: skip
    use = ModelUse(name=NETWORK.name, version=NETWORK.version, digest=NETWORK.digest, precision="int8")
    result = categorised_anew(result.model_copy(update={"models": (use,)}), [ball, second, third])
    result = result.model_copy(update={"impression": draft_impression(result)})
    folder.mkdir(parents=True)
    with beside() as other:
        write_documents(folder, result, volume, other)
    write_result_json(folder, result)
    return result


def receive_study(archive, study_folder: Path) -> int:
    """Store the images of the small chest; return the study's key."""
    (uid,) = add_folder(archive, study_folder).studies
    with writing(archive.engine) as connection:
        return connection.execute(select(Study.id).where(Study.study_uid == uid)).scalar_one()


def add_result(
    archive, study_key: int, read_folder: Path, *, destinations="[]", lang="en", change=None
) -> int:
    """Put a result folder into the archive as the newest result of a study; return the result's key."""
    with writing(archive.engine) as connection:
        uid = connection.execute(select(Study.study_uid).where(Study.id == study_key)).scalar_one()
        revision = len(connection.execute(select(Job.id).where(Job.study_key == study_key)).all()) + 1
        job = connection.execute(
            insert(Job)
            .values(
                study_key=study_key, reader="ball", revision=revision, destinations=destinations, lang=lang,
                state="done",
            )
            .returning(Job.id)
        ).scalar_one()  # fmt: skip
        name = result_folder_name(uid, job)
        folder = archive.folder / name
        shutil.copytree(read_folder, folder)
        if change is not None:
            change(folder / RESULT_JSON)
        digest = hashlib.sha256((folder / RESULT_JSON).read_bytes()).hexdigest()
        key = connection.execute(
            insert(Result).values(job_key=job, folder=name, digest=digest, category="4A").returning(Result.id)
        ).scalar_one()
    keep_result(archive, folder)
    return int(key)
