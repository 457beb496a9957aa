"""OpenVINO in PyTorch's place: the same windows, the same stitching, FP32."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from firstread.engine import Network


class SameWindows:
    """A network of firstread's engine, a sample at a time."""

    def __init__(self, network: Network) -> None:
        self.package = network.package
        self.at_once = 1
        self._network = network

    def __call__(self, hu: Tensor) -> dict[str, Tensor]:
        """Run samples."""
        return {name: torch.from_numpy(values) for name, values in self._network.infer(hu.numpy()).items()}

    def each(self, cut: Iterable[Callable[[], Tensor]]) -> list[dict[str, Tensor]]:
        """Cut and run one sample after the other."""
        return [self(one()) for one in cut]
