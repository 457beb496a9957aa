"""A study, a clock that stands still, and a process of clocks over them."""

import pytest

from firstread.alerts.ticker import Ticker
from firstread.errors import UsageError
from firstread.settings import Settings
from tests.alerts.samples import Clock, Heard, People, study_of
from tests.network.test_tls import hospital, stranger  # noqa: F401 - their certificate authorities
from tests.workflow.deliveries.conftest import receiver  # noqa: F401 - an HTTP server

CHAIN = """
shipped = true
[channels.mail]
kind = "email"
host = "localhost"
security = "none"
sender = "firstread@hospital.example"
[channels.pager]
kind = "webhook"
url = "http://localhost/page"
[[chains]]
name = "site"
levels = ["minutes"]
steps = [
    { to = ["role:radiologist"], channels = ["mail"], otherwise = ["pager"], minutes = 10 },
    { to = ["role:head"], channels = ["web", "mail"], minutes = 20 },
]
"""


@pytest.fixture
def study(archive):
    return study_of(archive)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def people():
    return People(radiologist=["li", "wu"], head=["zhao"])


class Process:
    """What a worker does of alerts, a tick at a time, with channels that keep what they are told."""

    def __init__(self, archive, settings, clock, people):
        self.heard = {"mail": Heard(), "pager": Heard(repeatable=True)}
        self.archive, self.settings, self.clock, self.people = archive, settings, clock, people
        self.ticker = self.another()

    def another(self):
        return Ticker(
            self.archive.engine,
            self.settings,
            directory=self.people,
            clock=self.clock,
            sender_named=lambda name, _: self._named(name),
        )

    def _named(self, name):
        if name not in self.heard:
            raise UsageError(f"There is no channel {name}.")
        return self.heard[name]

    def tick(self, times=2, **spans):
        """Let time go by, then tick until what is due is sent; more than once, as one tick can call for another."""
        self.clock.go_on(**spans)
        for _ in range(times):
            self.ticker.tick()
            self.ticker.wait()


@pytest.fixture
def process_of(archive, tmp_path, clock, people):
    """A function from the text of the site's file to a process."""

    def make(text=CHAIN):
        path = tmp_path / "alerts.toml"
        path.write_text(text)
        return Process(archive, Settings(alerts_file=path), clock, people)

    return make


@pytest.fixture
def process(process_of):
    return process_of()
