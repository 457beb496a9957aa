"""From a network's file to a verified model package."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from firstread import __version__
from firstread.engine.axes import OUR_AXES, Axes
from firstread.engine.conversion import detector
from firstread.engine.conversion.detector_bundle import is_detector, read_detector
from firstread.engine.conversion.facts import Facts
from firstread.engine.conversion.fit import INPUT, exported_patch, fit
from firstread.engine.conversion.frontends import read_onnx, read_torchscript
from firstread.engine.conversion.monai_bundle import METADATA, Bundle, read_bundle
from firstread.engine.conversion.source import Source, find_source
from firstread.engine.conversion.weights import find_weights
from firstread.engine.manifest import Input, Manifest, Output
from firstread.engine.packages import ModelPackage
from firstread.engine.packing import check_place, pack
from firstread.errors import RefusedInput, UsageError
from firstread.progress import Progress, silent

if TYPE_CHECKING:
    import openvino


def convert(
    source: Path,
    facts: Facts,
    *,
    out: Path,
    sha256: str | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> ModelPackage:
    """Make the package out/NAME of an ONNX file, a TorchScript file or the folder of a MONAI Bundle.

    The package is read back, its network compiled and run once; it appears whole or not at all.

    Args:
        source: File or folder.
        facts: What the file does not tell.
        out: Folder in which the package's folder is made.
        sha256: What the digest of the network's file must be; None takes any.
        force: Replace a package that is there.
        progress: Told `convert`.

    Raises:
        UsageError: a fact is missing or wrong, or out/NAME is there already.
        RefusedInput: the network cannot be taken; the message names the file and what to do.
        FirstreadError: PyTorch is needed and not installed.
    """
    check_place(out, facts.name, replace=force)
    if facts.window_hu is not None and facts.window_hu[0] >= facts.window_hu[1]:
        raise UsageError(
            f"The window {facts.window_hu[0]:g} to {facts.window_hu[1]:g} HU is empty.",
            remedy="Give the lower value first.",
        )
    progress("convert", 0.0)
    if source.is_dir() and is_detector(source):
        return _convert_detector(source, facts, out=out, sha256=sha256, progress=progress)
    _spacing_mm(facts, source)
    bundle = read_bundle(source) if source.is_dir() else None
    if bundle is not None:
        facts = _completed(facts, bundle, source)
    found = find_source(bundle.network if bundle else source, sha256=sha256)
    axes = Axes.named(facts.axes or OUR_AXES)
    model, patch = _read(found, facts, axes)
    progress("convert", 0.4)
    graph, outputs = fit(
        found.path,
        model,
        patch=patch,
        batch=facts.batch,
        axes=axes,
        window_hu=facts.window_hu,
        scaled_to=facts.scaled_to,
        names=facts.outputs,
    )
    if bundle is not None:
        outputs = _described(outputs, bundle, source)
    progress("convert", 0.7)
    package = pack(out, _manifest(facts, found, patch, outputs), {"f32": graph})
    progress("convert", 1.0)
    return package


def _convert_detector(
    folder: Path, facts: Facts, *, out: Path, sha256: str | None, progress: Progress
) -> ModelPackage:
    """Make the package of a bundle that holds a RetinaNetDetector."""
    design = read_detector(folder)
    patch = detector.window_of(facts, design, folder)
    facts = detector.completed(facts, design, folder)
    source = find_weights(folder, sha256=sha256)
    model, names = detector.graph_of(source, design, patch=patch, batch=facts.batch)
    progress("convert", 0.4)
    graph, outputs = fit(
        source.path,
        model,
        patch=patch,
        batch=facts.batch,
        axes=Axes.named(design.axes),
        window_hu=facts.window_hu,
        scaled_to=facts.scaled_to,
        names=names,
    )
    progress("convert", 0.7)
    outputs = {
        name: output.model_copy(update={"description": detector.DESCRIPTIONS[name.rpartition("_")[0]]})
        for name, output in outputs.items()
    }
    manifest = _manifest(facts, source, patch, outputs)
    told = {"decoding": detector.decoding_of(design, patch), "operating_point": {"f32": detector.ALONE}}
    package = pack(out, Manifest.model_validate(manifest.model_dump() | told), {"f32": graph})
    progress("convert", 1.0)
    return package


def _read(source: Source, facts: Facts, axes: Axes) -> "tuple[openvino.Model, tuple[int, int, int]]":
    if source.format == "ONNX":
        model = read_onnx(source)
        return model, facts.patch or exported_patch(source.path, model, axes)
    if facts.patch is None:
        raise UsageError(
            f"{source.path} is TorchScript, which does not say how large a tile is.",
            remedy="Give it with --patch Z Y X.",
        )
    return read_torchscript(source, (facts.batch, 1, *axes.of_network(facts.patch))), facts.patch


def _completed(facts: Facts, bundle: Bundle, folder: Path) -> Facts:
    """Fill in what a bundle's metadata tells; what was said by hand stands."""
    if facts.axes is None:
        raise UsageError(
            f"{folder / METADATA} does not tell how the network's axes lie.",
            remedy="Give them with --axes: look for Orientationd in configs/inference.json; RAS is usual.",
        )
    if bundle.scaled_to is not None and facts.window_hu is None:
        low, high = bundle.scaled_to
        raise UsageError(
            f"The network of {folder} takes values from {low:g} to {high:g}, not HU.",
            remedy="Give the HU that become these with --window-hu: look for ScaleIntensityRanged in "
            "configs/inference.json.",
        )
    patch = facts.patch or (Axes.named(facts.axes).to_ours(bundle.shape) if bundle.shape else None)
    return replace(
        facts,
        task=facts.task or bundle.task,
        version=facts.version or bundle.version,
        intended_use=facts.intended_use or bundle.intended_use,
        patch=patch,
        scaled_to=bundle.scaled_to or facts.scaled_to,
        outputs=facts.outputs or tuple(bundle.channels),
    )


def _described(outputs: dict[str, Output], bundle: Bundle, folder: Path) -> dict[str, Output]:
    """Compare outputs with a bundle's metadata, in order, and take their descriptions."""
    for output, (name, channels) in zip(outputs.values(), bundle.channels.items(), strict=False):
        if output.channels != channels:
            raise RefusedInput(
                f"{folder / METADATA} says that the output {name} has {channels} channels; the network has "
                f"{output.channels}.",
                remedy="The network is of another version than its metadata: fetch the bundle again.",
            )
    words = dict(zip(outputs, bundle.descriptions.values(), strict=False))
    return {
        name: output.model_copy(update={"description": words.get(name, "")})
        for name, output in outputs.items()
    }


def _manifest(
    facts: Facts, source: Source, patch: tuple[int, int, int], outputs: dict[str, Output]
) -> Manifest:
    if facts.task is None:
        raise UsageError(
            f"{source.path} does not say what it is for.",
            remedy="Give the task with --task: segmentation, detection or candidate.",
        )
    try:
        return Manifest(
            name=facts.name,
            version=facts.version or "1.0.0",
            task=facts.task,
            reader=facts.reader,
            intended_use=facts.intended_use
            or f"Converted from {source.path.name}; not evaluated. Research use.",
            licence=facts.licence,
            input=Input(
                name=INPUT,
                spacing_mm=_spacing_mm(facts, source.path),
                patch=patch,
                batch=facts.batch,
                window_hu=facts.window_hu,
            ),
            outputs=outputs,
            training={
                "source": source.path.name,
                "source_format": source.format,
                "source_sha256": source.sha256,
                "converted_by": f"firstread {__version__}",
            },
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{where} cannot be used: {first['msg']}.",
            remedy="docs/reference/model-package.md says what it takes.",
        ) from None


def _spacing_mm(facts: Facts, source: Path) -> tuple[float, float, float]:
    if facts.spacing_mm is None:
        raise UsageError(
            f"{source} does not tell on which spacing the network was trained.",
            remedy="Give it with --spacing-mm Z Y X.",
        )
    return facts.spacing_mm
