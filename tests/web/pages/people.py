"""A served node with accounts, and a person's browser without scripts."""

import re
from contextlib import contextmanager
from functools import partial

import requests

from firstread.access.door import RightsDoor
from firstread.access.people import authenticate
from firstread.access.rights import Rights
from firstread.settings import Settings
from firstread.web import create_app
from tests.access.accounts.conftest import PASSWORD
from tests.network.dicomweb.conftest import running


def node(archive, **settings):
    """The URL of a node whose door asks for accounts."""
    return node_on(0, archive, **settings)


@contextmanager
def node_on(port, archive, **settings):
    """As `node`, on a port that was chosen before."""
    chosen = Settings(**settings)
    door = RightsDoor(Rights(archive.engine), partial(authenticate, engine=archive.engine, settings=chosen))
    with running(create_app(archive, door=door, keep_metadata=False, settings=chosen), port) as url:
        yield url


class Person:
    """A browser: cookies, and forms sent with what the page put into them."""

    def __init__(self, url, **headers):
        self.url = url
        self.browser = requests.Session()
        self.browser.headers.update({"Accept": "text/html", "User-Agent": "Test browser", **headers})

    def get(self, path, *, headers=None, **options):
        accepted = {"Accept": "application/dicom+json"} if path.startswith("/dicom-web") else {}
        headers = {**accepted, **(headers or {})}
        return self.browser.get(self.url + path, timeout=30, headers=headers, **options)

    def token(self, path):
        return re.search(r'name="csrf-token" content="([^"]*)"', self.get(path).text)[1]

    def post(self, path, form=None, *, on=None, follow=False, **fields):
        """Send a form that stands on the page `on`."""
        fields = {"csrf_token": self.token(on or path), **fields, **(form or {})}
        return self.browser.post(self.url + path, data=fields, timeout=30, allow_redirects=follow)

    def log_in(self, name="ada", password=PASSWORD, **fields):
        return self.post("/login", name=name, password=password, **fields)

    @property
    def cookie(self):
        return self.browser.cookies.get("firstread")

    def is_in(self):
        return self.get("/account", allow_redirects=False).status_code == 200
