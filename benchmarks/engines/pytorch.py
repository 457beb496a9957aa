"""PyTorch as a person writes it, and as well as it can be made to run on a CPU without leaving FP32."""

import copy
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from firstread.engine import ModelPackage
from firstread.engine.cpu import granted
from firstread.engine.kernel_files import ROOT
from firstread.engine.topology import allowed_processors, read_topology
from training.lung_nodule.rebuilt import rebuilt

Variant = Callable[[nn.Module], nn.Module]
_TRIALS = 3
_QUICK = "batch norm folded"


class Eager:
    """The network as it was defined, a sample at a time, on the threads that PyTorch takes by itself."""

    def __init__(self, package: ModelPackage) -> None:
        self.package = package
        self.at_once = 1
        self._network = rebuilt(package)

    def __call__(self, hu: Tensor) -> dict[str, Tensor]:
        """Run samples."""
        with torch.no_grad():
            return self._network(hu)

    def each(self, cut: Iterable[Callable[[], Tensor]]) -> list[dict[str, Tensor]]:
        """Cut and run one sample after the other."""
        return [self(one()) for one in cut]


class Pinned:
    """An instance a core: each core runs samples of its own, on one thread that stays on it, in inference mode.

    Args:
        package: Whose network.
        variant: Name of one of `VARIANTS`; None tries them all and takes the fastest. `tried` has their seconds a
            sample, or why one does not run here.
        quick: Try nothing.
    """

    def __init__(self, package: ModelPackage, *, variant: str | None = None, quick: bool = False) -> None:
        self.package = package
        cores = cores_granted()
        self.at_once = len(cores)
        free: SimpleQueue[int] = SimpleQueue()
        for core in cores:
            free.put(core)

        def stay() -> None:
            os.sched_setaffinity(0, {free.get()})  # 0 is the calling thread
            torch.set_num_threads(1)

        self._pool = ThreadPoolExecutor(len(cores), initializer=stay)
        self.tried: dict[str, float | str] = {}
        plain = rebuilt(package)
        names = [variant] if variant else [_QUICK] if quick else list(VARIANTS)
        ready = {
            name: network
            for name in names
            if (network := self._made(name, plain, measured=len(names) > 1)) is not None
        }
        self.variant = min(ready, key=lambda name: self.tried[name])
        self._network = ready[self.variant]

    def __call__(self, hu: Tensor) -> dict[str, Tensor]:
        """Run samples, one a core at a time."""
        answers = list(self._pool.map(self._run, hu.split(1)))
        return {name: torch.cat([answer[name] for answer in answers]) for name in answers[0]}

    def each(self, cut: Iterable[Callable[[], Tensor]]) -> list[dict[str, Tensor]]:
        """Cut and run samples on the cores."""
        return list(self._pool.map(lambda one: self._run(one()), cut))

    def _run(self, hu: Tensor, network: nn.Module | None = None) -> dict[str, Tensor]:
        with torch.inference_mode():
            # A window is a view of the volume: another layout, for which a compiled network would be compiled again.
            own = hu.clone(memory_format=torch.contiguous_format)
            return (self._network if network is None else network)(own)

    def _made(self, name: str, plain: nn.Module, *, measured: bool) -> nn.Module | None:
        """Return a variant after it ran on every core; None, with the reason in `tried`, where it does not run."""
        sample = torch.zeros(1, 1, *self.package.manifest.input.patch)
        try:
            network = VARIANTS[name](copy.deepcopy(plain))
            # Alone first: what is compiled is compiled once.
            self._pool.submit(self._run, sample, network).result()
            seconds = []
            for _ in range(_TRIALS if measured else 1):
                start = perf_counter()
                list(self._pool.map(lambda s: self._run(s, network), [sample] * self.at_once))
                seconds.append((perf_counter() - start) / self.at_once)
            self.tried[name] = min(seconds)
        except Exception as error:  # e.g. no C++ compiler: the variant is left out, and the table says so
            self.tried[name] = (
                f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
            )
            return None
        return network


def _as_defined(network: nn.Module) -> nn.Module:
    return network


def _folded(network: nn.Module) -> nn.Module:
    """Fold every batch norm into the convolution before it."""
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            children = list(module.children())
            for place, (one, two) in enumerate(itertools.pairwise(children)):
                if isinstance(one, nn.Conv3d) and isinstance(two, nn.BatchNorm3d):
                    module[place], module[place + 1] = fuse_conv_bn_eval(one, two), nn.Identity()
    return network


def _channels_last(network: nn.Module) -> nn.Module:
    return _folded(network).to(memory_format=torch.channels_last_3d)


def _compiled(network: nn.Module) -> nn.Module:
    import torch._inductor.config as inductor

    inductor.freezing = True  # weights are constants, laid out for oneDNN once
    return torch.compile(_folded(network), dynamic=False)


VARIANTS: dict[str, Variant] = {
    "as defined": _as_defined,
    "batch norm folded": _folded,
    "batch norm folded, channels last": _channels_last,
    "compiled": _compiled,
}
"""What is tried for `Pinned`."""


def cores_granted(root: Path = ROOT, *, threads: int | None = None) -> Sequence[int]:
    """Return a logical processor of each core that this process may use; None: as many as were granted to it."""
    mine = read_topology(root).within(allowed_processors(root))
    return [core[0] for core in mine.cores][: threads or granted(root).threads]
