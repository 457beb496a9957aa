"""Each in a process of its own: a signal that comes too late ends the process that it meets."""

import signal
import subprocess
import sys

FIRST = """
former = signal.getsignal(signal.SIGTERM)
with StopSignals() as signals:
    assert not signals.wait(0)
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert signals.wait(30) and signals.asked
    assert signals.wait(None)
assert signal.getsignal(signal.SIGTERM) is former
"""
OTHERS = """
signal.signal(signal.SIGUSR1, lambda *_: None)
with StopSignals() as signals:
    os.kill(os.getpid(), signal.SIGUSR1)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert signals.wait(30)
"""
SECOND = """
with StopSignals() as signals:
    os.kill(os.getpid(), signal.SIGTERM)
    assert signals.wait(30)
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
"""
HANGUP = """
heard = []
with StopSignals(lambda: heard.append("hangup")) as signals:
    os.kill(os.getpid(), signal.SIGHUP)
    assert not signals.wait(0.01)
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert signals.wait(30)
assert heard == ["hangup"]
"""


def run(code: str) -> int:
    """The exit status of a process that runs the code."""
    head = "import os, signal, threading\nfrom firstread.service.signals import StopSignals\n"
    return subprocess.run([sys.executable, "-c", head + code], timeout=120).returncode


def test_the_first_signal_asks_and_wakes_who_waits():
    assert run(FIRST) == 0


def test_the_signals_of_others_do_not_end_the_waiting():
    assert run(OTHERS) == 0


def test_the_second_signal_ends_the_process():
    assert run(SECOND) == 128 + signal.SIGINT


def test_a_hangup_is_handled_by_who_waits_and_does_not_end_it():
    assert run(HANGUP) == 0
