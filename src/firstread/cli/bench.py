"""`firstread bench`: the benchmarks that the documents quote, where the source checkout is."""

from pathlib import Path
from typing import Annotated, Literal

import typer

BENCHMARKS = {
    "study": (
        "read_study",
        "wall time and memory of a read by stage; what became worse than the committed run",
    ),
    "memory": ("memory", "peak memory by the length of the series: 100 to 1,000 slices"),
    "two-reads": ("two_reads", "two reads at the same time against one after the other"),
    "instances": ("instances", "one instance of the engine against several pinned ones"),
    "floor": ("floor", "how near each network comes to the most that this host multiplies; other tiles"),
    "figure3": ("figure3", "three tasks with PyTorch, with OpenVINO in its place, and with firstread"),
    "retinanet": (
        "retinanet",
        "MONAI's RetinaNet on a whole study, its default way and on firstread's engine",
    ),
    "receipt": (
        "receipt",
        "instances received a second, against Orthanc, storescp and a bare pynetdicom SCP",
    ),
    "fuzz-scp": ("fuzz_scp", "thousands of damaged DICOM streams, and what the node holds before and after"),
    "scale-out": ("scale_out", "reads an hour by workers; emergencies behind two hundred that wait"),
    "nothing-lost": (
        "nothing_lost",
        "kills of a node and its workers while studies arrive, and what was lost or done twice",
    ),
    "dicomweb": ("dicomweb", "searching 100,000 studies, and opening all metadata of a series"),
    "viewer": ("viewer", "a viewer that asks for all frames of 1,000 slices at once"),
    "tview": ("tview", "from the click to the first picture, the series and three planes, in Chromium"),
    "pointed": ("pointed", "from a click on a missed nodule to its outline, size and category in the report"),
    "worklist": (
        "worklist",
        "filters and orders of 5,000 studies, in Chromium too, and a storm of 100 changes a second",
    ),
    "audit": ("audit_overhead", "a worklist query with the audit trail and without"),
    "nodules": ("lidc_nodules", "nodules that readers marked, found or missed"),
    "measurement": ("measurement", "axes, volume and attenuation against the readers'"),
}
"""By name: the script in benchmarks/, and what it measures."""

Benchmark = Literal[
    "study",
    "memory",
    "two-reads",
    "instances",
    "floor",
    "figure3",
    "retinanet",
    "receipt",
    "fuzz-scp",
    "scale-out",
    "nothing-lost",
    "dicomweb",
    "viewer",
    "tview",
    "pointed",
    "worklist",
    "audit",
    "nodules",
    "measurement",
]


def bench(
    name: Annotated[
        Benchmark | None,
        typer.Argument(help="Which. Default: list them.", show_default=False),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(help="Passed on to it; `-- --help` prints what it takes.", show_default=False),
    ] = None,
) -> None:
    """Run a benchmark of the source checkout.

    The benchmarks need phantoms, annotated scans, what made the networks, and some of them PyTorch, so that they are
    not part of what is installed. `firstread models bench` times a network anywhere.

    \b
    Examples
      firstread bench
      firstread bench study --repeats 5 --strict
      firstread bench figure3 --quick
      firstread bench memory -- --help

    Exit codes: 0 done, 1 it failed, or what --strict asks for does not hold, 2 usage, 5 the checkout is not here.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    import subprocess
    import sys

    if name is None:
        _list()
        return
    done = subprocess.run([sys.executable, str(_script(name)), *(arguments or ())], check=False)
    raise typer.Exit(done.returncode)


def _list() -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for name, (_, what) in BENCHMARKS.items():
        table.add_row(Text(name, "bold"), Text(what))
    Console().print(table)


def _script(name: Benchmark) -> Path:
    """Return the script of a benchmark in the checkout that this package is imported from."""
    import firstread
    from firstread.errors import FirstreadError

    # src/firstread/__init__.py of a checkout
    folder = Path(firstread.__file__).resolve().parents[2] / "benchmarks"
    script = folder / f"{BENCHMARKS[name][0]}.py"
    if not script.is_file():
        raise FirstreadError(
            f"The benchmark {name} is part of firstread's source checkout, and this is an installation without it "
            f"({script} does not exist).",
            remedy="Clone firstread's repository, and there run `make bench`, or install it with "
            "`pip install --editable .` and run this again.",
        )
    return script
