"""A study that was read, in an archive of the test's own; for the tests of the web too."""

from dataclasses import dataclass

import pytest

from firstread.archive import Archive
from firstread.archive.database import writing
from firstread.findings import ReadResult
from firstread.settings import Settings
from firstread.workflow.reporting.changes import Change, changed
from firstread.workflow.reporting.report import open_report, save
from firstread.workflow.reporting.signing import sign
from tests.workflow.reporting.samples import ANNE, DR_ANNE, add_result, receive_study, write_read


@dataclass
class Reported:
    """A study that was read, and what people do with its report."""

    archive: Archive
    study_key: int
    result: ReadResult
    uid: str

    def open(self):
        return open_report(self.archive, self.uid)

    def change(self, actor=ANNE, *, expected=None, **change):
        expected = self.open().version if expected is None else expected
        made = Change.model_validate(change)
        with writing(self.archive.engine) as connection:
            return save(
                connection, self.archive, self.uid, actor,
                expected=expected, change=lambda opened: changed(opened, made, actor),
            )  # fmt: skip

    def sign(self, actor=ANNE, signatory=DR_ANNE):
        seen = self.open().version
        with writing(self.archive.engine) as connection:
            return sign(connection, self.archive, self.uid, actor, signatory, expected=seen)


@pytest.fixture(scope="session")
def read_folder(small_study, ball_reader, tmp_path_factory):
    """The result folder of a read of the small chest, and the result."""
    folder = tmp_path_factory.mktemp("read") / "out"
    return folder, write_read(small_study, folder)


@pytest.fixture
def reported(archive, small_study, read_folder):
    """The small chest, received and read."""
    key = receive_study(archive, small_study)
    add_result(archive, key, read_folder[0])
    return Reported(archive, key, read_folder[1], read_folder[1].study_uid)


@pytest.fixture
def settings(tmp_path):
    return Settings(cache_dir=tmp_path / "cache")
