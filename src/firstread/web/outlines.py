"""The voxels of findings, for the viewer: a small answer, where the segmentation object has the lungs in it too."""

import base64
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends
from sqlalchemy import ColumnElement

from firstread.access import Action, Grant, needs
from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.dicom.seg_masks import finding_masks
from firstread.network.dicomweb.access import OpenArchive
from firstread.network.dicomweb.addresses import Uid
from firstread.network.dicomweb.problems import RESPONSES, missing
from firstread.workflow.reporting.subject import NotThere, Subject, subject_of
from firstread.workflow.result_folder import SEG

router = APIRouter(prefix="/api/studies/{study}", tags=["report"], responses=RESPONSES)


@router.get("/outlines")
def read_outlines(
    archive: OpenArchive, grant: Annotated[Grant, Depends(needs(Action.READ_PRELIMINARY))], study: Uid
) -> dict[str, Any]:
    """Return the voxels of each finding of the newest result, on the result's grid.

    An outline is a box of voxels: `offset` and `shape` (slice, row, column), and `bits`, base64 of one bit a voxel
    in that order, the first in the lowest bit of a byte. A finding without a segment has none.
    """
    subject = newest(archive, study, grant.within)
    if subject is None:
        raise missing()
    seg = archive.folder / subject.folder / SEG
    found = finding_masks(subject.result, seg) if seg.is_file() else {}
    return {
        "outlines": [
            {
                "finding": name,
                "offset": list(mask.offset),
                "shape": list(mask.voxels.shape),
                "bits": base64.b64encode(
                    np.packbits(mask.voxels.ravel(), bitorder="little").tobytes()
                ).decode(),
            }
            for name, mask in found.items()
        ]
    }


def newest(archive: Archive, study: str, within: ColumnElement[bool] | None) -> Subject | None:
    """Return a study with its newest result; None where there is none, or it may not be seen."""
    with reading(archive.engine) as connection:
        try:
            return subject_of(connection, archive, study, within=within)
        except NotThere:
            return None
