"""The engine: model packages in, compiled networks out, within the cores that were granted."""

import io
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from firstread.engine import cpu
from firstread.engine.compiled_cache import CompiledCache
from firstread.engine.confinement import confine
from firstread.engine.graph import read_graph
from firstread.engine.manifest import NetworkPrecision
from firstread.engine.network import Network
from firstread.engine.packages import ModelPackage, find_package
from firstread.engine.placement import Placement
from firstread.errors import ModelPackageError
from firstread.settings import Precision, load_settings

if TYPE_CHECKING:
    import openvino

_log = logging.getLogger(__name__)


class Engine:
    """Runs networks on the CPU.

    Importing and making one is cheap; OpenVINO is loaded with the first network.

    Args:
        threads: Threads of inference; None takes the setting, else the cores granted to this process.
        placement: The share of the host that this process keeps to from now on; its threads are taken, whatever
            the setting says. None leaves the process where it is.
        precision: auto takes int8 where a package has it, f32 elsewhere; None takes the setting.
        cache_dir: Where compiled networks are kept; None takes the setting.
        models: Folders that are searched for packages before those of the settings.

    Attributes:
        granted: What this process was granted; with a placement its threads may be fewer.
        threads: Threads of inference.
        precision: As above.

    Raises:
        FirstreadError: the process cannot be confined to the placement.
        ValueError: both threads and a placement are given.
    """

    def __init__(
        self,
        *,
        threads: int | None = None,
        placement: Placement | None = None,
        precision: Precision | None = None,
        cache_dir: Path | None = None,
        models: Sequence[Path] = (),
    ) -> None:
        if placement is not None and threads is not None:
            raise ValueError("a placement has its own number of threads")
        settings = load_settings()
        self._settings = settings.model_copy(update={"models": (*models, *settings.models)})
        if placement is not None:
            confine(placement)
        self.granted = cpu.granted(override=threads if threads is not None else self._settings.threads)
        # Each instance sees the quota of all, so only the plan knows its part.
        self.threads = placement.threads if placement is not None else self.granted.threads
        self.precision: Precision = precision or self._settings.precision
        self._cache = CompiledCache((cache_dir or self._settings.cache_dir) / "networks")
        self._networks: dict[tuple[Path, str, str], Network] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every network; those that still run finish first."""
        with self._lock:
            self._networks.clear()

    def network(self, package: ModelPackage | str) -> Network:
        """Return the compiled network of a package; the second call returns the same one.

        Raises:
            ModelPackageError: the package is missing or damaged, or lacks the precision that was asked for.
        """
        if isinstance(package, str):
            with self._lock:
                known = [n for n in self._networks.values() if n.package.name == package]
            package = known[0].package if known else find_package(package, settings=self._settings)
        precision = self.choose(package)
        key = (package.folder, package.digest, precision)
        with self._lock:
            if key not in self._networks:
                compiled = self._compile(package, precision)
                self._networks[key] = Network(compiled, package=package, precision=precision)
            return self._networks[key]

    def choose(self, package: ModelPackage) -> NetworkPrecision:
        """Return the precision in which this engine runs a package.

        Raises:
            ModelPackageError: int8 was asked for, and the package has none that passed its accuracy gate.
        """
        if self.precision == "auto":
            return package.precisions[-1]
        if self.precision not in package.precisions:
            raise ModelPackageError(
                f"The model package {package.name} has no {self.precision} network of proven accuracy.",
                remedy="Choose the precision auto, which takes int8 only where it exists.",
            )
        return self.precision

    def _compile(self, package: ModelPackage, precision: NetworkPrecision) -> "openvino.CompiledModel":
        import openvino

        core = openvino.Core()
        config = {
            # All threads work on one tile; docs/concepts/engine.md has the measurement.
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": self.threads,
            # OpenVINO would take bf16 where the processor has it: other findings on other hosts.
            "INFERENCE_PRECISION_HINT": "f32",
            # Pinned threads of two processes would sit on the same cores, and under a CPU quota could not make
            # way for what else runs there. A placement keeps them in their cores by affinity.
            "ENABLE_CPU_PINNING": False,
        }
        host = cpu.processor()
        key = repr((openvino.__version__, host.model, host.features, package.digest, precision, config))
        blob = self._cache.load(key)
        if blob is not None:
            try:
                return core.import_model(io.BytesIO(blob), "CPU", config)
            except RuntimeError:
                _log.warning("A compiled network of %s cannot be used; it is compiled again.", package.name)
        graph = read_graph(package, precision)
        try:
            compiled = core.compile_model(graph, "CPU", config)
        except RuntimeError as error:
            raise ModelPackageError(
                f"OpenVINO cannot compile {package.folder / precision}.xml: {error}.",
                remedy="Run `firstread doctor`; the package may need a newer firstread.",
            ) from error
        self._cache.store(key, compiled.export_model().getvalue())
        return compiled
