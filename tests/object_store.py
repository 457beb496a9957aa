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

    def new_bucket(self) -> str:
        name = f"bucket-{secrets.token_hex(6)}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        signed = "AWS4-HMAC-SHA256 Credential=tests/20250101/us-east-1/s3/aws4_request"
        connection.request("PUT", f"/{name}", headers={"Content-Length": "0", "Authorization": signed})
        assert connection.getresponse().status == 200
        return name

    def client(self, bucket: str) -> S3Store:
        """What lies in a bucket, without firstread."""
        return S3Store(
            bucket, endpoint=f"http://127.0.0.1:{self.port}", client_options={"allow_http": True}, **KEYS
        )


def bucket_of(name: str, port: int, cache: Path, *, cache_bytes: int = 1 << 30) -> Bucket:
    """The bucket as an archive has it, under a prefix."""
    options = {"endpoint": f"http://127.0.0.1:{port}", **KEYS}
    return Bucket(f"s3://{name}/hospital/ct", options, cache, cache_bytes)


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: _answers(port), 60.0)
            yield ObjectStore(port)
        finally:
            process.kill()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/moto-api/")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
