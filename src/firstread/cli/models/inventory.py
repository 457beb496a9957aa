"""The model packages that are found, the damaged ones among them."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from firstread.engine import ModelPackage, load_package, package_folders
from firstread.engine.manifest import NetworkPrecision
from firstread.engine.precision_choice import CHOICES, PrecisionChoice, PrecisionChoices
from firstread.errors import ModelPackageError
from firstread.settings import Settings


class Listed(BaseModel):
    """One package on the search path; of a damaged one only name, place and fault are known.

    `choice` tells what `auto` takes on this host, and why; None where that is not measured yet, or there is no choice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    folder: Path
    version: str | None = None
    task: str | None = None
    reader: str | None = None
    precisions: tuple[NetworkPrecision, ...] = ()
    digest: str | None = None
    choice: PrecisionChoice | None = None
    fault: str | None = None

    @classmethod
    def of(cls, package: ModelPackage, choice: PrecisionChoice | None) -> "Listed":
        """Tell of a verified package."""
        return cls(
            name=package.name,
            folder=package.folder,
            version=package.version,
            task=package.manifest.task,
            reader=package.manifest.reader,
            precisions=package.precisions,
            digest=package.digest,
            choice=choice,
        )


def list_models(settings: Settings) -> Iterator[Listed]:
    """Verify every package on the search path and tell of it, the first of each name."""
    choices = PrecisionChoices(settings.cache_dir / CHOICES)
    for folder in package_folders(settings=settings):
        try:
            package = load_package(folder)
            yield Listed.of(package, choices.remembered(package))
        except ModelPackageError as error:
            yield Listed(name=folder.name, folder=folder, fault=str(error))
