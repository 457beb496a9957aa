"""What is written with a result, in its transaction."""

from types import SimpleNamespace

from firstread.access import Actor
from firstread.alerts.rules import Conditions, Rule
from firstread.alerts.site_rules import Changes, change
from firstread.archive.database import writing
from firstread.archive.models import DeployedModel
from firstread.findings import ModelUse
from firstread.workflow.node import Node
from firstread.workflow.read_job import _also
from tests.alerts.samples import alerts, finding, result, study_of
from tests.archive.samples import rows

EVERY_NODULE = Rule(name="every-nodule", title="T", level="days", when=Conditions(concepts=("nodule",)))
ROOT = Actor("person", "root")


def keep(node, found, revision):
    with writing(node.archive.engine) as connection:
        _also(node, SimpleNamespace(job=revision, revision=revision), found, connection)


def test_a_running_worker_raises_alerts_by_the_rules_that_hold_when_the_result_comes(archive, settings):
    node = Node(archive, settings, None)
    found = result(finding(), study=study_of(archive))
    keep(node, found, 1)
    assert alerts(archive) == []
    with writing(archive.engine) as connection:  # as the page does
        change(connection, Changes(rules=(EVERY_NODULE,)), ROOT, seen=0, act="added")
    keep(node, found, 2)
    assert [row.rule for row in alerts(archive)] == ["every-nodule"]


def test_the_models_of_a_result_are_on_record_with_it(archive, settings):
    used = ModelUse(name="brought", version="2", digest="ab" * 32, precision="f32")
    found = result(study=study_of(archive)).model_copy(update={"models": (used,)})
    keep(Node(archive, settings, None), found, 1)
    assert [row.digest for row in rows(archive, DeployedModel)] == ["ab" * 32]
