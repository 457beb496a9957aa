"""How a detector's maps become boxes: the table [decoding] of model.toml."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from firstread.engine.axes import OUR_AXES, Axes
from firstread.engine.table import Length, Table
from firstread.errors import UsageError

Edge = Annotated[float, Field(gt=0, le=4096)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(gt=0, le=1000)]
Halo = Annotated[int, Field(ge=0, le=4096)]


class Level(Table):
    """One resolution of the pyramid.

    Attributes:
        classification: Output with a logit for each anchor.
        regression: Output with six offsets for each anchor, anchor by anchor.
        scale: What the anchors are multiplied with.
    """

    classification: str
    regression: str
    scale: Edge = 1.0


class RetinaNet(Table):
    """Anchors, box coder and selection of a 3-D RetinaNet of one class, as MONAI's RetinaNetDetector has them.

    Attributes:
        axes: Directions in which the three numbers of anchors and offsets are counted, e.g. RAS. The maps themselves
            lie in the package's axes.
        anchors: Edges of the base anchors along `axes`, in voxels.
        box_weights: Of the box coder: three for the centre, three for the edges.
        score_threshold: Boxes of no higher score (after the sigmoid) are dropped.
        most_per_level: Boxes that are kept of each level before suppression, the likeliest.
        nms_overlap: Of two boxes with a greater intersection over union the less likely one is dropped.
        most_boxes: Boxes that are kept in all.
        halo: Voxels (z, y, x) at a tile's border that another tile decides, where there is one.
    """

    kind: Literal["retinanet"]
    axes: str = OUR_AXES
    anchors: tuple[tuple[Edge, Edge, Edge], ...] = Field(min_length=1, max_length=64)
    levels: tuple[Level, ...] = Field(min_length=1, max_length=8)
    box_weights: tuple[Weight, Weight, Weight, Weight, Weight, Weight] = (1.0,) * 6
    score_threshold: Share = 0.05
    most_per_level: Length = 1000
    nms_overlap: Share = 0.5
    most_boxes: Length = 300
    halo: tuple[Halo, Halo, Halo] = (8, 16, 16)

    @model_validator(mode="after")
    def _axes_are_three(self) -> Self:
        try:
            Axes.named(self.axes)
        except UsageError as error:
            raise ValueError(f"axes: {error}") from None
        return self
