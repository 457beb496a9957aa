"""The newest result of a study: `result.json` as it was written, and the outlines of its findings."""

import base64
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select

from firstread.access import Action, Grant, needs
from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.models import Job, Result, Study
from firstread.archive.results import is_result_folder
from firstread.dicom.seg_masks import finding_masks
from firstread.network.dicomweb.access import OpenArchive
from firstread.network.dicomweb.addresses import Uid
from firstread.network.dicomweb.problems import RESPONSES, missing
from firstread.workflow.result_folder import RESULT_JSON, SEG, load_result

router = APIRouter(prefix="/api", tags=["results"], responses=RESPONSES)

Reader = Annotated[Grant, Depends(needs(Action.READ_PRELIMINARY))]


@router.get("/studies/{study}/result")
def newest_result(archive: OpenArchive, grant: Reader, study: Uid) -> Response:
    """Return the newest result of a study: `result.json`, as docs/reference/result-schema.json describes it."""
    folder = archive.folder / _folder(archive, grant, study)
    try:
        return Response((folder / RESULT_JSON).read_bytes(), media_type="application/json")
    except FileNotFoundError:
        raise missing() from None


@router.get("/studies/{study}/outlines")
def outlines(archive: OpenArchive, grant: Reader, study: Uid) -> JSONResponse:
    """Return the voxels of each finding of the newest result, on the result's grid.

    An outline is a box of voxels: `offset` and `shape` (slice, row, column), and `bits`, base64 of one bit a voxel
    in that order, the first in the lowest bit. A finding without a segment has none.
    """
    folder = archive.folder / _folder(archive, grant, study)
    result = load_result(folder)
    found = finding_masks(result, folder / SEG) if (folder / SEG).is_file() else {}
    listed: list[dict[str, Any]] = [
        {
            "finding": name,
            "offset": list(mask.offset),
            "shape": list(mask.voxels.shape),
            "bits": base64.b64encode(np.packbits(mask.voxels.ravel(), bitorder="little").tobytes()).decode(),
        }
        for name, mask in found.items()
    ]
    return JSONResponse({"outlines": listed})


def newest_result_folder(archive: Archive, grant: Grant, study: str) -> str | None:
    """Return the newest result folder of a study, relative to the archive's; None where none may be seen."""
    statement = (
        select(Result.folder)
        .join(Job, Job.id == Result.job_key)
        .join(Study, Study.id == Job.study_key)
        .where(Study.study_uid == study)
        .order_by(Result.id.desc())
        .limit(1)
    )
    if grant.within is not None:
        statement = statement.where(grant.within)
    with reading(archive.engine) as connection:
        folder = connection.execute(statement).scalar_one_or_none()
    return folder if folder is not None and is_result_folder(folder) else None


def _folder(archive: Archive, grant: Grant, study: str) -> str:
    folder = newest_result_folder(archive, grant, study)
    if folder is None:
        raise missing()
    return folder
