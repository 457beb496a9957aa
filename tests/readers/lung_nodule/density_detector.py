"""A detector of a RetinaNet's form that needs no training: its anchors score by how dense they are."""

from pathlib import Path

import numpy as np
import openvino
from openvino import opset13 as op

from firstread.engine import Input, Manifest, ModelPackage, Output, RetinaNet, write_manifest

SPACING_MM = (1.25, 0.7, 0.7)
WINDOW = (16, 48, 48)
STRIDE = (2, 4, 4)
POINT = {"detector": 1.0, "candidate": 0.0, "bias": 0.0, "threshold": 0.5}
DECODING = RetinaNet.model_validate(
    {
        "kind": "retinanet",
        "axes": "RAS",
        "anchors": ((12, 12, 7),),
        "levels": ({"classification": "c", "regression": "r"},),
        "score_threshold": 0.6,
        "halo": (4, 12, 12),
    }
)


def density_network() -> openvino.Model:
    """A network whose anchors score by how much denser they are than what is around; its boxes are the anchors."""
    hu = op.parameter([1, 1, *WINDOW], np.float32, name="hu")
    hu.output(0).set_names({"hu"})

    def mean_around(edges):
        # The kernel's middle is the cell's, (0.5, 1.5, 1.5) from its first voxel.
        kernel = np.full((1, 1, *edges), 1 / np.prod(edges), np.float32)
        pad = [(edge - stride) // 2 for edge, stride in zip(edges, STRIDE, strict=True)]
        return op.convolution(hu, op.constant(kernel), list(STRIDE), pad, pad, [1, 1, 1])

    denser = op.subtract(mean_around((6, 12, 12)), mean_around((10, 28, 28)))
    logits = op.subtract(op.multiply(denser, np.float32(1 / 60)), np.float32(4.0))
    zero = op.multiply(logits, np.float32(0))
    offsets = op.concat([zero] * 6, 1)
    results = []
    for name, node in (("c", logits), ("r", offsets)):
        node.output(0).set_names({name})
        results.append(op.result(node))
    return openvino.Model(results, [hu], "density")


def write_density_detector(models: Path) -> ModelPackage:
    """Write it as the package lung_nodule_detector."""
    folder = models / "lung_nodule_detector"
    folder.mkdir(parents=True)
    openvino.save_model(density_network(), folder / "f32.xml", compress_to_fp16=False)
    return write_manifest(
        folder,
        Manifest(
            name="lung_nodule_detector",
            version="1.0.0",
            task="detection",
            reader="lung_nodule",
            intended_use="Tests only.",
            licence="Apache-2.0",
            input=Input(name="hu", spacing_mm=SPACING_MM, patch=WINDOW, window_hu=(-1024.0, 300.0)),
            outputs={"c": Output(stride=STRIDE), "r": Output(channels=6, stride=STRIDE)},
            decoding=DECODING,
            operating_point={"f32": POINT},
        ),
    )
