import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "concepts" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_every_test_that_the_threat_model_names_exists(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert {name for file, name in NAMED if file == path} <= there


def test_every_threat_names_a_test():
    rows = [line for line in PAGE.splitlines() if re.match(r"\| [STRIDE] \|", line)]
    assert len(rows) > 30
    assert [row for row in rows if "`tests/" not in row] == []


def test_every_flow_is_asked_for_spoofing_or_tampering_and_all_six_letters_are_there():
    assert {line[2] for line in PAGE.splitlines() if re.match(r"\| [STRIDE] \|", line)} == set("STRIDE")
