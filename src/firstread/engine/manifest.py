"""What model.toml says: the description of a model package that travels with it."""

import json
import tomllib
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from firstread.engine.decoding import RetinaNet
from firstread.engine.table import Length, Table

NetworkPrecision = Literal["f32", "int8"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Millimetres = Annotated[float, Field(ge=0.01, le=100)]

# A plain file beside model.toml: no folder, no hidden file, nothing that a shell or a URL reads otherwise.
FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
FileName = Annotated[str, Field(pattern=FILE_NAME)]


class Input(Table):
    """What the network takes: float32 [batch, 1, z, y, x] in HU on a grid of the given spacing."""

    name: str
    spacing_mm: tuple[Millimetres, Millimetres, Millimetres] = Field(description="z, y, x")
    patch: tuple[Length, Length, Length] = Field(description="z, y, x: the tile the graph is compiled for")
    multiple: tuple[Length, Length, Length] | None = Field(
        default=None,
        description="z, y, x: the graph may be given tiles of any size in multiples of these; None: only the patch",
    )
    batch: Length = 1
    axes: str = "slice (feet to head), row (front to back), column (right to left)"
    window_hu: tuple[float, float] | None = Field(
        default=None, description="what the graph clips to; told for the reader, done inside the graph"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.multiple is not None:
            if self.batch != 1:
                raise ValueError("tiles of any size cannot share a batch: with multiple, batch is 1")
            if any(size % step for size, step in zip(self.patch, self.multiple, strict=True)):
                raise ValueError("the patch is not a multiple of multiple")
        return self

    def takes(self, tile: tuple[int, ...]) -> bool:
        """Tell whether the graph may be given a tile of this size (z, y, x)."""
        if self.multiple is None or len(tile) != len(self.patch):
            return tile == self.patch
        return all(size and size % step == 0 for size, step in zip(tile, self.multiple, strict=True))


class Output(Table):
    """What the network gives under one name: [batch, channels, z/stride, y/stride, x/stride], or a vector."""

    description: str = ""
    channels: Length = 1
    stride: Annotated[int, Field(ge=0, le=4096)] | tuple[Length, Length, Length] = Field(
        default=1, description="of all axes, or z, y, x; 0: no map but a vector [batch, channels]"
    )

    @property
    def strides(self) -> tuple[int, int, int] | None:
        """Return the strides along z, y, x; None of a vector."""
        if isinstance(self.stride, tuple):
            return self.stride
        return (self.stride, self.stride, self.stride) if self.stride else None


class AccuracyGate(Table):
    """The comparison that let an int8 graph in: its metric may not fall by more than max_drop."""

    metric: str
    f32: float
    int8: float
    max_drop: float = Field(ge=0)
    passed: bool

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.passed and self.f32 - self.int8 > self.max_drop + 1e-9:
            raise ValueError("passed is true, but int8 lies more than max_drop below f32")
        return self


class Manifest(Table):
    """The whole of model.toml; docs/reference/model-package.md explains each field."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="equals the folder's name")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?$")
    task: Literal["segmentation", "detection", "candidate"]
    reader: str
    intended_use: str
    licence: str
    input: Input
    outputs: dict[str, Output] = Field(min_length=1)
    decoding: RetinaNet | None = Field(
        default=None, description="None: the maps of the reader's own detector"
    )
    operating_point: dict[NetworkPrecision, dict[str, float]] = Field(default_factory=dict)
    training: dict[str, JsonValue] = Field(default_factory=dict)
    metrics: dict[str, JsonValue] = Field(default_factory=dict)
    accuracy_gate: AccuracyGate | None = None
    files: dict[FileName, Sha256] = Field(default_factory=dict, description="sha256 of every other file")

    @model_validator(mode="after")
    def _decodable(self) -> Self:
        """Compare the decoding with the outputs that it names."""
        if self.decoding is None:
            return self
        if self.task != "detection":
            raise ValueError(f"decoding is for the task detection, not {self.task}")
        anchors = len(self.decoding.anchors)
        for level in self.decoding.levels:
            for name, channels in ((level.classification, anchors), (level.regression, 6 * anchors)):
                if name not in self.outputs:
                    raise ValueError(f"decoding names the output {name}, and there is none")
                output = self.outputs[name]
                if output.strides is None or output.channels != channels:
                    raise ValueError(f"{name} must be a map of {channels} channels for {anchors} anchors")
            if self.outputs[level.classification].strides != self.outputs[level.regression].strides:
                raise ValueError(f"{level.classification} and {level.regression} must have one stride")
        return self

    @classmethod
    def parse(cls, text: str) -> "Manifest":
        """Read model.toml strictly: no unknown key, no number written as text.

        Raises:
            ValueError: not TOML, or not this manifest (tomllib and pydantic errors are ValueErrors).
        """
        try:
            tables = tomllib.loads(text)
            # Through JSON, because strict mode takes a list for a tuple only there; dates become text.
            document = json.dumps(tables, default=str)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        return cls.model_validate_json(document, strict=True)

    def to_toml(self) -> str:
        """Write the manifest as TOML."""
        tables = self.model_dump(mode="json", exclude_none=True)
        return "\n".join(_lines(tables, ())).strip() + "\n"


def _lines(table: dict[str, JsonValue], path: tuple[str, ...]) -> list[str]:
    plain = {k: v for k, v in table.items() if v is not None and not isinstance(v, dict)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    if path and (plain or not table):
        lines = ["", f"[{'.'.join(map(_key, path))}]", *lines]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += _lines(value, (*path, key))
    return lines


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else _value(key)


def _value(value: JsonValue) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value if item is not None) + "]"
    # JSON's text, integers, floats and truth values are TOML's, but for the delete character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
