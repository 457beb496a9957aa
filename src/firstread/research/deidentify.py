"""Files into a project: de-identified, verified, in its crosswalk and on record before anything is to be seen."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import Engine

from firstread.access import Actor
from firstread.access.audit import Event, EventCode, record
from firstread.archive.database import reading, writing
from firstread.dicom.deidentify.deidentify import Deidentifier
from firstread.dicom.deidentify.folder import Outcome, deidentify_sources
from firstread.dicom.deidentify.options import Option
from firstread.dicom.deidentify.pixels import Rectangle
from firstread.dicom.source import Source
from firstread.progress import Progress, silent
from firstread.research import crosswalk
from firstread.research.projects import project_named
from firstread.research.sealed import Seal


def deidentify(
    engine: Engine,
    seal: Seal,
    name: str,
    sources: Iterable[Source],
    out: Path | None,
    *,
    actor: Actor,
    options: frozenset[Option] | None = None,
    blank: Sequence[Rectangle] = (),
    progress: Progress = silent,
) -> Outcome:
    """De-identify files for a project; see `deidentify_sources`.

    Args:
        engine: The archive's database, which has the projects.
        seal: Opens the project's key.
        name: Of the project.
        sources: Files.
        out: Where the instances go; None: a dry run, of which neither a crosswalk nor a record is written.
        actor: Who does it.
        options: In place of the project's.
        blank: Parts of images that are made black where they may show text.
        progress: Called with the stage "deidentify".

    Raises:
        UsageError: there is no such project.
        NotDeidentified, NothingReadable: as `deidentify_sources`.
        ArchiveUnavailable: the crosswalk cannot be written; nothing was left.
    """
    with reading(engine) as connection:
        project = project_named(connection, seal, name)
    chosen = project.options if options is None else options

    def note(outcome: Outcome) -> None:
        if out is None:
            return
        originals = outcome.originals.values()
        happened = Event(
            EventCode.EXPORT,
            "R",
            0,
            actor,
            patients=sorted(
                {p for each in originals if each.kind == "patient" and (p := each.detail.split("\x1f")[0])}
            ),
            studies=sorted(each.original for each in originals if each.kind == "study"),
            detail={
                "project": name,
                "options": ",".join(sorted(chosen)),
                "instances": str(outcome.instances),
            },
        )
        with writing(engine) as connection:
            crosswalk.keep(connection, seal, project, originals)
            record(connection, happened)

    worker = Deidentifier(project.pseudonyms, chosen, tuple(blank))
    return deidentify_sources(sources, worker, out, before_release=note, progress=progress)
