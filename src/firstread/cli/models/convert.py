"""`firstread models convert`: a network of others becomes a model package."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from firstread.cli.models.options import PackagesOut, shown_progress


def convert(
    source: Annotated[
        Path,
        typer.Argument(help="ONNX file, TorchScript file, or folder of a MONAI Bundle.", show_default=False),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of the package: lower-case letters, digits, _. Default: that of SOURCE.",
            show_default=False,
        ),
    ] = None,
    out: PackagesOut = None,
    task: Annotated[
        Literal["segmentation", "detection", "candidate"] | None,
        typer.Option(help="What the network is for. Default: what a bundle tells.", show_default=False),
    ] = None,
    spacing_mm: Annotated[
        tuple[float, float, float] | None,
        typer.Option(
            metavar="Z Y X",
            help="Spacing of the voxels that it was trained on, mm. Needed, but for a bundle that holds a detector.",
            show_default=False,
        ),
    ] = None,
    patch: Annotated[
        tuple[int, int, int] | None,
        typer.Option(
            metavar="Z Y X",
            help="Tile that the network sees, voxels. Default: the shape that it was exported with.",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=4096, help="Samples a run.")] = 1,
    window_hu: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOW HIGH",
            help="HU that are clipped to and scaled, inside the graph. Default: the network takes HU.",
            show_default=False,
        ),
    ] = None,
    scaled_to: Annotated[
        tuple[float, float],
        typer.Option(
            metavar="LOW HIGH", help="What the ends of the window become. Default: 0 1.", show_default=False
        ),
    ] = (0.0, 1.0),
    axes: Annotated[
        str | None,
        typer.Option(
            metavar="LETTERS",
            help="Directions in which the network's three axes grow: one each of S or I, P or A, L or R; MONAI: RAS. "
            "Default: SPL, as firstread has them.",
            show_default=False,
        ),
    ] = None,
    outputs: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Names for the outputs, in order, comma-separated. Default: theirs.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(help="Version of the package. Default: the bundle's, else 1.0.0.", show_default=False),
    ] = None,
    reader: Annotated[str, typer.Option(help="Reader that it is for.")] = "unassigned",
    licence: Annotated[
        str, typer.Option(help="SPDX identifier of the weights' licence.")
    ] = "LicenseRef-unknown",
    intended_use: Annotated[
        str | None,
        typer.Option(
            help="What it may be used for. Default: the bundle's words, else none.", show_default=False
        ),
    ] = None,
    sha256: Annotated[
        str | None,
        typer.Option(
            metavar="HEX", help="What the digest of the network's file must be.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a package that is there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Make a model package of a network that was exported as ONNX, as TorchScript, or as a MONAI Bundle.

    ONNX needs nothing more; TorchScript needs the extra `convert`. Pickles (.pt, .pth, .ckpt) are never opened, but
    for the weights of a bundle's RetinaNet, which are read as weights only.

    \b
    Examples
      firstread models convert net.onnx --task segmentation --spacing-mm 1 1 1 --window-hu -1000 400
      firstread models convert net.ts --name nodules --task detection --spacing-mm 1 1 1 --patch 96 96 96
      firstread models convert spleen_ct_segmentation --axes RAS --spacing-mm 2 1.5 1.5 --window-hu -57 164
      firstread models convert lung_nodule_ct_detection --name lung_nodule_detector --patch 160 256 192

    Exit codes: 0 made, 2 usage, 4 the network cannot be taken, 5 internal or PyTorch is missing.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.engine.conversion import Facts, convert

    facts = Facts(
        name=name or _package_name(source),
        task=task,
        spacing_mm=spacing_mm,
        version=version,
        reader=reader,
        licence=licence,
        intended_use=intended_use,
        patch=patch,
        batch=batch,
        window_hu=window_hu,
        scaled_to=scaled_to,
        axes=axes,
        outputs=tuple(outputs.split(",")) if outputs else None,
    )
    with shown_progress(quiet=quiet) as progress:
        package = convert(source, facts, out=out or Path(), sha256=sha256, force=force, progress=progress)
    if not quiet:
        from firstread.cli.models.tables import print_package

        print_package(package)


def _package_name(source: Path) -> str:
    """Return a package's name that is like that of a file or folder."""
    path = source.resolve()
    words = (path.name if path.is_dir() else path.stem).lower()
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in words).lstrip(
        "_0123456789"
    )
