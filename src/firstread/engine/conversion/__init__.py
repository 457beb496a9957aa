"""From networks that others exported to model packages: ONNX, TorchScript, MONAI Bundles."""

from firstread.engine.conversion.convert import convert
from firstread.engine.conversion.facts import Facts

__all__ = ["Facts", "convert"]
