"""A served app over an archive with a study whose every text is an attack."""

import pytest
import requests

from firstread.archive import open_archive
from firstread.archive.part10 import Part10
from firstread.web import create_app
from tests.access.attacks.hostile import hostile_study
from tests.dicom.ct_series import encode
from tests.network.dicomweb.conftest import running


@pytest.fixture(scope="module")
def hostile_archive(tmp_path_factory):
    with open_archive(tmp_path_factory.mktemp("hostile")) as opened:
        for dataset in hostile_study():
            opened.receive(Part10.parse(encode(dataset)), source="CT1")
        yield opened


@pytest.fixture(scope="module")
def app(hostile_archive):
    """The whole app; whoever calls from this computer may do everything."""
    return create_app(hostile_archive, keep_metadata=False)


@pytest.fixture(scope="module")
def get(app):
    """A function from a path to the answer of a real server."""
    with running(app) as url, requests.Session() as session:
        yield lambda path, **options: session.get(url + path, timeout=30, **options)
