"""The weights of a network, by name, taken without running anything that lies beside them."""

import importlib
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from firstread.engine.conversion.source import EXPORT, Source, WeightsFormat, checked_digest, find_source
from firstread.errors import FirstreadError, RefusedInput

Weights = dict[str, npt.NDArray[Any]]
_FILES: dict[str, WeightsFormat] = {
    "model.safetensors": "safetensors",
    "model.ts": "TorchScript",
    "model.pt": "PyTorch weights",
}
_NESTED = ("model", "state_dict")


def find_weights(folder: Path, *, sha256: str | None = None) -> Source:
    """Return the file of a bundle that holds its weights: safetensors before TorchScript before a checkpoint.

    Raises:
        RefusedInput: there is none, or its digest is another.
    """
    models = folder / "models"
    for name, kind in _FILES.items():
        path = models / name
        if path.is_file():
            if kind == "TorchScript":
                return find_source(path, sha256=sha256)
            return Source(path=path, format=kind, sha256=checked_digest(path, sha256))
    raise RefusedInput(
        f"{models} holds none of {', '.join(_FILES)}.",
        remedy="Fetch the bundle's large files (`python -m monai.bundle download`).",
    )


def read_weights(source: Source) -> Weights:
    """Read the weights of a file as float32 arrays.

    A checkpoint is read with PyTorch's weights-only reader, which makes tensors and nothing else; of TorchScript the
    tensors are taken and its code is not run.

    Raises:
        FirstreadError: what reads this format is not installed.
        RefusedInput: the file is damaged, or holds something else than tensors.
    """
    if source.format == "safetensors":
        reader = _module("safetensors.numpy", source.path)
        try:
            found: dict[str, Any] = reader.load_file(str(source.path))
        except Exception as error:  # its own error class, ValueError, OSError
            raise _damaged(source.path, error) from None
        return {name: _numbers(source.path, name, value) for name, value in found.items()}
    torch = _module("torch", source.path)  # never a run-time dependency
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if source.format == "TorchScript":
                state: Any = torch.jit.load(str(source.path), map_location="cpu").state_dict()
            else:
                state = torch.load(str(source.path), map_location="cpu", weights_only=True)
        except Exception as error:
            if source.format == "PyTorch weights" and type(error).__name__ == "UnpicklingError":
                raise RefusedInput(
                    f"{source.path} is a pickle of more than weights: opening it could run any program that it holds, "
                    "so it is not opened.",
                    remedy=f"Save the weights alone where it was made, with safetensors, as models/model.safetensors; "
                    f"or: {EXPORT}",
                ) from None
            raise _damaged(source.path, error) from None
    for name in _NESTED:
        if isinstance(state, dict) and isinstance(state.get(name), dict):
            state = state[name]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise RefusedInput(
            f"{source.path} is not a table of weights.",
            remedy="Save the network's state_dict() alone, e.g. as models/model.safetensors.",
        )
    return {str(name): _numbers(source.path, name, value.float().numpy()) for name, value in state.items()}


def _numbers(path: Path, name: object, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    array = np.asarray(values, np.float32)
    if not np.isfinite(array).all():
        raise RefusedInput(
            f"{path} has a weight that is not a number, in {name}.",
            remedy="Train or export the network again.",
        )
    return array


def _module(name: str, path: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise FirstreadError(
            f"{path} cannot be read: {name.partition('.')[0]} is not installed.",
            remedy="Install the extra: pip install 'firstread[convert]'.",
        ) from None


def _damaged(path: Path, error: Exception) -> RefusedInput:
    told = str(error).strip().splitlines()
    return RefusedInput(
        f"{path} cannot be read: {told[0] if told else type(error).__name__}.",
        remedy="Fetch the bundle's large files again.",
    )
