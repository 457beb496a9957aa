"""The folder of a demo: everything that it makes, and nothing of anybody else."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from firstread.errors import UsageError

MARK = "# Written by `firstread demo`, which replaces this folder.\n"


@dataclass(frozen=True)
class DemoFolder:
    """Where the parts of a demo lie; absolute."""

    path: Path

    @property
    def study(self) -> Path:
        """The study, as the scanner has it."""
        return self.path / "study"

    @property
    def archive(self) -> Path:
        """The archive of the node."""
        return self.path / "node"

    @property
    def pacs(self) -> Path:
        """What the PACS keeps."""
        return self.path / "pacs"

    @property
    def results(self) -> Path:
        """Where the node puts results."""
        return self.path / "results"

    @property
    def settings(self) -> Path:
        """The settings of the node."""
        return self.path / "firstread.toml"

    @property
    def log(self) -> Path:
        """The log of the node."""
        return self.path / "node.log"


def prepare_folder(path: Path) -> DemoFolder:
    """Return an empty folder for a demo; that of a former demo is emptied.

    Raises:
        UsageError: it holds anything else, or cannot be made.
    """
    folder = DemoFolder(path.absolute())
    try:
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            with folder.settings.open(encoding="utf-8") as file:
                if file.readline() != MARK:
                    raise FileNotFoundError
            shutil.rmtree(folder.path)
        for each in (folder.path, folder.results):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.settings.write_text(MARK, encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"{path} holds other files than a demo's.", remedy="Choose another with --out."
        ) from None
    except OSError as problem:
        raise UsageError(f"{path} cannot be made: {problem.strerror}.", remedy="Choose another.") from None
    return folder
