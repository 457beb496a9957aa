"""From the files of a package to an OpenVINO graph that is what the manifest says."""

from typing import TYPE_CHECKING

import numpy as np

from firstread.engine.manifest import NetworkPrecision
from firstread.engine.packages import REINSTALL, ModelPackage
from firstread.errors import ModelPackageError

if TYPE_CHECKING:
    import openvino


def read_graph(package: ModelPackage, precision: NetworkPrecision) -> "openvino.Model":
    """Read a package's graph from verified bytes, give it its static shape, and compare it with the manifest.

    Raises:
        ModelPackageError: an operation OpenVINO does not know, weights that are not numbers, an input or
            output that is not what the manifest says.
    """
    import openvino

    path = package.folder / f"{precision}.xml"
    xml, weights = package.read(f"{precision}.xml"), package.read(f"{precision}.bin")
    try:
        model = openvino.Core().read_model(model=xml, weights=weights)
    except Exception as error:  # OpenVINO raises bare RuntimeError, of many lines
        raise ModelPackageError(
            f"{path} is not a network that OpenVINO {openvino.__version__} can read: {brief(error)}.",
            remedy=f"The package may need a newer firstread. If not: {REINSTALL}",
        ) from None
    _check_weights(package, precision, model)
    _check_input(package, precision, model)
    _check_outputs(package, precision, model)
    return model


def free_size(package: ModelPackage, precision: NetworkPrecision, model: "openvino.Model") -> None:
    """Let a package's graph take tiles of any size, where its manifest says that it does.

    Raises:
        ModelPackageError: it does not after all.
    """
    import openvino

    if package.manifest.input.multiple is None:
        return
    try:
        model.reshape(openvino.PartialShape([package.manifest.input.batch, 1, -1, -1, -1]))
    except Exception as error:
        what = f"it cannot take tiles of any size: {brief(error)}"
        raise _wrong(package, f"{precision}.xml", what) from None


def unreal_weight(model: "openvino.Model") -> str | None:
    """Return the name of a constant that holds something else than numbers, or None."""
    for node in model.get_ops():
        # f64, f32, f16 and bf16 are all called f<bits> or bf16; integers cannot be other than numbers.
        if node.get_type_name() != "Constant" or not node.get_element_type().is_real():
            continue
        values = np.asarray(node.get_data(dtype=np.float32))
        # A lone infinity may be a mask's or a maximum's neutral element; among weights it is damage.
        if np.isnan(values).any() or (values.size > 1 and np.isinf(values).any()):
            return str(node.get_friendly_name())
    return None


def _check_weights(package: ModelPackage, precision: NetworkPrecision, model: "openvino.Model") -> None:
    name = unreal_weight(model)
    if name is not None:
        raise _wrong(package, f"{precision}.bin", f"a weight of {name} is not a number")


def _check_input(package: ModelPackage, precision: NetworkPrecision, model: "openvino.Model") -> None:
    import openvino

    spec = package.manifest.input
    shape = [spec.batch, 1, *spec.patch]
    file = f"{precision}.xml"
    if len(model.inputs) != 1:
        raise _wrong(package, file, f"it has {len(model.inputs)} inputs, not one")
    port = model.inputs[0]
    if spec.name not in port.get_names():
        raise _wrong(package, file, f"its input is named {sorted(port.get_names())}, not {spec.name}")
    if port.get_element_type() != openvino.Type.f32:
        raise _wrong(package, file, f"its input is {port.get_element_type().get_type_name()}, not f32")
    if not port.get_partial_shape().compatible(openvino.PartialShape(shape)):
        raise _wrong(package, file, f"its input has shape {port.get_partial_shape()}, not {shape}")
    if port.get_partial_shape().is_dynamic:
        try:
            model.reshape(openvino.PartialShape(shape))
        except Exception as error:
            raise _wrong(package, file, f"it cannot take shape {shape}: {brief(error)}") from None


def _check_outputs(package: ModelPackage, precision: NetworkPrecision, model: "openvino.Model") -> None:
    spec = package.manifest.input
    file = f"{precision}.xml"
    ports = {name: port for port in model.outputs for name in port.get_names()}
    for name, output in package.manifest.outputs.items():
        if name not in ports:
            raise _wrong(package, file, f"it has no output {name}")
        steps = output.strides
        grid = tuple(-(-size // step) for size, step in zip(spec.patch, steps, strict=True)) if steps else ()
        shape, found = (spec.batch, output.channels, *grid), ports[name].get_partial_shape()
        if found.is_dynamic or tuple(found.to_shape()) != shape:
            raise _wrong(package, file, f"its output {name} has shape {found}, not {list(shape)}")


def _wrong(package: ModelPackage, file: str, what: str) -> ModelPackageError:
    return ModelPackageError(
        f"{package.folder / file} is not what model.toml says: {what}.",
        remedy="Export the network again, or correct model.toml; see docs/reference/model-package.md.",
    )


def brief(error: Exception) -> str:
    """Return the last line of OpenVINO's message that says something; the first ones are source positions."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Exception from", "Check "))]
    return (told or lines or [type(error).__name__])[-1].rstrip(".")[:200]
