"""The model packages that are found, the damaged ones among them."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from firstread.engine import ModelPackage, load_package, package_folders
from firstread.engine.manifest import NetworkPrecision
from firstread.errors import ModelPackageError
from firstread.settings import Settings


class Listed(BaseModel):
    """One package on the search path; of a damaged one only name, place and fault are known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    folder: Path
    version: str | None = None
    task: str | None = None
    reader: str | None = None
    precisions: tuple[NetworkPrecision, ...] = ()
    digest: str | None = None
    fault: str | None = None

    @classmethod
    def of(cls, package: ModelPackage) -> "Listed":
        """Tell of a verified package."""
        return cls(
            name=package.name,
            folder=package.folder,
            version=package.version,
            task=package.manifest.task,
            reader=package.manifest.reader,
            precisions=package.precisions,
            digest=package.digest,
        )


def list_models(settings: Settings) -> Iterator[Listed]:
    """Verify every package on the search path and tell of it, the first of each name."""
    for folder in package_folders(settings=settings):
        try:
            yield Listed.of(load_package(folder))
        except ModelPackageError as error:
            yield Listed(name=folder.name, folder=folder, fault=str(error))
