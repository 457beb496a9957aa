"""A result folder, an archive that has its study, and receivers of every kind."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest
from pydicom.dataset import FileMetaDataset
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from firstread.archive import Part10, open_archive
from firstread.settings import Settings
from firstread.web.listen import listen, service
from firstread.workflow.beside import beside
from firstread.workflow.documents import write_documents
from firstread.workflow.result_folder import write_result_json
from tests.dicom.ct_series import EXPLICIT, encode
from tests.dicom.read_samples import result_of, volume_of
from tests.network.conftest import orthanc, storescp  # noqa: F401 - peers
from tests.network.test_scu import Moody
from tests.network.test_tls import hospital, stranger  # noqa: F401 - their certificate authorities

DICOM = ("key-N1.dcm", "key-N2.dcm", "key-N3.dcm", "report.dcm", "seg.dcm", "sr.dcm")


@pytest.fixture(scope="session")
def result_folder(tmp_path_factory):
    """The documents of a small read, as `firstread read` writes them."""
    folder = tmp_path_factory.mktemp("result")
    volume = volume_of()
    result = result_of(volume)
    with beside() as other:
        write_documents(folder, result, volume, other)
    write_result_json(folder, result)
    return folder


@pytest.fixture
def database_url():
    """None for SQLite in the archive's folder; tests of what the database is asked have PostgreSQL too."""


@pytest.fixture
def archive(tmp_path, database_url):
    """An archive that has an image of the study that was read."""
    image = volume_of().headers[0]
    image.file_meta = FileMetaDataset()
    with open_archive(tmp_path / "archive", url=database_url) as opened:
        opened.receive(Part10.parse(encode(image, EXPLICIT)), source="CT1")
        yield opened


@pytest.fixture
def settings_of(tmp_path):
    """A function from destinations, and other settings, to settings."""

    def make(secrets=None, public_url=None, **destinations):
        return Settings(
            destinations=destinations,
            destination_secrets=secrets or {},
            public_url=public_url,
            archive_dir=tmp_path / "archive",
        )

    return make


@pytest.fixture
def moody():
    """A function from statuses to a storage SCP that answers with them, then with Success."""
    with ExitStack() as running:
        yield lambda *statuses: running.enter_context(Moody(*statuses))


@dataclass
class Receiver:
    """An HTTP server: what it got, and what it answers, in order; then 200."""

    url: str = ""
    got: list = field(default_factory=list)
    answers: list = field(default_factory=list)

    async def take(self, request):
        self.got.append((request.method, request.url.path, dict(request.headers), await request.body()))
        return self.answers.pop(0) if self.answers else Response(status_code=200)


@pytest.fixture
def receiver():
    taken = Receiver()
    app = Starlette(routes=[Route("/{path:path}", taken.take, methods=["GET", "POST"])])
    socket = listen("127.0.0.1", 0)
    taken.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    with running(service(app), socket):
        yield taken


@contextmanager
def running(server, socket):
    """Run a web server on a socket while the block does."""
    thread = Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)
        socket.close()
        assert not thread.is_alive()


@pytest.fixture
def orthanc_dicomweb():
    """The configuration with which Orthanc serves DICOMweb; skips where its plugin is not installed."""
    plugin = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
    if not plugin.exists():
        pytest.skip("Orthanc has no DICOMweb; scripts/install-debian-packages installs orthanc-dicomweb")
    dicomweb = {"Enable": True, "Root": "/dicom-web/"}
    return {"Plugins": [str(plugin)], "DicomWeb": dicomweb, "AuthenticationEnabled": True}
