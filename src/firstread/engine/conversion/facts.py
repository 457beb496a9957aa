"""What must be said about a network that its file does not tell."""

from dataclasses import dataclass
from typing import Literal

Task = Literal["segmentation", "detection", "candidate"]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The description of a network to convert; None where its file, or a MONAI Bundle's metadata, is to tell.

    Attributes:
        name: Of the package to make: lower-case letters, digits, `_`.
        task: What the network is for.
        spacing_mm: z, y, x of the grid that it was trained on; None: what the bundle of a detector says.
        version: major.minor.patch; None: that of the bundle, else 1.0.0.
        reader: The reader that it is for.
        licence: SPDX identifier of the weights' licence.
        intended_use: What it may be used for, and what not.
        patch: z, y, x of the tile, in voxels; None: the shape that the network was exported with.
        batch: Samples a run.
        window_hu: HU that are clipped to and mapped onto `scaled_to`, inside the graph; None: the network takes HU.
        scaled_to: What the ends of the window become.
        axes: Directions in which the network's three spatial axes grow, e.g. RAS as MONAI has them; None: SPL.
        outputs: Names for the outputs, in the network's order; None: those that it has.
    """

    name: str
    task: Task | None
    spacing_mm: tuple[float, float, float] | None = None
    version: str | None = None
    reader: str = "unassigned"
    licence: str = "LicenseRef-unknown"
    intended_use: str | None = None
    patch: tuple[int, int, int] | None = None
    batch: int = 1
    window_hu: tuple[float, float] | None = None
    scaled_to: tuple[float, float] = (0.0, 1.0)
    axes: str | None = None
    outputs: tuple[str, ...] | None = None
