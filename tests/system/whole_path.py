"""The path of a study through the node: settings for it, and what must be true when it is over."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydicom import dcmread

from firstread.archive import OWN_SOURCE, Archive
from firstread.archive.models import Delivery, Instance, Job, Result, Study
from firstread.archive.verify import verify
from tests.archive.samples import rows
from tests.dicom.ct_series import anatomy, ct_series, write

SR, PDF = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.104.1"


def small_studies(
    folder: Path, *, count: int, slices: int = 12, side: int = 32, first: int = 1
) -> list[list[Path]]:
    """Write small studies, and return their files by study."""
    return [
        sorted(write(folder / str(n), ct_series(anatomy(slices, side, seed=n), study=n)).glob("*.dcm"))
        for n in range(first, first + count)
    ]


def reading_and_sending(port: int) -> dict[str, str]:
    """Return settings with which every CT is read by the ball reader and sent to a node at this port."""
    route = {"name": "all", "reader": "ball", "when": {"modality": "CT"}, "destinations": ["pacs"]}
    return {
        "FIRSTREAD_ROUTES": json.dumps([route]),
        "FIRSTREAD_DESTINATIONS": json.dumps({"pacs": f"ELSEWHERE@127.0.0.1:{port}"}),
        "FIRSTREAD_STUDY_QUIET_S": "2",
        "FIRSTREAD_JOB_ATTEMPTS": "100",
    }


def is_over(archive: Archive, studies: int) -> bool:
    """Tell whether so many studies are read and delivered, and nothing waits."""
    jobs, deliveries = rows(archive, Job), rows(archive, Delivery)
    return (
        all(study.routed_at == study.last_received_at for study in rows(archive, Study))
        and all(job.state in ("done", "failed", "cancelled") for job in jobs)
        and len({job.study_key for job in jobs}) == studies
        and all(delivery.state == "sent" for delivery in deliveries)
    )


def assert_read_and_delivered_once(
    archive: Archive, studies: Sequence[Sequence[Path]], delivered: Path
) -> None:
    """Every image is there; the last job of each study read all of it, and no two jobs the same; each has one result.

    What lies at the destination is what the results are, and each result has one SR and one PDF.
    """
    assert verify(archive).sound
    jobs, results = rows(archive, Job), rows(archive, Result)
    # One that was begun while few of the images were there is refused; the rest of them makes another revision.
    assert {job.state for job in jobs} <= {"done", "failed"}
    done = [job for job in jobs if job.state == "done"]
    assert sorted(result.job_key for result in results) == sorted(job.id for job in done)
    images = {dcmread(files[0], stop_before_pixels=True).StudyInstanceUID: len(files) for files in studies}
    for study in rows(archive, Study):
        own = sorted((job for job in jobs if job.study_key == study.id), key=lambda job: job.revision)
        assert (own[-1].state, own[-1].images) == ("done", images[study.study_uid])
        assert len({job.content for job in own}) == len(own)
    stored = rows(archive, Instance)
    assert sum(row.source != OWN_SOURCE for row in stored) == sum(images.values())
    there = [dcmread(path, stop_before_pixels=True) for path in delivered.iterdir()]
    for sop_class in (SR, PDF):
        made = {row.sop_instance_uid for row in stored if row.sop_class_uid == sop_class}
        assert {each.SOPInstanceUID for each in there if each.SOPClassUID == sop_class} == made
        assert len(made) == len(results)
