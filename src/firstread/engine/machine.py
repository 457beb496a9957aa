"""The machine that a measurement was made on: no time means anything without it."""

import platform
from typing import Self

from pydantic import BaseModel, ConfigDict

from firstread import __version__
from firstread.engine import cpu


class Machine(BaseModel):
    """What times depend on besides the network.

    Attributes:
        processor: Model name, as the kernel tells it.
        features: Instruction sets that OpenVINO's kernels choose between.
        cores: Of the host; two hyper-threads of one core count once.
        granted: Threads that this process may use.
        limit: What decided `granted`.
        memory_gb: Of the host.
        system: Kernel and its release.
        python: Version.
        openvino: Version.
        firstread: Version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    processor: str
    features: tuple[str, ...]
    cores: int
    granted: int
    limit: cpu.Limit
    memory_gb: int
    system: str
    python: str
    openvino: str
    firstread: str = __version__

    @classmethod
    def here(cls, granted: cpu.Granted) -> Self:
        """Describe this machine."""
        import openvino

        host = cpu.processor()
        return cls(
            processor=host.model,
            features=host.features,
            cores=host.physical,
            granted=granted.threads,
            limit=granted.limit,
            memory_gb=round((cpu.memory_limit()[0] or 0) / 1e9),
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            openvino=str(openvino.__version__).partition("-")[0],
        )

    def __str__(self) -> str:
        features = f" ({', '.join(self.features)})" if self.features else ""
        return (
            f"{self.processor}{features}, {self.cores} cores, {self.granted} granted ({self.limit}); "
            f"OpenVINO {self.openvino}, firstread {self.firstread}"
        )
