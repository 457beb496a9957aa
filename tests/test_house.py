"""Promises of the repository as a whole."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "firstread"


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, **options)


def tracked_files():
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard")
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def imported_packages(folder):
    names = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"firstread"}


def script(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(ROOT / "scripts" / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


OF_EXTRAS = {"obstore"}  # imported where the setting that needs it is used


def test_the_run_time_dependencies_are_what_src_imports_and_no_more():
    declared = {
        canonicalize_name(Requirement(line).name) for line in requires("firstread") if "extra ==" not in line
    }
    providers = packages_distributions()
    imported = {canonicalize_name(providers[name][0]) for name in imported_packages(SOURCE)}
    assert imported - OF_EXTRAS == declared


def test_importing_everything_leaves_torch_unimported():
    code = (
        "import pkgutil, sys, importlib, firstread\n"
        "for m in pkgutil.walk_packages(firstread.__path__, 'firstread.'):\n"
        "    m.name.endswith('__main__') or importlib.import_module(m.name)\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = run(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr


def test_every_package_of_the_layers_is_named_in_the_contract():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.strip() for layer in layers for name in layer.split("|")}
    rooms = {path.stem for path in SOURCE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert rooms - {"__init__", "__pycache__", "_models", "py"} == named


def test_the_reference_says_what_the_code_says():
    reference = script("write-reference")
    for name, write in reference.FILES.items():
        assert (reference.REFERENCE / name).read_text(encoding="utf-8") == write(), (
            f"run make reference ({name})"
        )


def test_links_and_make_targets_in_the_documents_exist():
    done = run(sys.executable, "scripts/check-docs")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[a](missing.md)", "missing.md does not exist"),
        ("[a](../../outside.md)", "does not exist"),
        ("[a](README.md#nowhere)", "no such heading"),
        ("`make lunch`", "no `make lunch`"),
        ("```\nmake dinner\n```", "no `make dinner`"),
    ],
)
def test_the_check_of_the_documents_finds_faults(tmp_path, text, complaint):
    checks = script("check-docs")
    (tmp_path / "Makefile").write_text("test:\n")
    (tmp_path / "README.md").write_text("# Title\n")
    page = tmp_path / "page.md"
    page.write_text(text + "\n[good](README.md#title) `make test`\n")
    wrong = checks.broken_links(page, tmp_path) + checks.false_targets(page, tmp_path)
    assert len(wrong) == 1
    assert complaint in wrong[0]


def test_a_page_that_the_index_does_not_link_is_found(tmp_path):
    checks = script("check-docs")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("[a](a.md)")
    (tmp_path / "docs" / "a.md").write_text("")
    (tmp_path / "docs" / "b.md").write_text("")
    assert checks.unlisted(tmp_path) == ["docs/README.md does not link docs/b.md"]


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    # In pieces, so that this file is not the first to break its own rule.
    own = ["/wo" + "rk/", "/ro" + "ot/", f"{ROOT}/"]
    pattern = re.compile("|".join(re.escape(path) for path in own))
    offenders = []
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" not in content[:4096] and pattern.search(content.decode("utf-8", "replace")):
            offenders.append(str(path.relative_to(ROOT)))
    assert offenders == []


def test_no_patient_data_lies_in_the_repository():
    dicom = [path for path in tracked_files() if path.read_bytes()[128:132] == b"DICM"]
    assert dicom == []


def test_every_pin_satisfies_what_the_project_asks_for():
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            pins[canonicalize_name(name)] = version
    for line in requires("firstread"):
        requirement = Requirement(line)
        pinned = pins.get(canonicalize_name(requirement.name))
        assert pinned, f"constraints.txt does not pin {requirement.name}"
        assert requirement.specifier.contains(pinned), line


def test_scripts_are_executable_and_stop_at_the_first_error():
    for path in [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"]:
        if path.is_file() and path.suffix == "":
            assert os.access(path, os.X_OK), path.name
            text = path.read_text(encoding="utf-8")
            if text.startswith("#!/usr/bin/env bash"):
                assert "\nset -euo pipefail\n" in text, path.name


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench", "figure3", "sbom", "vulnerabilities"])
def test_make_lists_its_targets(target):
    assert re.search(rf"^  make {target} ", run("make").stdout, re.MULTILINE)
