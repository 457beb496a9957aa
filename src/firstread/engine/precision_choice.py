"""Which precision is the fastest on this host: measured once, then remembered."""

import contextlib
import fcntl
import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from firstread.engine import cpu
from firstread.engine.compiled_cache import CompiledCache
from firstread.engine.manifest import NetworkPrecision, Sha256
from firstread.engine.packages import ModelPackage

_log = logging.getLogger(__name__)

CHOICES = "precision"
"""Name of the folder in the setting `cache_dir`."""

Seconds = Annotated[float, Field(gt=0)]


class PrecisionChoice(BaseModel):
    """The times of a package's networks on this processor, and so which of them `auto` takes.

    Attributes:
        digest: Of the package.
        processor: Model name of the processor.
        features: Its instruction sets.
        threads: With how many it was measured, one stream.
        times_s: Seconds of one batch by precision: the least of several runs, or a bench's median.
        measured_at: When.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    digest: Sha256
    processor: str
    features: tuple[str, ...]
    threads: int
    times_s: dict[NetworkPrecision, Seconds] = Field(min_length=2)
    measured_at: AwareDatetime

    @classmethod
    def of(cls, package: ModelPackage, times_s: Mapping[NetworkPrecision, float], *, threads: int) -> Self:
        """Tell what was measured just now on this processor."""
        host = cpu.processor()
        return cls(
            digest=package.digest,
            processor=host.model,
            features=host.features,
            threads=threads,
            times_s=dict(times_s),
            measured_at=datetime.now(UTC).replace(microsecond=0),
        )

    @property
    def precision(self) -> NetworkPrecision:
        """Return the fastest precision; of equal ones f32, which is the more exact."""
        return min(self.times_s, key=lambda precision: (self.times_s[precision], precision))

    def __str__(self) -> str:
        others = [precision for precision in self.times_s if precision != self.precision]
        times = ", ".join(f"{each} {1000 * self.times_s[each]:.1f} ms" for each in (self.precision, *others))
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{times} on {threads}, measured {self.measured_at:%Y-%m-%d %H:%M} UTC"


class PrecisionChoices:
    """The choices of a host, a small file for each package and processor.

    A choice stays until package or processor change, or somebody measures again: otherwise two reads of one study
    could differ. Processes may share the folder: one of them measures, the others wait for it. A damaged file is
    measured anew.

    Args:
        folder: Made with mode 0700. In one that cannot be used nothing is remembered, and nothing is measured either:
            int8 is then taken on processors that multiply it in hardware, so that two reads agree.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, PrecisionChoice] = {}
        self._lock = threading.Lock()

    def choose(self, package: ModelPackage, measure: Callable[[], PrecisionChoice]) -> NetworkPrecision:
        """Return the precision to take, measuring where that has not been done.

        Args:
            package: With one precision there is nothing to choose.
            measure: Called at most once.
        """
        if len(package.precisions) == 1:
            return package.precisions[0]
        found = self.remembered(package)
        if found is not None:
            return found.precision
        problem = CompiledCache(self.folder).problem()
        if problem is not None:
            guess: NetworkPrecision = "int8" if cpu.processor().fast_int8 else "f32"
            _log.warning("%s: %s is taken for %s without a measurement.", problem, guess, package.name)
            return guess
        with self._alone(package):
            found = self.remembered(package)  # by another process, while this one waited
            if found is None:
                found = measure()
                self.remember(found)
        return found.precision

    def remembered(self, package: ModelPackage) -> PrecisionChoice | None:
        """Return what was chosen for a package on this processor; None where nothing was, or it is damaged."""
        with self._lock:
            if package.digest in self._known:
                return self._known[package.digest]
        host = cpu.processor()
        path = self._path(host, package.digest)
        try:
            found = PrecisionChoice.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            _log.warning("%s is damaged; precisions are measured again.", path)
            return None
        expected = (package.digest, host.model, host.features, set(package.precisions))
        if (found.digest, found.processor, found.features, set(found.times_s)) != expected:
            _log.warning("%s is of something else; precisions are measured again.", path)
            return None
        with self._lock:
            self._known[package.digest] = found
        return found

    def remember(self, choice: PrecisionChoice) -> str | None:
        """Keep a choice in place of an earlier one; return why that was not possible, or None when it was."""
        with self._lock:
            self._known[choice.digest] = choice
        problem = CompiledCache(self.folder).problem()
        if problem is not None:
            return problem
        try:
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".part")
            try:
                with open(handle, "w", encoding="utf-8") as stream:
                    stream.write(choice.model_dump_json(indent=1) + "\n")
                os.replace(name, self._path(cpu.processor(), choice.digest))
            except BaseException:
                os.unlink(name)
                raise
        except OSError as error:
            _log.warning("A choice of precision was not kept: %s.", error)
            return f"{self.folder}: {error.strerror}"
        return None

    @contextlib.contextmanager
    def _alone(self, package: ModelPackage) -> Iterator[None]:
        """Keep other processes from measuring at the same time; the kernel frees the lock of one that dies."""
        path = self._path(cpu.processor(), package.digest).with_suffix(".lock")
        with path.open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _path(self, host: cpu.Processor, digest: str) -> Path:
        key = repr((host.model, host.features, digest))
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
