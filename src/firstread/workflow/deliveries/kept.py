"""The DICOM documents of a result in the own archive, beside the study that was read."""

from pathlib import Path

from sqlalchemy import select

from firstread.archive import OWN_SOURCE, Archive, Part10
from firstread.archive.database import reading
from firstread.archive.models import Instance, Study
from firstread.workflow.result_folder import FILE_NAME, load_result


def keep_result(archive: Archive, folder: Path) -> None:
    """Store the DICOM documents of a result folder, each once; the study does not count as newly received.

    The same read again has the same UIDs, and other bytes where it says when it was made: what is kept stays. Of a
    study that was removed nothing is kept.

    Raises:
        UsageError: the folder holds no result.
        ArchiveFull, ArchiveUnavailable: as `Receiver.receive`; called again, it goes on.
    """
    study_uid = load_result(folder).study_uid
    with reading(archive.engine) as connection:
        if connection.execute(select(Study.id).where(Study.study_uid == study_uid)).first() is None:
            return
    for path in sorted(folder.glob("*.dcm")):
        if FILE_NAME.fullmatch(path.name):
            document = Part10.parse(path.read_bytes())
            if not _is_kept(archive, document.sop_instance_uid):
                archive.receive(document, source=OWN_SOURCE)


def _is_kept(archive: Archive, sop_instance_uid: str) -> bool:
    own = select(Instance.id).where(
        Instance.sop_instance_uid == sop_instance_uid, Instance.source == OWN_SOURCE
    )
    with reading(archive.engine) as connection:
        return connection.execute(own).first() is not None
