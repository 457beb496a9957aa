"""`firstread bench`: benchmarks of the checkout, and what it says where there is none."""

from pathlib import Path
from typing import get_args

import firstread as package
from firstread.cli.bench import BENCHMARKS, Benchmark

ROOT = Path(__file__).resolve().parents[2]


def test_every_benchmark_that_is_offered_is_there_and_every_script_is_offered(firstread):
    assert get_args(Benchmark) == tuple(BENCHMARKS)
    scripts = {
        path.stem
        for path in (ROOT / "benchmarks").glob("*.py")
        if "__main__" in path.read_text(encoding="utf-8")
    }
    assert {script for script, _ in BENCHMARKS.values()} == scripts
    shown = firstread("bench")
    assert shown.code == 0
    assert all(f"{name} " in shown.out for name in BENCHMARKS)


def test_arguments_are_the_benchmarks_and_so_is_the_exit_code(firstread):
    # The command itself ends with 1 never.
    assert firstread("bench", "two-reads", "--study", "nowhere").code == 1
    assert firstread("bench", "two-reads", "--repeats", "0").code == 2
    assert firstread("bench", "two-reads", "--", "--help").code == 0


def test_a_name_that_is_none_is_told_with_those_that_are(firstread):
    done = firstread("bench", "figure4")
    assert done.code == 2 and "figure3" in done.err


def test_without_a_checkout_it_says_where_the_benchmarks_are(firstread, monkeypatch, tmp_path):
    monkeypatch.setattr(
        package, "__file__", str(tmp_path / "lib" / "site-packages" / "firstread" / "__init__.py")
    )
    done = firstread("bench", "study")
    assert done.code == 5
    assert "source checkout" in done.err and "make bench" in done.err
