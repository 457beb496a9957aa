"""The lung-nodule reader: segmentation, detection, false-positive removal, measurement, categories."""

from firstread.readers.lung_nodule.reader import LungNoduleReader

__all__ = ["LungNoduleReader"]
