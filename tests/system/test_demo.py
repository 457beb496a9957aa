"""`firstread demo`, as a person runs it after installing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firstread.findings import NOTICE


@pytest.mark.timeout(600)
def test_a_study_goes_the_whole_way(tmp_path):
    source = Path(__file__).resolve().parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-m", "firstread.cli", "demo", "--out", "demo", "--json"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(source)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["findings"] >= 3  # of four nodules of 6 mm and more
    assert set(facts["seconds"]) == {"receipt", "quiet", "read", "delivery"}
    assert facts["seconds"]["quiet"] >= 3  # as the demo's setting says
    delivered = Path(facts["result"])
    result = json.loads((delivered / "result.json").read_text())
    assert (result["study_uid"], result["notice"]) == (facts["study_uid"], NOTICE)
    assert (len(result["findings"]), result["category"]["value"]) == (facts["findings"], facts["category"])
    for name in ("report.html", "report.pdf", "sr.dcm", "seg.dcm", "report.dcm"):
        assert (delivered / name).stat().st_size > 0
    assert len(list((tmp_path / "demo" / "study").glob("*.dcm"))) == facts["images"]
    said = [json.loads(line) for line in Path(facts["log"]).read_text().splitlines()]
    assert said[-1]["event"] == "stopped"
    assert {line["level"] for line in said} == {"info"}
