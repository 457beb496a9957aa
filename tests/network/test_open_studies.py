"""A sender that pauses with its association open: its study waits for the rest."""

import time
from contextlib import closing

import pytest
from sqlalchemy import select

from firstread.archive.columns import now
from firstread.archive.database import reading
from firstread.archive.models import Study
from firstread.network import Listening, Node
from firstread.network.open_studies import OpenStudies
from firstread.workflow.intake import stable_studies
from tests.dicom.ct_series import ct_series
from tests.network.conftest import ANYONE, association
from tests.network.test_storage_scp import _with_meta
from tests.waiting import wait_for

QUIET_S = 0.4


@pytest.fixture
def listening(archive):
    with Node(archive, Listening(port=0, acceptance=ANYONE, quiet_s=QUIET_S, open_s=60.0)) as node:
        yield node


def expected(archive):
    with reading(archive.engine) as connection:
        return connection.execute(select(Study.expected_until)).scalar_one()


def test_a_study_waits_while_its_association_is_open(archive, listening):
    with association(listening.port) as peer:
        assert peer.send_c_store(_with_meta(ct_series()[0])).Status == 0x0000
        uid = ct_series()[0].StudyInstanceUID
        wait_for(lambda: expected(archive) is not None)
        # Several quiet periods later it is still held back: the mark is renewed.
        began = expected(archive)
        wait_for(lambda: (expected(archive) - began).total_seconds() > 3 * QUIET_S)
    wait_for(lambda: stable_studies(archive, quiet_s=QUIET_S) == [uid])


def test_a_sender_that_releases_at_once_is_not_waited_for(archive, listening):
    with association(listening.port) as peer:
        assert peer.send_c_store(_with_meta(ct_series()[0])).Status == 0x0000
    wait_for(lambda: stable_studies(archive, quiet_s=QUIET_S) != [])
    marked = expected(archive)
    assert marked is None or marked <= now()


class Line:
    is_established = True


def test_an_association_that_stays_open_for_ever_holds_nothing_back_for_ever(archive, listening):
    with association(listening.port) as peer:
        assert peer.send_c_store(_with_meta(ct_series()[0])).Status == 0x0000
    line, uid = Line(), ct_series()[0].StudyInstanceUID
    with closing(OpenStudies(archive.engine, quiet_s=0.2, open_s=1.0)) as studies:
        began = time.monotonic()
        studies.came(line, uid)
        wait_for(lambda: studies._held() == [uid])
        wait_for(lambda: studies._held() == [])
        assert time.monotonic() - began >= 0.95
        wait_for(lambda: expected(archive) <= now())


def test_without_a_quiet_period_nothing_is_held_back(archive):
    with closing(OpenStudies(archive.engine, quiet_s=0.0, open_s=60.0)) as studies:
        studies.came(Line(), "1.2.3")
        assert studies._held() == []
