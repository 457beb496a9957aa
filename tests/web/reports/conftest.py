"""The service over an archive with a study that was read, and people who may do all of it."""

from dataclasses import dataclass, field

import pytest
import requests

from firstread.access import Grant
from firstread.access.gate import Denied
from firstread.web import create_app
from firstread.workflow.reporting.signing import Signatory
from tests.network.dicomweb.conftest import running
from tests.workflow.reporting.reported import read_folder, reported  # noqa: F401
from tests.workflow.reporting.samples import ANNE, BEN, DR_ANNE

PASSWORD = "correct horse"
PEOPLE = {"anne": ANNE, "ben": BEN}


@dataclass
class NamedDoor:
    """Lets in whom the header X-Test-Actor names, within what a test says."""

    within: object = None
    refused: set = field(default_factory=set)
    expired: bool = False

    def admit(self, request, action):
        if self.expired:
            raise Denied("Nobody is logged in.", remedy="Log in.", status=401)
        actor = PEOPLE.get(request.headers.get("x-test-actor", "anne"))
        if actor is None or action in self.refused:
            raise Denied("You may not.", remedy="Ask.", status=401 if actor is None else 403)
        return Grant(actor, self.within)


def reauthenticate(connection, actor, secret):
    if secret != PASSWORD:
        return None
    return DR_ANNE if actor.name == "anne" else Signatory(2, "ben", "Dr Ben", "")


class Person:
    """Somebody at a browser."""

    def __init__(self, url, uid, name="anne"):
        self.root, self.headers = f"{url}/api/studies/{uid}", {"x-test-actor": name}

    def call(self, method, path, *, seen=None, **options):
        headers = {**self.headers, **({"If-Match": f'"{seen}"'} if seen is not None else {})}
        return requests.request(method, f"{self.root}/{path}", headers=headers, timeout=30, **options)

    def report(self):
        answer = self.call("GET", "report")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def door():
    return NamedDoor()


@pytest.fixture
def served(reported, door):  # noqa: F811
    app = create_app(reported.archive, keep_metadata=False)
    app.state.door, app.state.reauthenticate = door, reauthenticate
    with running(app) as url:
        yield url


@pytest.fixture
def anne(served, reported):  # noqa: F811
    return Person(served, reported.uid)


@pytest.fixture
def ben(served, reported):  # noqa: F811
    return Person(served, reported.uid, "ben")
