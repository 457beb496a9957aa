"""A MONAI Bundle: the network that may be opened in it, and what its metadata tells.

Source: MONAI Bundle Specification (configs/metadata.json, models/model.ts), docs.monai.io.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firstread.engine.conversion.source import EXPORT
from firstread.errors import RefusedInput

METADATA = "configs/metadata.json"
# Values of a CT in HU reach further than any normalised input.
_LEAST_HU_SPAN = 100.0


class _Port(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    num_channels: int = 1
    # A number, or a text such as "16*n" or "*" where the network takes several sizes.
    spatial_shape: tuple[int | str, ...] = ()
    value_range: tuple[float, ...] = ()
    format: str = ""
    channel_def: dict[str, str] = Field(default_factory=dict)


class _Ports(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    inputs: dict[str, _Port]
    outputs: dict[str, _Port]


class _Metadata(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str = ""
    intended_use: str = ""
    description: str = ""
    network_data_format: _Ports


@dataclass(frozen=True)
class Bundle:
    """What a bundle tells.

    Attributes:
        network: The file to convert.
        version: major.minor.patch, or None.
        intended_use: In its own words, or None.
        task: segmentation where an output is one, else None.
        shape: Of a tile, in the network's order of axes; None where it takes several.
        scaled_to: Values that the network takes where these are no HU, else None.
        channels: Of each output, by name.
        descriptions: Of each output, by name.
    """

    network: Path
    version: str | None
    intended_use: str | None
    task: Literal["segmentation"] | None
    shape: tuple[int, int, int] | None
    scaled_to: tuple[float, float] | None
    channels: dict[str, int]
    descriptions: dict[str, str]


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle's metadata and find its network.

    Raises:
        RefusedInput: the metadata is missing or not what the specification says, the network is missing or a
            pickle, or takes something else than one volume of one channel.
    """
    path = folder / METADATA
    metadata = _metadata(path)
    about = read_about(folder)
    ports = metadata.network_data_format
    if len(ports.inputs) != 1:
        raise _unfit(path, f"the network has {len(ports.inputs)} inputs ({', '.join(ports.inputs)}), not one")
    (image,) = ports.inputs.values()
    if image.num_channels != 1:
        raise _unfit(path, f"the network takes {image.num_channels} channels, not one")
    if len(image.spatial_shape) not in (0, 3):
        raise _unfit(path, f"the network takes {len(image.spatial_shape)} axes, not the three of a volume")
    sizes = [size for size in image.spatial_shape if isinstance(size, int) and size > 0]
    span = (min(image.value_range), max(image.value_range)) if image.value_range else None
    segments = any(port.format.lower() == "segmentation" for port in ports.outputs.values())
    return Bundle(
        network=_network(folder),
        version=about.version,
        intended_use=about.intended_use,
        task="segmentation" if segments else None,
        shape=(sizes[0], sizes[1], sizes[2]) if len(sizes) == 3 else None,
        scaled_to=span if span is not None and span[1] - span[0] < _LEAST_HU_SPAN else None,
        channels={name: port.num_channels for name, port in ports.outputs.items()},
        descriptions={name: _description(port) for name, port in ports.outputs.items()},
    )


@dataclass(frozen=True)
class About:
    """What any bundle tells of itself; None where it does not."""

    version: str | None
    intended_use: str | None


def read_about(folder: Path) -> About:
    """Read a bundle's version and intended use.

    Raises:
        RefusedInput: the metadata is missing or not what the specification says.
    """
    metadata = _metadata(folder / METADATA)
    version = metadata.version if re.fullmatch(r"\d+\.\d+\.\d+", metadata.version) else None
    return About(version=version, intended_use=metadata.intended_use or metadata.description or None)


def _metadata(path: Path) -> _Metadata:
    if not path.is_file():
        raise RefusedInput(
            f"{path} is missing, so the folder is no MONAI Bundle.",
            remedy="Name the folder that holds configs/ and models/, or a network's file.",
        )
    try:
        return _Metadata.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RefusedInput(
            f"{path}: {where}: {first['msg']}.", remedy="Correct it, or convert the network's file alone."
        ) from None


def _network(folder: Path) -> Path:
    models = folder / "models"
    script = models / "model.ts"
    if script.is_file():
        return script
    onnx = sorted(models.glob("*.onnx"))
    if len(onnx) == 1:
        return onnx[0]
    if len(onnx) > 1:
        raise RefusedInput(
            f"{models} holds {len(onnx)} ONNX files: {', '.join(path.name for path in onnx)}.",
            remedy="Convert the right one by its own name.",
        )
    if (models / "model.pt").is_file():
        raise RefusedInput(
            f"{models / 'model.pt'} is a pickle: opening it could run any program that it holds, so it is not opened.",
            remedy=f"`python -m monai.bundle ckpt_export` makes models/model.ts from it. Or: {EXPORT}",
        )
    raise RefusedInput(
        f"{models} holds neither model.ts nor an ONNX file.",
        remedy="Fetch the bundle's large files (`python -m monai.bundle download`), or export the network there.",
    )


def _description(port: _Port) -> str:
    channels = ", ".join(f"{number}: {meaning}" for number, meaning in port.channel_def.items())
    return f"{port.format} {f'({channels})' if channels else ''}".strip()


def _unfit(path: Path, what: str) -> RefusedInput:
    return RefusedInput(f"{path}: {what}.", remedy="Only networks that take one CT volume can be converted.")
