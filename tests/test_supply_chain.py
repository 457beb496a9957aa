import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def script(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(ROOT / "scripts" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def test_every_package_that_is_shipped_has_a_licence_that_hospitals_may_use():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "check-licences"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        (["MIT"], True),
        (["MIT OR GPL-3.0-only"], True),
        (["MIT AND GPL-3.0-only"], False),
        (["Apache-2.0 WITH LLVM-exception"], True),
        (["GPL-3.0-only"], False),
        (["AGPL-3.0-only"], False),
        (["GNU General Public License v3 (GPLv3)"], False),
        (["CC-BY-NC-4.0"], False),
        (["Free for non-commercial use"], False),
        ([], False),
    ],
)
def test_a_licence_that_is_not_on_the_list_is_not_allowed(said, allowed):
    assert script("check-licences").allowed(said) is allowed


def test_what_tests_and_trains_is_not_judged():
    shipped = script("check-licences").shipped()
    assert {"pydicom", "sqlalchemy", "openvino"} <= set(shipped)
    assert not {"torch", "pytest", "moto", "ruff"} & set(shipped)


def test_the_bill_of_materials_names_every_package_and_model(tmp_path):
    subprocess.run([sys.executable, ROOT / "scripts" / "write-sbom", tmp_path / "bom.json"], check=True)
    made = json.loads((tmp_path / "bom.json").read_text())
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    components = {each["name"]: each for each in made["components"]}
    assert set(script("check-licences").shipped()) <= set(components)
    assert components["pydicom"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert components["pydicom"]["purl"].startswith("pkg:pypi/pydicom@")
    models = [each for each in made["components"] if each["type"] == "machine-learning-model"]
    assert len(models) == len(list((ROOT / "models").glob("*/model.toml")))
    references = {each["bom-ref"] for each in made["components"]} | {made["metadata"]["component"]["bom-ref"]}
    for each in made["dependencies"]:
        assert {each["ref"], *each["dependsOn"]} <= references


@pytest.mark.parametrize(
    ("listed", "ends_with", "said"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, "1 packages checked, 0 known holes"),
        (
            [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "?"}],
            0,
            "not checked: b",
        ),
        ([{"name": "b", "skip_reason": "?"}], 0, "nothing was checked"),
        (
            [{"name": "a", "version": "1", "vulns": [{"id": "CVE-2026-1", "fix_versions": ["2"]}]}],
            1,
            "a 1: CVE-2026-1; mended in 2",
        ),
    ],
)
def test_a_known_hole_fails_and_a_package_that_nobody_knows_is_not_taken_for_a_safe_one(
    listed, ends_with, said, capsys
):
    assert script("check-vulnerabilities").judged(json.dumps({"dependencies": listed})) == ends_with
    assert said in "".join(capsys.readouterr())


def test_without_the_network_it_is_said_that_nothing_was_checked(tmp_path):
    pytest.importorskip("pip_audit", reason="pip-audit is part of the extra lint")
    pins = tmp_path / "pins.txt"
    pins.write_text("pydicom==3.0.1\n")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "check-vulnerabilities", pins],
        capture_output=True, text=True, env={**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9"},
    )  # fmt: skip
    assert done.returncode == 0 and "was not reached; nothing was checked" in done.stderr
