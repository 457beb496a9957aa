"""The thread of an association that has just passed its checkpoint when a request is sent."""

import threading

import pytest
from pynetdicom.sop_class import Verification

from firstread.network import Acceptance, Listening, Node
from firstread.network.entity import Entity
from tests.waiting import wait_for


@pytest.fixture
def node(tmp_path):
    from firstread.archive import open_archive

    with (
        open_archive(tmp_path / "archive") as archive,
        Node(archive, Listening(port=0, acceptance=Acceptance(callers=None))) as node,
    ):
        yield node


def test_an_answer_is_the_senders_also_where_the_associations_own_thread_was_late(node):
    entity = Entity("SENDER", seconds=2)
    entity.add_requested_context(Verification)
    made = entity.associate("127.0.0.1", node.port, ae_title="FIRSTREAD")
    assert made.is_established
    take = made.dimse.get_msg
    late, answered, has_looked = threading.Event(), threading.Event(), threading.Event()

    def get_msg(block=False):
        if block:
            wait_for(lambda: made.dimse.msg_queue.qsize() == 1)
            answered.set()
            has_looked.wait(20)
            return take(block=True)
        # As a thread that got no processor between the checkpoint and here, which to others seems to have stopped.
        made._is_paused = True
        late.set()
        answered.wait(20)
        try:
            return take(block=False)
        finally:
            has_looked.set()

    made.dimse.get_msg = get_msg
    try:
        assert late.wait(20)
        assert made.send_c_echo().Status == 0
    finally:
        made.dimse.get_msg = take
        made.release()
