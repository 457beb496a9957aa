"""What a file holds: ONNX, TorchScript, or something that is refused. Nothing is unpickled to find out."""

import hashlib
import hmac
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from firstread.errors import RefusedInput, UsageError

NetworkFormat = Literal["ONNX", "TorchScript"]
WeightsFormat = Literal["safetensors", "TorchScript", "PyTorch weights"]

_PICKLE_SUFFIXES = frozenset({".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".tar", ".bin", ".joblib"})
_PICKLE_START = b"\x80"  # the opcode PROTO, with which pickles since protocol 2 begin
_BLOCK = 1 << 20

EXPORT = (
    "Export the network where it was made, with torch.onnx.export (ONNX) or torch.jit.trace and torch.jit.save "
    "(TorchScript), and convert that file; keep weights alone as safetensors."
)


@dataclass(frozen=True)
class Source:
    """A network's file that may be opened.

    Attributes:
        path: The file.
        format: What it is, by its content; weights alone by its name.
        sha256: Of the file (hex). Weights that an ONNX file keeps in other files are not part of it.
    """

    path: Path
    format: NetworkFormat | WeightsFormat
    sha256: str


def find_source(path: Path, *, sha256: str | None = None) -> Source:
    """Look at a file without running anything in it.

    Args:
        path: The file.
        sha256: What its digest must be (hex); None takes any.

    Raises:
        UsageError: there is no such file.
        RefusedInput: its digest is another, or it is nothing that can be converted safely.
    """
    if not path.is_file():
        raise UsageError(
            f"{path} does not exist.", remedy="Name an ONNX or TorchScript file, or a MONAI Bundle."
        )
    digest = checked_digest(path, sha256)
    return Source(path=path, format=_format(path), sha256=digest)


def checked_digest(path: Path, sha256: str | None) -> str:
    """Return the digest of a file (hex).

    Raises:
        RefusedInput: it is not `sha256`.
    """
    digest = _digest(path)
    if sha256 is not None and not hmac.compare_digest(digest, sha256.strip().lower()):
        raise RefusedInput(
            f"{path} has the sha256 {digest}, not {sha256.strip().lower()}.",
            remedy="Fetch the file again from where it came, or correct --sha256.",
        )
    return digest


def _format(path: Path) -> NetworkFormat:
    if path.suffix.lower() == ".onnx":
        return "ONNX"
    if path.suffix.lower() == ".safetensors":
        raise RefusedInput(
            f"{path} holds weights, but no network to put them into.",
            remedy="Load them into the network where it was made, and export that as ONNX or TorchScript.",
        )
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            parts = [name.partition("/")[2] for name in archive.namelist()]
        # torch.jit.save writes the network's code; torch.save pickles weights or Python objects alone.
        if "constants.pkl" in parts and any(part.startswith("code/") for part in parts):
            return "TorchScript"
        if "data.pkl" in parts:
            raise _pickle(path)
    with path.open("rb") as stream:
        start = stream.read(1)
    if start == _PICKLE_START or path.suffix.lower() in _PICKLE_SUFFIXES:
        raise _pickle(path)
    raise RefusedInput(
        f"{path} is neither ONNX nor TorchScript.", remedy="Name a .onnx file, or what torch.jit.save wrote."
    )


def _pickle(path: Path) -> RefusedInput:
    return RefusedInput(
        f"{path} is a pickle: opening it could run any program that it holds, so it is not opened.",
        remedy=EXPORT,
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
