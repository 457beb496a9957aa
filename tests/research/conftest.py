import pytest

from firstread.access import Actor
from firstread.archive.database import open_engine
from firstread.dicom.deidentify.options import options_of
from firstread.research.projects import add_project
from firstread.research.sealed import Seal, seal_with
from tests.tables import make_tables

ACTOR = Actor("local", "tester")


@pytest.fixture
def engine(tmp_path, database_url):
    """A database of each kind with a project `lungs`."""
    made = open_engine(database_url or f"sqlite:///{tmp_path / 'archive.sqlite'}")
    make_tables(made)
    add_project(made, seal(), "lungs", options_of(["modified-dates"]), actor=ACTOR)
    yield made
    made.dispose()


def seal(letter: str = "s") -> Seal:
    return seal_with(letter * 40)
