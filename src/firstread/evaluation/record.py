"""What every evaluation writes beside its figures: what was run, on what, and what it is not."""

from collections.abc import Iterable

from pydantic import Field

from firstread import __version__
from firstread.engine import Network
from firstread.evaluation.statistics import Value
from firstread.findings import NOTICE, ModelUse

RESEARCH_USE = f"Research use only. {NOTICE}. Not a clinical validation."


class Scan(Value):
    """A scan that was measured on."""

    name: str
    series_uid: str
    spacing_mm: tuple[float, float, float] = Field(description="slice, row, column")
    slice_thickness_mm: float | None
    manufacturer: str
    kernel: str
    nodules: int = Field(description="marked by enough readers")
    other_nodules: int = Field(description="marked by fewer")


class Run(Value):
    """What was run: enough to run it again."""

    notice: str = RESEARCH_USE
    firstread: str = __version__
    command: str = ""
    models: tuple[ModelUse, ...]
    least_readers: int = Field(description="readers who must have marked a nodule for it to count")
    scans: tuple[Scan, ...]
    warnings: tuple[str, ...] = Field(
        default=(), description="what was left out, and why; what was repaired on the way"
    )


def uses(networks: Iterable[Network]) -> tuple[ModelUse, ...]:
    """Return what took part: name, version, digest and the precision that really ran."""
    return tuple(network.use for network in networks)
