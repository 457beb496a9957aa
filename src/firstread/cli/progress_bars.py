"""One bar a stage of a read, on the terminal's error stream."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from firstread.progress import Progress as Callback
from firstread.progress import silent

STAGES = {
    "studies": "studies",
    "anatomy": "draw the chest",
    "nodules": "place the nodules",
    "slices": "scan it",
    "open": "find the images",
    "load": "load the series",
    "segment": "segment the lungs",
    "detect": "detect candidates",
    "classify": "remove false positives",
    "measure": "measure and categorise",
    "report": "write the results",
    "profile": "time the layers",
    "bench": "time the network",
    "convert": "convert the network",
    "quantize": "quantise the network",
    "add": "store the files",
    "backup": "copy to the backup",
    "restore": "copy from the backup",
    "verify": "check the files",
    "send": "send the files",
    "deidentify": "take the patients out",
}


@contextmanager
def progress_bars(*, shown: bool) -> Iterator[Callback]:
    """Yield a progress callback that draws; where the error stream is no terminal it does nothing."""
    console = Console(stderr=True)
    if not (shown and console.is_terminal):
        yield silent
        return
    bars = Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=40),
        TextColumn("{task.percentage:>4.0f} %"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def draw(stage: str, share: float) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(STAGES.get(stage, stage), total=1.0)
        bars.update(tasks[stage], completed=min(max(share, 0.0), 1.0))

    with bars:
        yield draw
