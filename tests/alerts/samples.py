"""Results that call for alerts, a study that is in the archive, and a clock that a test moves."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from firstread.alerts import raise_for
from firstread.alerts.channels.base import LastWord
from firstread.alerts.configuration import parse_configuration
from firstread.alerts.messages import Message
from firstread.alerts.models import Alert, AlertEvent, AlertNotification
from firstread.alerts.recipients import Person
from firstread.archive.database import writing
from firstread.archive.models import Study
from firstread.findings import (
    Acquisition,
    Attribute,
    Category,
    Code,
    Diameters,
    Finding,
    ReaderIdentity,
    ReadResult,
    concepts,
)
from tests.archive.samples import rows
from tests.workflow.samples import receive

BEGIN = datetime(2030, 1, 1, 8, 0, tzinfo=UTC)
PNEUMOTHORAX = Code(value="36118008", scheme="SCT", meaning="Pneumothorax")
LARGE = Attribute(
    concept=Code(value="extent", scheme="99TEST", meaning="Extent"),
    value=Code(value="large", scheme="99TEST", meaning="Large"),
)


class Clock:
    """The present moment, which stands still until a test moves it."""

    def __init__(self, at=BEGIN):
        self.at = at

    def __call__(self):
        return self.at

    def go_on(self, **spans):
        self.at += timedelta(**spans)


def finding(number=1, *, concept=concepts.NODULE, category=None, mean=9.0, place=(0.0, 0.0, 0.0), **said):
    """A finding; `category` is a value of Lung-RADS."""
    categories = ()
    if category:
        categories = (Category(scheme="Lung-RADS", version="2022", value=category, rule="so it is"),)
    said = {"tracking_uid": f"2.25.{number}", "probability": 0.9} | said
    return Finding(
        id=f"N{number}",
        concept=concept,
        site=concepts.LUNG,
        laterality="right",
        center_lps_mm=place,
        size_mm=(mean, mean, mean),
        diameter_mm=Diameters(long=mean, short=mean, mean=mean),
        categories=categories,
        category=categories[0] if categories else None,
        sop_instance_uid="1.2.3",
        **said,
    )


def result(*findings, study="1.2.3", modality="CT", reader="lung_nodule"):
    return ReadResult(
        study_uid=study,
        series_uid=f"{study}.1",
        reader=ReaderIdentity(name=reader, version="1"),
        acquisition=Acquisition(modality=modality, slices=10, spacing_mm=(1, 1, 1)),
        findings=findings,
    )


def critical(study):
    """A result that is an alert of minutes."""
    return result(finding(concept=PNEUMOTHORAX, attributes=(LARGE,)), study=study, modality="DX")


def study_of(archive, **options):
    """A study in the archive; its UID."""
    return receive(archive, 1, **options)


def raised(archive, read, configuration=None, *, revision=1, at=BEGIN):
    """Raise what a result calls for, in a transaction of its own; return the numbers of the new alerts."""
    with writing(archive.engine) as connection:
        return raise_for(connection, read, configuration, revision=revision, at=at)


def alerts(archive):
    return rows(archive, Alert)


def notifications(archive):
    return rows(archive, AlertNotification)


def kinds(archive):
    """What happened, in order."""
    return [row.kind for row in rows(archive, AlertEvent)]


def configured(text, tmp_path):
    return parse_configuration(text, tmp_path / "alerts.toml")


def refer(archive, name):
    with writing(archive.engine) as connection:
        connection.execute(update(Study).values(referring_physician=name))


class People:
    """A directory with the people that a test names, by role."""

    def __init__(self, **by_role):
        self.by_role = {
            role: [
                Person(f"account:{name}", name, f"{name}@hospital.example", number)
                for number, name in enumerate(names, 1)
            ]
            for role, names in by_role.items()
        }

    def with_role(self, connection, role, department):
        return self.by_role.get(role, [])

    def referring(self, connection, name):
        return [each for people in self.by_role.values() for each in people if each.name == name.lower()]

    def named(self, connection, account):
        return [each for people in self.by_role.values() for each in people if each.name == account]


class Heard:
    """A channel that keeps what it was told, and fails as a test says: `fails` is what `send` raises next."""

    def __init__(self, repeatable=False):
        self.repeatable = repeatable
        self.got: list[Message] = []
        self.fails: list[Exception | None] = []

    def send(self, message: Message, last_word: LastWord) -> None:
        problem = self.fails.pop(0) if self.fails else None
        last_word()
        if problem is not None:
            raise problem
        self.got.append(message)


def study_key(archive):
    with writing(archive.engine) as connection:
        return connection.execute(select(Study.id)).scalar_one()
