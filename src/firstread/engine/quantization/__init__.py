"""INT8 under an accuracy limit: samples, metrics, and the layers that stay in floating point."""

from firstread.engine.quantization.metrics import METRICS, default_metric
from firstread.engine.quantization.quantize import Quantized, outermost, quantize
from firstread.engine.quantization.samples import read_samples

__all__ = ["METRICS", "Quantized", "default_metric", "outermost", "quantize", "read_samples"]
