"""A real server over an archive of the test's own, on both databases."""

import threading
from contextlib import contextmanager

import pytest
import requests
from dicomweb_client import DICOMwebClient

from firstread.archive import open_archive
from firstread.web import create_app
from firstread.web.listen import listen, service


def serving(archive, **options):
    """The URL of a server of an archive that runs on a free port while the block does."""
    return running(create_app(archive, **{"keep_metadata": False, **options}))


@contextmanager
def running(app, port=0):
    """The URL of an app."""
    socket = listen("127.0.0.1", port)
    server = service(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        socket.close()
        assert not thread.is_alive()


@pytest.fixture(params=["sqlite", "postgresql"])
def archive(request, tmp_path):
    """An archive on SQLite, and one on PostgreSQL."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    with open_archive(tmp_path / "archive", url=url) as opened:
        yield opened


@pytest.fixture
def server(archive):
    with serving(archive) as url:
        yield url


@pytest.fixture
def sqlite_server(sqlite_archive):
    with serving(sqlite_archive) as url:
        yield url


class Web:
    """A client by hand, for what a well-behaved one would not send."""

    def __init__(self, url):
        self.root = url
        self.url = f"{url}/dicom-web"

    def get(self, path, **headers):
        return requests.get(
            self.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()}, timeout=30
        )

    def post(
        self, path, body, content_type='multipart/related; type="application/dicom"; boundary=B', **headers
    ):
        headers = {"Content-Type": content_type} | {k.replace("_", "-"): v for k, v in headers.items()}
        return requests.post(self.url + path, data=body, headers=headers, timeout=60)

    def delete(self, path):
        return requests.delete(self.url + path, timeout=30)


def multipart(*files, boundary="B", media="application/dicom"):
    """A STOW-RS body."""
    parts = [f"--{boundary}\r\nContent-Type: {media}\r\n\r\n".encode() + file + b"\r\n" for file in files]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


@pytest.fixture
def web(sqlite_server):
    return Web(sqlite_server)


@pytest.fixture
def client(server):
    return DICOMwebClient(f"{server}/dicom-web")


@pytest.fixture
def sqlite_client(sqlite_server):
    return DICOMwebClient(f"{sqlite_server}/dicom-web")
