import os
import signal
import subprocess
import sys
import threading

from firstread.service.signals import StopSignals


def test_the_first_signal_asks_and_wakes_who_waits():
    former = signal.getsignal(signal.SIGTERM)
    with StopSignals() as signals:
        assert not signals.wait(0)
        later = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
        later.start()
        asked = signals.wait(30)
        later.join()  # before the handler is gone
        assert asked and signals.asked
        assert signals.wait(None)
    assert signal.getsignal(signal.SIGTERM) is former


def test_the_signals_of_others_do_not_end_the_waiting():
    former = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with StopSignals() as signals:
            later = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
            os.kill(os.getpid(), signal.SIGUSR1)
            later.start()
            asked = signals.wait(30)
            later.join()  # before the handler is gone
            assert asked
    finally:
        signal.signal(signal.SIGUSR1, former)


def test_the_second_signal_ends_the_process():
    code = (
        "import os, signal\n"
        "from firstread.service.signals import StopSignals\n"
        "with StopSignals() as signals:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    assert signals.wait(30)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    signal.pause()\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 128 + signal.SIGINT


def test_a_hangup_is_handled_by_who_waits_and_does_not_end_it():
    heard = []
    with StopSignals(lambda: heard.append("hangup")) as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not signals.wait(0.01)
        later = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
        later.start()
        assert signals.wait(30)
        later.join()
    assert heard == ["hangup"]
