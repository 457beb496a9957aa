"""Write a model package that appears whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firstread.engine.configuration import configuration
from firstread.engine.graph import read_graph
from firstread.engine.manifest import Manifest, NetworkPrecision
from firstread.engine.packages import MANIFEST, ModelPackage, load_package, write_manifest
from firstread.engine.timing import compiled_for_timing, sample_of
from firstread.errors import RefusedInput, UsageError

if TYPE_CHECKING:
    import openvino


def check_place(out: Path, name: str, *, replace: bool) -> None:
    """Make sure that a package could be put at out/name, before time is spent on making it.

    Raises:
        UsageError: something is there, and is no package or must not be replaced.
    """
    destination = out / name
    if destination.exists() and not (replace and (destination / MANIFEST).is_file()):
        raise UsageError(
            f"{destination} is there already.",
            remedy="Choose another name or --out, or replace a package with --force.",
        )


def pack(
    out: Path,
    manifest: Manifest,
    graphs: "Mapping[NetworkPrecision, openvino.Model]",
    *,
    others: Mapping[str, bytes] | None = None,
) -> ModelPackage:
    """Write a package aside, run each of its networks once, and move it to out/NAME, in place of an earlier one.

    Args:
        out: Folder in which the package's folder is made.
        manifest: Without digests.
        graphs: The network in each precision.
        others: Files beside them, by name.

    Raises:
        RefusedInput: a network gives values that are not numbers.
        ModelPackageError: a graph is not what the manifest says.
    """
    import openvino

    out.mkdir(parents=True, exist_ok=True)
    destination = out / manifest.name
    with tempfile.TemporaryDirectory(dir=out, prefix=f".{manifest.name}.partial-") as aside:
        folder = Path(aside) / manifest.name
        folder.mkdir()
        for name, content in (others or {}).items():
            (folder / name).write_bytes(content)
        for precision, graph in graphs.items():
            openvino.save_model(graph, folder / f"{precision}.xml", compress_to_fp16=False)
        package = write_manifest(folder, manifest)
        for precision in graphs:
            _try(package, precision)
        if destination.exists():
            shutil.move(destination, Path(aside) / "former")
        os.replace(folder, destination)
    return load_package(destination)


def _try(package: ModelPackage, precision: NetworkPrecision) -> None:
    """Run a network once, as a read would."""
    graph = read_graph(package, precision)
    compiled = compiled_for_timing(package, precision, graph=graph, config=configuration(threads=1))
    for port, values in compiled([sample_of(package)]).items():
        if not np.isfinite(values).all():
            raise RefusedInput(
                f"The {precision} network of {package.name} gives values that are not numbers (output "
                f"{port.get_any_name()}).",
                remedy="Look at what it takes: --window-hu and --scaled-to bring HU into its range.",
            )
