"""Boxes of one window from MONAI's own detector and from ours, on the same weights and voxels."""

from time import perf_counter

import numpy as np
import torch

from benchmarks.engines.bundle_files import HU
from benchmarks.engines.monai_detector import detector_of
from firstread.engine import Network
from firstread.readers.lung_nodule.boxes import Boxes, boxes_of, overlaps
from firstread.readers.lung_nodule.retinanet import strides_of

Triple = tuple[int, int, int]


def agreement(network: torch.nn.Module, ours: Network) -> dict[str, float | int]:
    """Compare boxes and scores of one window: what MONAI's own detector gives, and what we give; and time both."""
    patch = ours.package.manifest.input.patch
    hu = np.random.default_rng(0).uniform(HU[0] - 100, HU[1] + 100, (1, 1, *patch)).astype(np.float32)
    start = perf_counter()
    with torch.inference_mode():
        (theirs,) = detector_of(network)(seen_by_monai(hu))
    monai_seconds = perf_counter() - start
    decoding = ours.package.manifest.decoding
    ours.infer(hu)  # warms up
    start = perf_counter()
    maps = {name: values[0] for name, values in ours.infer(hu).items()}
    found = boxes_of(maps, decoding, strides_of(ours, decoding), patch)
    our_seconds = perf_counter() - start

    scores = theirs["labels_scores"].numpy().astype(float)
    partners = in_our_axes(theirs["boxes"].numpy().astype(float), scores, patch)
    pairs = [int(np.argmax(overlaps(partners, found[np.array([n])]))) for n in range(len(found))]
    shares = overlaps(found, partners[np.array(pairs, int)]) if pairs else np.zeros(0)
    apart = np.abs(1 / (1 + np.exp(-found.logits)) - scores[pairs])
    return {
        "boxes_monai": len(scores),
        "boxes_firstread": len(found),
        "least_overlap": float(shares.min(initial=1.0)),
        "largest_difference_of_scores": float(apart.max(initial=0.0)),
        "window_seconds_monai": monai_seconds,
        "window_seconds_firstread": our_seconds,
    }


def seen_by_monai(hu: np.ndarray) -> torch.Tensor:
    """Return HU [1, 1, z, y, x] in our axes as MONAI's preprocessing gives them: right, front, up; 0 to 1."""
    scaled = (np.clip(hu, *HU) - HU[0]) / (HU[1] - HU[0])
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 1, 4, 3, 2)[:, :, ::-1, ::-1]))


def in_our_axes(boxes: np.ndarray, scores: np.ndarray, patch: Triple) -> Boxes:
    """Return MONAI's boxes (xyzxyz; right, front, up) in our axes."""
    low, high = boxes[:, :3].copy(), boxes[:, 3:].copy()
    for axis, size in ((0, patch[2]), (1, patch[1])):
        low[:, axis], high[:, axis] = size - 1 - high[:, axis], size - 1 - low[:, axis]
    return Boxes(low[:, ::-1], high[:, ::-1], scores)
