"""A compiled network: arrays in, arrays out."""

import contextlib
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firstread.engine.manifest import NetworkPrecision
from firstread.engine.packages import ModelPackage
from firstread.errors import FirstreadError
from firstread.findings import ModelUse

if TYPE_CHECKING:
    import openvino

Array = npt.NDArray[Any]


class Network:
    """One precision of a model package, compiled for this host. `Engine.network` makes it.

    Threads may share it: each call takes requests of its own.

    Attributes:
        package: Where it came from.
        precision: f32 or int8.
    """

    def __init__(
        self, compiled: "openvino.CompiledModel", *, package: ModelPackage, precision: NetworkPrecision
    ) -> None:
        self.package = package
        self.precision: NetworkPrecision = precision
        self._compiled = compiled
        # One more than runs at a time: the next tile lies ready when a stream falls free.
        self._at_once = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + 1
        self._ports = {name: compiled.output(name) for name in package.manifest.outputs}
        self._idle: list[openvino.InferRequest] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Network({self.package.name} {self.package.version}, {self.precision})"

    @property
    def use(self) -> ModelUse:
        """Return what the result says of this network."""
        package = self.package
        return ModelUse(
            name=package.name, version=package.version, digest=package.digest, precision=self.precision
        )

    @property
    def operating_point(self) -> dict[str, float]:
        """Return the reader's numbers for the precision that runs."""
        return self.package.operating_point(self.precision)

    def infer(self, samples: Array) -> dict[str, Array]:
        """Run the network on samples: array [n, 1, z, y, x] in HU, any n ≥ 1; outputs are [n, channels, …].

        Raises:
            ValueError: the shape is not one that the package takes.
        """
        return next(self.infer_many([samples]))

    def infer_many(self, items: Iterable[Array]) -> Generator[dict[str, Array], None, None]:
        """Run the network on a stream of items, each [n, 1, z, y, x] in HU, and yield their outputs in order.

        Items are taken as the requests fall free, so only a few are in memory at a time. Samples of several
        items share a batch. Closing the iterator, or an exception in `items`, cancels what still runs and
        waits for it, so that nothing touches the arrays afterwards.

        Raises:
            ValueError: the shape of an item is not one that the package takes.
            FirstreadError: OpenVINO failed while it ran the network.
        """
        counts: deque[int] = deque()  # samples of the items that were taken and not yet given back
        rows: deque[dict[str, Array]] = deque()  # outputs of single samples, in order
        with (
            contextlib.closing(self._batches(items, counts)) as batches,
            contextlib.closing(self._run(batches)) as outputs,
        ):
            for batch in outputs:
                rows.extend(batch)
                while counts and len(rows) >= counts[0]:
                    mine = [rows.popleft() for _ in range(counts.popleft())]
                    yield {name: _stack([row[name] for row in mine]) for name in self._ports}

    def _batches(self, items: Iterable[Array], counts: deque[int]) -> Generator[list[Array], None, None]:
        """Group the items' samples into the batches that the graph is compiled for; the last may be short."""
        given = self.package.manifest.input
        waiting: list[Array] = []
        for item in items:
            if item.ndim != 5 or item.shape[0] < 1 or item.shape[1] != 1 or not given.takes(item.shape[2:]):
                sizes = f"multiples of {given.multiple}" if given.multiple else str(given.patch)
                raise ValueError(f"{self.package.name} takes [n, 1, {sizes}], not {item.shape}")
            counts.append(item.shape[0])
            waiting.extend(item)
            while len(waiting) >= given.batch:
                yield waiting[: given.batch]
                del waiting[: given.batch]
        if waiting:
            yield waiting

    def _run(self, batches: Iterable[list[Array]]) -> Generator[list[dict[str, Array]], None, None]:
        """Run batches asynchronously and yield their samples' outputs, oldest batch first."""
        running: deque[tuple[openvino.InferRequest, int]] = deque()
        try:
            for samples in batches:
                if len(running) == self._at_once:
                    yield self._finish(running)
                request = self._take()
                running.append((request, len(samples)))
                tensor = request.get_input_tensor()
                tensor.shape = [self.package.manifest.input.batch, *samples[0].shape]
                room = tensor.data
                for place, sample in enumerate(samples):
                    room[place] = sample
                room[len(samples) :] = 0  # a short last batch: what these rows give is not used
                with self._failures_named():
                    request.start_async()
            while running:
                yield self._finish(running)
        finally:
            for request, _ in running:
                request.cancel()
            for request, _ in running:
                with contextlib.suppress(Exception):  # "cancelled" is what was asked for
                    request.wait()
                self._give_back(request)

    def _finish(self, running: "deque[tuple[openvino.InferRequest, int]]") -> list[dict[str, Array]]:
        """Wait for the oldest request and copy its outputs."""
        request, count = running[0]
        with self._failures_named():
            request.wait()
        outputs = {name: request.get_tensor(port).data.copy() for name, port in self._ports.items()}
        running.popleft()
        self._give_back(request)
        return [{name: output[row] for name, output in outputs.items()} for row in range(count)]

    def _take(self) -> "openvino.InferRequest":
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._compiled.create_infer_request()

    def _give_back(self, request: "openvino.InferRequest") -> None:
        with self._lock:
            if len(self._idle) < self._at_once:
                self._idle.append(request)

    @contextlib.contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise FirstreadError(
                f"OpenVINO failed while it ran {self.package.name} ({self.precision}): {error}",
                remedy="Run `firstread doctor`; --precision f32 avoids the int8 kernels.",
            ) from error


def _stack(rows: list[Array]) -> Array:
    """Join samples along a new first axis, without a copy of a single one."""
    return rows[0][None] if len(rows) == 1 else np.stack(rows)
