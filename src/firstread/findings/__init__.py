"""Value objects of a read. This package knows nothing of files, engines or formats."""

from firstread.findings.concepts import Code
from firstread.findings.finding import (
    Algorithm,
    Attribute,
    Axes,
    Category,
    Comparison,
    Diameters,
    Finding,
    Measurement,
    Structure,
)
from firstread.findings.mask import Mask
from firstread.findings.result import (
    NOTICE,
    Acquisition,
    Grid,
    ModelUse,
    Predecessor,
    Prior,
    ReaderIdentity,
    ReadResult,
    Timings,
)

__all__ = [
    "NOTICE",
    "Acquisition",
    "Algorithm",
    "Attribute",
    "Axes",
    "Category",
    "Code",
    "Comparison",
    "Diameters",
    "Finding",
    "Grid",
    "Mask",
    "Measurement",
    "ModelUse",
    "Predecessor",
    "Prior",
    "ReadResult",
    "ReaderIdentity",
    "Structure",
    "Timings",
]
