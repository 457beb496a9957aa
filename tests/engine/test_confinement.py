import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from firstread.engine import Engine, Placement, confinement, plan_here
from firstread.engine.kernel_files import parse_list
from firstread.errors import FirstreadError, UsageError

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity"
)

# In a process of its own: what is confined stays confined.
PREFIX = """
import json, os, sys, threading
from pathlib import Path
from firstread.engine import Engine, Placement, confine, load_package
placement = Placement(**json.loads(sys.argv[1]))
def allowed_of_all_threads():
    return [line.split()[1] for task in Path("/proc/self/task").iterdir()
            for line in (task / "status").read_text().splitlines() if line.startswith("Cpus_allowed_list")]
"""
INSTANCE = """
import numpy as np
engine = Engine(placement=placement)
network = engine.network(load_package(Path(sys.argv[2])))
fine = network.infer(np.zeros((1, 1, 32, 32, 32), np.float32))["fine"]
print(json.dumps({"threads": allowed_of_all_threads(), "affinity": sorted(os.sched_getaffinity(0)),
    "inference": [engine.threads, network._compiled.get_property("INFERENCE_NUM_THREADS")],
    "checksum": float(np.abs(fine).sum())}))
"""


def start(code: str, placement: Placement, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PREFIX + code, json.dumps(asdict(placement)), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(child: "subprocess.Popen[str]") -> object:
    out, error = child.communicate(timeout=120)
    assert child.returncode == 0, error
    return json.loads(out)


def own_memory_policy(node: int) -> Placement:
    return replace(plan_here(instances=1)[0], memory_node=node)


def test_two_instances_run_at_once_each_on_its_own_processors_only(make_package):
    folder = str(make_package().folder)
    try:
        placements = plan_here(instances=2)
    except UsageError:
        pytest.skip("this process was granted one core")
    children = [start(INSTANCE, placement, folder) for placement in placements]
    answers = [told(child) for child in children]
    for placement, answer in zip(placements, answers, strict=True):
        assert answer["affinity"] == list(placement.processors)
        assert len(answer["threads"]) > 1  # OpenVINO's beside the main one
        assert {parse_list(text) for text in answer["threads"]} == {frozenset(placement.processors)}
        assert answer["inference"] == [placement.threads, placement.threads]
    assert not set(answers[0]["affinity"]) & set(answers[1]["affinity"])
    assert answers[0]["checksum"] == pytest.approx(answers[1]["checksum"])
    assert answers[0]["checksum"] > 0


def test_threads_that_already_run_are_moved_too():
    code = """
begun, end = threading.Barrier(3), threading.Event()
others = [threading.Thread(target=lambda: (begun.wait(), end.wait())) for _ in range(2)]
for other in others: other.start()
begun.wait()
confine(placement)
print(json.dumps(allowed_of_all_threads()))
end.set()
"""
    one = Placement(processors=(min(os.sched_getaffinity(0)),), threads=1, memory_node=None)
    allowed = told(start(code, one))
    assert len(allowed) >= 3
    assert set(allowed) == {str(one.processors[0])}


def test_the_memory_of_the_node_is_preferred():
    code = """
done = confine(placement)
print(json.dumps([done.memory_node, done.reason, Path("/proc/self/numa_maps").read_text().split()[1]]))
"""
    if not Path("/proc/self/numa_maps").exists():
        pytest.skip("this kernel is built without NUMA")
    node, reason, policy = told(start(code, own_memory_policy(0)))
    if "forbids" in reason or "not known" in reason:
        pytest.skip(reason)
    assert (node, reason) == (0, "")
    assert policy.startswith("prefer") and policy.endswith(":0")  # numa(7); newer kernels may add flags


def test_a_node_that_does_not_exist_is_told_and_the_instance_runs_all_the_same():
    code = """
import logging
logging.basicConfig(format="%(message)s")
done = confine(placement)
print(json.dumps([done.memory_node, done.reason, list(done.processors)]))
"""
    placement = own_memory_policy(900)  # more than a word of the mask, less than the kernel's 1024
    child = start(code, placement)
    out, log = child.communicate(timeout=60)
    node, reason, processors = json.loads(out)
    assert node is None and reason
    assert processors == list(placement.processors)
    assert "memory of node 900 is not preferred" in log and reason in log


def test_without_a_node_to_prefer_the_reason_is_told_and_nothing_is_warned_of():
    code = """
import logging
logging.basicConfig(level=logging.WARNING)
done = confine(placement)
print(json.dumps([done.memory_node, done.reason]))
"""
    child = start(code, replace(plan_here(instances=1)[0], memory_node=None))
    out, log = child.communicate(timeout=60)
    assert json.loads(out) == [None, "the host has one NUMA node, or the processors are of several"]
    assert log == ""


def test_a_machine_whose_system_call_is_not_known_goes_without(monkeypatch):
    monkeypatch.setattr(confinement, "_SET_MEMPOLICY", {})
    assert "not known" in confinement.prefer_memory_of(0)


def test_processors_that_cannot_be_had_are_refused_before_anything_changes():
    before = os.sched_getaffinity(0)
    with pytest.raises(FirstreadError, match="cannot be confined to the processors 1000") as refused:
        Engine(placement=Placement(processors=(1000,), threads=1, memory_node=None))
    assert "Plan again" in refused.value.remedy
    assert os.sched_getaffinity(0) == before


def test_processors_of_which_only_some_can_be_had_are_refused():
    code = """
from firstread.errors import FirstreadError
try: confine(placement)
except FirstreadError as error: print(json.dumps(error.message))
"""
    mine = min(os.sched_getaffinity(0))
    message = told(start(code, Placement(processors=(mine, 1000), threads=2, memory_node=None)))
    assert message == f"Of the processors {mine},1000 the process may only run on {mine}."


def test_a_placement_and_threads_exclude_each_other():
    before = os.sched_getaffinity(0)
    with pytest.raises(ValueError, match="own number of threads"):
        Engine(threads=2, placement=Placement(processors=(0,), threads=1, memory_node=None))
    assert os.sched_getaffinity(0) == before
