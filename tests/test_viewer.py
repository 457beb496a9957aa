"""The viewer's own tests, which vitest runs, where Node.js and its packages are."""

import shutil
import subprocess

import pytest

from tests.conftest import REPOSITORY

VIEWER = REPOSITORY / "viewer"


def test_the_viewers_own_tests_pass():
    if shutil.which("npx") is None or not (VIEWER / "node_modules" / "vitest").is_dir():
        pytest.skip("the viewer's packages are not installed; `make viewer` installs them, where Node.js is")
    ended = subprocess.run(
        ["npx", "--no-install", "vitest", "run"], cwd=VIEWER, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-2000:]


def test_what_is_locked_names_no_registry():
    assert '"resolved"' not in (VIEWER / "package-lock.json").read_text(encoding="utf-8")
