"""Metadata of stored instances, from the cache where they are in it, and into it where they are not."""

import json
import threading
from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import func, select

from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.derived import add_derived, read_derived, stem_of
from firstread.archive.models import Instance, Series, Study
from firstread.errors import ArchiveUnavailable, FirstreadError
from firstread.network.dicomweb.addresses import Stored, stored
from firstread.network.dicomweb.model_json import as_json, attribute
from firstread.network.dicomweb.opened import opened

URL = "https://firstread.invalid"
"""Stands in the cache for the URL of the service, which the client knows; see RFC 2606 for .invalid."""

PORTION = 100  # instances that are derived before they are added to the cache
_PIXELS = "7FE00010"


def metadata(archive: Archive, instances: list[Stored], url: str) -> Iterator[bytes]:
    """Yield the metadata of instances, each as a JSON object.

    An instance whose header cannot be parsed is told by its UIDs alone.

    Args:
        archive: Where they are.
        instances: From `stored`.
        url: Of the service, for the BulkDataURIs.
    """
    own = json.dumps(url)[1:-1].encode()
    for _, of_series in groupby(instances, key=lambda each: each.series_uid):
        listed = list(of_series)
        for entry in entries(archive, listed):
            yield entry.replace(URL.encode(), own)


def entries(archive: Archive, listed: list[Stored]) -> Iterator[bytes]:
    """Yield the metadata of the instances of one series, each as it is cached; what is new is cached.

    Raises:
        Problem: 404, one was removed meanwhile.
    """
    known = read_derived(archive.files, listed[0].file)
    new: dict[str, bytes] = {}
    for each in listed:
        entry = known.get(stem_of(each.file))
        if entry is None:
            entry = new[each.file] = _derive(archive, each)
            if len(new) >= PORTION:
                add_derived(archive.files, new)
                new = {}
        yield entry
    add_derived(archive.files, new)


def _derive(archive: Archive, each: Stored) -> bytes:
    made = dict(
        attribute(keyword, value)
        for keyword, value in {
            "SOPClassUID": each.sop_class_uid,
            "SOPInstanceUID": each.sop_instance_uid,
            "StudyInstanceUID": each.study_uid,
            "SeriesInstanceUID": each.series_uid,
        }.items()
    )
    at = f"{URL}/{each.path}"
    try:
        with opened(archive, each) as read:
            made |= as_json(read.header, lambda path: f"{at}/bulkdata/{path}")
            if read.pixels_at is not None:
                made[_PIXELS] = {"vr": "OW", "BulkDataURI": f"{at}/bulkdata/{_PIXELS}"}
    except (FirstreadError, RecursionError) as error:
        if getattr(error, "status", 409) != 409:
            raise
    # What is served is in UTF-8, whatever the file is in (PS3.18 annex F.2.2).
    made |= dict(
        [
            attribute("SpecificCharacterSet", "ISO_IR 192"),
            attribute("AvailableTransferSyntaxUID", each.transfer_syntax_uid),
        ]
    )
    return json.dumps(dict(sorted(made.items())), separators=(",", ":"), allow_nan=False).encode()


class MetadataKeeper:
    """A thread that derives the metadata of what is received, from whichever process it came in.

    It looks for new instances every few seconds, so that a viewer finds the metadata of a new series made. What
    came before it started is derived when it is first asked for.

    Args:
        archive: Open until after `close`.
        every_s: Seconds between two looks.
    """

    def __init__(self, archive: Archive, *, every_s: float = 2.0) -> None:
        self._archive = archive
        self._every_s = every_s
        self._stop = threading.Event()
        self._looked = threading.Condition()
        self._last = self._newest()
        self._thread = threading.Thread(target=self._run, name="metadata-keeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, after the series that is under way."""
        self._stop.set()
        self._thread.join()

    def wait(self, timeout_s: float) -> bool:
        """Wait until what the archive has now is derived; False where it is not after so many seconds."""
        newest = self._newest()
        with self._looked:
            return self._looked.wait_for(lambda: self._last >= newest, timeout_s)

    def _newest(self) -> int:
        with reading(self._archive.engine) as connection:
            return connection.execute(select(func.coalesce(func.max(Instance.id), 0))).scalar_one()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self._look()
            except ArchiveUnavailable:
                continue  # it is a cache; the next look finds what this one missed

    def _look(self) -> None:
        newest = self._newest()
        if newest <= self._last:
            return
        statement = (
            select(Study.study_uid, Series.series_uid)
            .join(Series, Series.study_key == Study.id)
            .join(Instance, Instance.series_key == Series.id)
            .where(Instance.id > self._last, Instance.id <= newest)
            .distinct()
        )
        with reading(self._archive.engine) as connection:
            series = connection.execute(statement).all()
        for study_uid, series_uid in series:
            if self._stop.is_set():
                return
            try:
                for _ in entries(self._archive, stored(self._archive, study_uid, series_uid, within=None)):
                    if self._stop.is_set():
                        return
            except ArchiveUnavailable:
                raise
            except FirstreadError:
                continue  # removed meanwhile
        with self._looked:
            self._last = newest
            self._looked.notify_all()
