"""`firstread phantom`: a synthetic chest CT as a DICOM series, with its ground truth."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from firstread.phantom import NoduleSpec, PhantomTruth


def phantom(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder to make; the same as --out.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to make.", show_default=False)] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Chooses the person, where the nodules go, and the noise.")
    ] = 0,
    nodules: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="What to place: a list as below, a number to draw that many, or none. "
            "Default: four of different kinds.",
            show_default=False,
        ),
    ] = None,
    slices: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of slices. Default: as many as cover the lungs.", show_default=False
        ),
    ] = None,
    slice_mm: Annotated[float, typer.Option(help="Distance between slices; mm.")] = 1.25,
    thickness_mm: Annotated[
        float | None, typer.Option(help="Slice thickness; mm. Default: --slice-mm.", show_default=False)
    ] = None,
    pixel_mm: Annotated[float, typer.Option(help="Pixel spacing; mm.")] = 0.7,
    matrix: Annotated[int, typer.Option(help="Rows and columns of a slice.")] = 512,
    kernel: Annotated[
        Literal["soft", "standard", "sharp"], typer.Option(help="Reconstruction kernel.")
    ] = "standard",
    noise: Annotated[
        float | None,
        typer.Option(
            metavar="HU",
            help="Noise in the middle of the body; 0 for none. Default: what the kernel usually has.",
            show_default=False,
        ),
    ] = None,
    like: Annotated[
        Literal["plain", "ge", "siemens", "philips", "canon"],
        typer.Option(help="Maker whose kernel names, stored values and slice order to imitate."),
    ] = "plain",
    date: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Study date. Default: 2026-01-15.",
            metavar="YYYY-MM-DD",
            show_default=False,
        ),
    ] = None,
    scout: Annotated[bool, typer.Option("--scout", help="Write a scout image too.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the phantom that the folder holds.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Make a synthetic chest CT with nodules: a DICOM series and truth.json, which says what is in it.

    The same options give the same files, byte for byte. The patient is invented.

    \b
    A nodule is its mean diameter and, in any order after colons,
      type     solid, part-solid/CORE, ground-glass, calcified, fat
      site     parenchymal, juxtapleural, perivascular, perifissural
      margin   smooth, lobulated, spiculated
      place    right or left, upper or middle or lower
    What is left out is solid, parenchymal, smooth, anywhere. Commas part nodules.

    \b
    Examples
      firstread phantom study
      firstread phantom --out study --seed 7 --nodules 12
      firstread phantom study --nodules 8mm:solid,12mm:ground-glass:juxtapleural,20mm:part-solid/8
      firstread phantom thick --slice-mm 5 --kernel sharp --nodules 10mm:spiculated:right:upper
      firstread phantom empty --nodules none --like siemens

    Exit codes: 0 written, 2 usage, 5 internal.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.progress_bars import progress_bars
    from firstread.phantom import make_phantom
    from firstread.phantom.series import STUDY_DATE, prepare_folder, write_series

    target = _target(folder, out)
    specs = _specs(nodules)
    prepare_folder(target, replace=force)
    with progress_bars(shown=not quiet) as progress:
        made = make_phantom(
            seed=seed,
            slices=slices,
            spacing_mm=(slice_mm, pixel_mm, pixel_mm),
            thickness_mm=thickness_mm,
            matrix=matrix,
            nodules=specs,
            kernel=kernel,
            dose_noise_hu=noise,
            progress=progress,
        )
    write_series(made, target, vendor_like=like, study_date=date.date() if date else STUDY_DATE, scout=scout)
    if not quiet:
        _tell(made.truth, made.geometry.shape[0], target)


def _target(folder: Path | None, out: Path | None) -> Path:
    from firstread.errors import UsageError

    target = folder or out
    if target is None or (folder and out):
        raise UsageError(
            "Name one folder to make.",
            remedy="For example: firstread phantom study, or firstread phantom --out study.",
        )
    return target


def _specs(nodules: str | None) -> "tuple[NoduleSpec, ...] | int | None":
    from firstread.phantom import parse_nodules

    if nodules is None:
        return None
    text = nodules.strip().lower()
    if text in ("none", "0"):
        return ()
    # A bare number is a count; a size is written with its unit or with a type.
    if text.isascii() and text.isdigit():
        return int(text)
    return parse_nodules(nodules)


def _tell(truth: "PhantomTruth", slices: int, folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "type", "place", "site", "margin"):
        table.add_column(column)
    for column in ("mean (mm)", "long × short (mm)", "volume (mm³)", "centre, LPS (mm)"):
        table.add_column(column, justify="right")
    for nodule in truth.nodules:
        size, core = nodule.diameter_mm, nodule.solid_part_mm
        cells = (
            nodule.id,
            nodule.attenuation + (f", solid part {core.mean:.1f}" if core else ""),
            f"{nodule.lobe} lobe, {nodule.zone} zone",
            nodule.site,
            nodule.margin,
            f"{size.mean:.1f}",
            f"{size.long:.1f} × {size.short:.1f}",
            f"{nodule.volume_mm3:.0f}",
            ", ".join(f"{value:.1f}" for value in nodule.center_lps_mm),
        )
        table.add_row(*(Text(cell) for cell in cells))
    console.print(f"[bold]{truth.notice}[/bold]", highlight=False)
    console.print(table if truth.nodules else "No nodules.")
    console.print(
        Text(
            f"{slices} slices, {truth.spacing_mm[0]:g} mm apart, {truth.kernel} kernel, seed {truth.seed}",
            "dim",
        )
    )
    console.print(Text(str(folder)), soft_wrap=True)
