"""npm's certified `oidc-provider`, run by node: a real OpenID provider for the tests.

`npm ci` installs it from package-lock.json, once, into a folder of the user's cache that is named for that file.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.waiting import free_port

HERE = Path(__file__).resolve().parent
SECRET = "the client's secret, 32 bytes and more"
CLIENT = "firstread"


def modules():
    """The folder with node_modules; skips where there is no node, or npm cannot install."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is not installed")
    lock = (HERE / "package-lock.json").read_bytes()
    name = f"firstread-openid-provider-{hashlib.sha256(lock).hexdigest()[:16]}"
    cache = Path(os.environ.get("FIRSTREAD_TEST_CACHE") or Path.home() / ".cache")
    folder = cache / name
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=f"{name}.") as made:
            for file in ("package.json", "package-lock.json"):
                shutil.copy(HERE / file, made)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
            done = subprocess.run(command, cwd=made, capture_output=True, text=True, timeout=240)
            assert done.returncode == 0, done.stderr
            shutil.copytree(made, f"{made}.done")
            try:
                os.replace(f"{made}.done", folder)
            except OSError:  # another process was faster
                shutil.rmtree(f"{made}.done")
    return folder


class OpenIDProvider:
    """A running provider; `person` says who logs in next, with which claims."""

    def __init__(self, port):
        self.issuer = f"http://127.0.0.1:{port}"

    def person(self, sub, **claims):
        self._say(person={"sub": sub, **claims})

    def rotate_keys(self):
        """Sign with another key from now on, under another name, and forget the old one."""
        return self._say(rotate=True)["keys"]

    def end_sessions_of(self, sub):
        """Log a person out, and tell the client so (back-channel logout)."""
        self._say(end=sub)

    def _say(self, **said):
        answer = requests.post(f"{self.issuer}/test", json=said, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def openid_provider(back, log, *, client=CLIENT, secret=SECRET, logout=None):
    """A provider that knows one client, which it sends back to the URL `back`."""
    port = free_port()
    known = {
        "client_id": client,
        "redirect_uris": [back],
        "post_logout_redirect_uris": [back.replace("/oidc/callback", "")],
        "token_endpoint_auth_method": "client_secret_basic" if secret else "none",
        **({"client_secret": secret} if secret else {}),
        **({"backchannel_logout_uri": logout} if logout else {}),
    }
    config = json.dumps({"port": port, "clients": [known]})
    command = ["node", str(HERE / "provider.mjs"), str(modules()), config]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            line = process.stdout.readline()
            while line and line.strip() != "listening":
                line = process.stdout.readline()
            assert line, log.read_text()
            yield OpenIDProvider(port)
        finally:
            process.kill()
