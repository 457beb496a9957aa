"""A real object store that speaks S3 over HTTP, of the tests' own: moto's server, in a process of its own."""

import http.client
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from obstore.store import S3Store

from firstread.archive.objects import Bucket
from tests.waiting import free_port, wait_for

KEYS = {"access_key_id": "tests", "secret_access_key": "hidden", "region": "us-east-1"}


@dataclass
class ObjectStore:
    """A running server with buckets in its memory."""

    port: int
    address: str = "127.0.0.1"
    within: tuple[str, ...] = ()

    def new_bucket(self) -> str:
        name = f"bucket-{secrets.token_hex(6)}"
        done = subprocess.run(
            [*self.within, sys.executable, "-m", "tests.object_store", self.address, str(self.port), name],
            cwd=Path(__file__).resolve().parents[1], timeout=60,
        )  # fmt: skip
        assert done.returncode == 0
        return name

    def client(self, bucket: str) -> S3Store:
        """What lies in a bucket, without firstread."""
        return S3Store(
            bucket, endpoint=f"http://{self.address}:{self.port}", client_options={"allow_http": True}, **KEYS
        )


def bucket_of(name: str, port: int, cache: Path, *, cache_bytes: int = 1 << 30) -> Bucket:
    """The bucket as an archive has it, under a prefix."""
    options = {"endpoint": f"http://127.0.0.1:{port}", **KEYS}
    return Bucket(f"s3://{name}/hospital/ct", options, cache, cache_bytes)


@contextmanager
def object_store(address: str = "127.0.0.1", within: tuple[str, ...] = ()) -> Iterator[ObjectStore]:
    port = free_port()
    command = [*within, sys.executable, "-m", "moto.server", "-H", address, "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield ObjectStore(port, address, within)
        finally:
            process.kill()


def make_bucket(address: str, port: int, name: str) -> None:
    """Make a bucket, as soon as the server answers."""
    wait_for(lambda: _answers(address, port), 60.0)
    connection = http.client.HTTPConnection(address, port, timeout=30)
    signed = "AWS4-HMAC-SHA256 Credential=tests/20250101/us-east-1/s3/aws4_request"
    connection.request("PUT", f"/{name}", headers={"Content-Length": "0", "Authorization": signed})
    assert connection.getresponse().status == 200


def _answers(address: str, port: int) -> bool:
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/moto-api/")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":  # on the host of a store
    make_bucket(sys.argv[1], int(sys.argv[2]), sys.argv[3])
