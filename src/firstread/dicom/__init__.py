"""DICOM in and out: a series becomes a volume, findings become standard objects."""

from firstread.dicom.choose import Choice, choose_series
from firstread.dicom.discover import open_study
from firstread.dicom.geometry import Geometry
from firstread.dicom.load import load_volume
from firstread.dicom.series import Instance, Series, Study
from firstread.dicom.volume import SourceSlice, Volume

__all__ = [
    "Choice",
    "Geometry",
    "Instance",
    "Series",
    "SourceSlice",
    "Study",
    "Volume",
    "choose_series",
    "load_volume",
    "open_study",
]
