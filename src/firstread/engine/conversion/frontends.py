"""From a file to an OpenVINO graph: ONNX by OpenVINO alone, TorchScript with PyTorch."""

import importlib
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firstread.engine.conversion.source import Source
from firstread.engine.graph import brief
from firstread.errors import FirstreadError, RefusedInput

if TYPE_CHECKING:
    import openvino

Array = npt.NDArray[Any]

_UNKNOWN = re.compile(r"No conversion rule found for operations: (.+)")
_ELSEWHERE = re.compile(r"(?:externally stored data in file \(|data_full_path: )([^,)]+)")

# Of the largest output: sums in another order differ by less, a wrong operation by more.
_MOST_OFF = 1e-3


def read_onnx(source: Source) -> "openvino.Model":
    """Read an ONNX file; its shapes may be dynamic.

    Raises:
        RefusedInput: an operation that OpenVINO does not know, weights that are missing, or no ONNX at all.
    """
    from openvino.frontend import FrontEndManager

    # Not Core.read_model, which would try every other format on what is no ONNX.
    reader = FrontEndManager().load_by_framework("onnx")
    try:
        return reader.convert(reader.load(str(source.path)))
    except Exception as error:  # OpenVINO raises bare RuntimeError, of many lines
        raise _refused(source.path, error) from None


def read_torchscript(source: Source, shape: tuple[int, ...]) -> "openvino.Model":
    """Read a TorchScript file for inputs of one shape, and compare OpenVINO's answers with PyTorch's.

    Raises:
        FirstreadError: PyTorch is not installed.
        RefusedInput: an operation that OpenVINO does not know, a shape that the network does not take, or other
            answers than PyTorch's.
    """
    import openvino

    try:
        torch = importlib.import_module("torch")  # never a run-time dependency
    except ImportError:
        raise FirstreadError(
            f"{source.path} is TorchScript, and PyTorch, which reads it, is not installed.",
            remedy="Install the extra: pip install 'firstread[convert]'. ONNX needs no extra.",
        ) from None
    sample = np.random.default_rng(0).random(shape, np.float32)
    with warnings.catch_warnings():  # what PyTorch deprecates is not for the user of this command to mend
        warnings.simplefilter("ignore")
        try:
            module = torch.jit.load(str(source.path), map_location="cpu").eval()
        except Exception as error:
            raise _refused(source.path, error) from None
        try:
            with torch.inference_mode():
                expected = _flat(module(torch.from_numpy(sample)))
        except Exception as error:
            raise RefusedInput(
                f"{source.path} does not take an input of shape {list(shape)}: {brief(error)}.",
                remedy="Give the shape that it takes with --patch.",
            ) from None
        try:
            model = openvino.convert_model(module, input=[list(shape)])
        except Exception as error:
            raise _refused(source.path, error) from None
    _compare(source.path, model, sample, expected)
    return model


def _compare(path: Path, model: "openvino.Model", sample: Array, expected: list[Array]) -> None:
    import openvino

    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = list(compiled([sample]).values())
    fits = len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=False):
        largest = max(1.0, float(np.abs(theirs).max(initial=0.0)))
        fits = (
            fits and ours.shape == theirs.shape and float(np.abs(ours - theirs).max()) <= _MOST_OFF * largest
        )
    if not fits:
        raise RefusedInput(
            f"{path} answers differently in OpenVINO than in PyTorch.",
            remedy="Export it as ONNX and convert that; a network whose path depends on its input cannot be traced.",
        )


def _flat(found: object) -> list[Array]:
    """Return the tensors of an output, be it one, a tuple, a list or a dictionary, as arrays."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, (list, tuple)):
        return [array for part in found for array in _flat(part)]
    return [found.float().numpy()]  # type: ignore[attr-defined]


def _refused(path: Path, error: Exception) -> RefusedInput:
    import openvino

    if unknown := _UNKNOWN.search(str(error)):
        names = unknown.group(1).strip()
        return RefusedInput(
            f"{path} uses operations that OpenVINO {openvino.__version__.partition('-')[0]} does not know: {names}.",
            remedy="Export the network with operations that it knows, or a newer or older opset.",
        )
    if elsewhere := _ELSEWHERE.search(str(error)):
        return RefusedInput(
            f"{path} keeps weights in {elsewhere.group(1)}, which is missing or too short.",
            remedy="Put that file beside it, or export with the weights inside.",
        )
    return RefusedInput(
        f"{path} cannot be read: {brief(error)}.",
        remedy="Export it again; onnx.checker tells what is wrong with ONNX.",
    )
