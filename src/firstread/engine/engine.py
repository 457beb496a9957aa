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
from firstread.engine.configuration import configuration
from firstread.engine.confinement import confine
from firstread.engine.graph import free_size, read_graph
from firstread.engine.manifest import NetworkPrecision
from firstread.engine.network import Network
from firstread.engine.packages import ModelPackage, find_package
from firstread.engine.placement import Placement
from firstread.engine.precision_choice import CHOICES, PrecisionChoice, PrecisionChoices
from firstread.engine.timing import least_times, sample_of
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
        precision: auto takes the fastest on this host of those that passed the accuracy gate, as measured once and
            remembered; None takes the setting.
        cache_dir: Where compiled networks and choices of precision are kept; None takes the setting.
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
        self._choices = PrecisionChoices((cache_dir or self._settings.cache_dir) / CHOICES)
        self._networks: dict[tuple[Path, str, str, int], Network] = {}
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

    def network(
        self, package: ModelPackage | str, *, alike: Network | None = None, many: bool = False
    ) -> Network:
        """Return the compiled network of a package; the second call returns the same one.

        Args:
            package: The package, or its name.
            alike: A network whose precision is taken too where the package has it: for networks whose operating
                point was measured together.
            many: Compile it for many small samples: each thread has one of its own, where else all share one.

        Raises:
            ModelPackageError: the package is missing or damaged, or lacks the precision that was asked for.
        """
        if isinstance(package, str):
            with self._lock:
                known = [n for n in self._networks.values() if n.package.name == package]
            package = known[0].package if known else find_package(package, settings=self._settings)
        shared = alike is not None and alike.precision in package.precisions
        precision = alike.precision if alike is not None and shared else self.choose(package)
        streams = self.threads if many else 1
        key = (package.folder, package.digest, precision, streams)
        with self._lock:
            if key not in self._networks:
                compiled = self._compile(package, precision, streams)
                self._networks[key] = Network(compiled, package=package, precision=precision)
            return self._networks[key]

    def choose(self, package: ModelPackage) -> NetworkPrecision:
        """Return the precision in which this engine runs a package; the first time on a host it is measured.

        Raises:
            ModelPackageError: int8 was asked for, and the package has none that passed its accuracy gate.
        """
        if self.precision == "auto":
            return self._choices.choose(package, lambda: self._measure(package))
        if self.precision not in package.precisions:
            raise ModelPackageError(
                f"The model package {package.name} has no {self.precision} network of proven accuracy.",
                remedy="Choose the precision auto, which takes the fastest that exists.",
            )
        return self.precision

    def settled(self, name: str) -> bool:
        """Tell whether the precision of a package is known, so that taking its network measures nothing.

        Raises:
            ModelPackageError: the package is missing or damaged.
        """
        package = find_package(name, settings=self._settings)
        return self.precision != "auto" or len(package.precisions) == 1 or self.choice(package) is not None

    def choice(self, package: ModelPackage) -> PrecisionChoice | None:
        """Return why `auto` takes what it takes on this host; None where that has not been measured."""
        return self._choices.remembered(package)

    def _measure(self, package: ModelPackage) -> PrecisionChoice:
        networks = {precision: self._compile(package, precision) for precision in package.precisions}
        times = least_times(networks, sample_of(package))
        return PrecisionChoice.of(package, times, threads=self.threads)

    def _compile(
        self, package: ModelPackage, precision: NetworkPrecision, streams: int = 1
    ) -> "openvino.CompiledModel":
        import openvino

        core = openvino.Core()
        config = configuration(threads=self.threads, streams=streams)
        host = cpu.processor()
        key = repr((openvino.__version__, host.model, host.features, package.digest, precision, config))
        blob = self._cache.load(key)
        if blob is not None:
            try:
                return core.import_model(io.BytesIO(blob), "CPU", config)
            except RuntimeError:
                _log.warning("A compiled network of %s cannot be used; it is compiled again.", package.name)
        graph = read_graph(package, precision)
        free_size(package, precision, graph)
        try:
            compiled = core.compile_model(graph, "CPU", config)
        except RuntimeError as error:
            raise ModelPackageError(
                f"OpenVINO cannot compile {package.folder / precision}.xml: {error}.",
                remedy="Run `firstread doctor`; the package may need a newer firstread.",
            ) from error
        self._cache.store(key, compiled.export_model().getvalue())
        return compiled
