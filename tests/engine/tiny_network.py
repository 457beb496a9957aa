"""Small networks made with OpenVINO's own operations: no training, no torch."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as op

from firstread.engine import Input, Manifest, ModelPackage, Output, write_manifest

PATCH = (32, 32, 32)
CHANNELS = 2
STRIDE = 4
# Two 3×3×3 convolutions at stride 1, one of stride 4 (kernel 4), one 3×3×3 at stride 4: 1 + 1 + 3 + 4 → 9.
RECEPTIVE_FIELD = 9


def convolution(
    x: Any, rng: np.random.Generator, into: int, out: int, *, kernel: int = 3, step: int = 1
) -> Any:
    weights = rng.standard_normal((out, into, *[kernel] * 3)) / np.sqrt(into * kernel**3)
    pad = [(kernel - 1) // 2 if step == 1 else 0] * 3
    return op.convolution(x, op.constant(weights.astype(np.float32)), [step] * 3, pad, pad, [1] * 3)


def conv_net(
    patch: tuple[int, int, int] = PATCH, *, batch: int = -1, seed: int = 0, work: int = 0
) -> openvino.Model:
    """Make a net: `fine` (2 channels, stride 1), `coarse` (3 channels, stride 4), `score` (a vector).

    `work` makes it slower: so many convolutions more, each several times the work of all others.
    """
    rng = np.random.default_rng(seed)
    x = op.parameter([batch, 1, *patch], np.float32, name="hu")
    x.output(0).set_names({"hu"})
    scaled = op.divide(op.add(op.clamp(x, -1000.0, 400.0), np.float32(1000)), np.float32(1400))
    fine = convolution(op.relu(convolution(scaled, rng, 1, 4)), rng, 4, CHANNELS)
    if work:
        more = convolution(scaled, rng, 1, 16)
        for _ in range(work):
            more = convolution(op.relu(more), rng, 16, 16)
        fine = op.add(fine, op.multiply(convolution(more, rng, 16, CHANNELS), np.float32(1e-6)))
    coarse = convolution(op.relu(convolution(fine, rng, CHANNELS, 4, kernel=4, step=STRIDE)), rng, 4, 3)
    score = op.sigmoid(op.reduce_mean(fine, np.array([2, 3, 4]), keep_dims=False))
    outputs = []
    for name, node in {"fine": fine, "coarse": coarse, "score": score}.items():
        node.output(0).set_names({name})
        outputs.append(op.result(node))
    return openvino.Model(outputs, [x], "conv_net")


def manifest(
    name: str,
    *,
    patch: tuple[int, int, int] = PATCH,
    multiple: tuple[int, int, int] | None = None,
    batch: int = 1,
    **more: Any,
) -> Manifest:
    return Manifest(
        name=name,
        version="1.0.0",
        task="segmentation",
        reader="lung_nodule",
        intended_use="Tests only.",
        licence="Apache-2.0",
        input=Input(name="hu", spacing_mm=(1.0, 1.0, 1.0), patch=patch, multiple=multiple, batch=batch),
        outputs={
            "fine": Output(description="two maps", channels=CHANNELS, stride=1),
            "coarse": Output(description="three maps", channels=3, stride=STRIDE),
            "score": Output(description="two numbers", channels=CHANNELS, stride=0),
        },
        operating_point={"f32": {"threshold": 0.5, "margin": 2.0}, "int8": {"threshold": 0.4}},
        **more,
    )


def write_package(
    folder: Path,
    *,
    model: openvino.Model | None = None,
    int8: openvino.Model | None = None,
    **of_manifest: Any,
) -> ModelPackage:
    """Write a package of the name of its folder."""
    folder.mkdir(parents=True)
    (folder / "card.md").write_text("# tiny\n")
    graph = model or conv_net(of_manifest.get("patch", PATCH))
    openvino.save_model(graph, folder / "f32.xml", compress_to_fp16=False)
    if int8 is not None:
        openvino.save_model(int8, folder / "int8.xml", compress_to_fp16=False)
    return write_manifest(folder, manifest(folder.name, **of_manifest))
