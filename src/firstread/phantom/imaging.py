"""The scan: thin sections are painted, added up to slices, blurred, and given noise."""

import cv2
import numpy as np
import numpy.typing as npt

from firstread.errors import UsageError
from firstread.phantom.anatomy import Anatomy
from firstread.phantom.drawn_nodule import draw_nodule
from firstread.phantom.field import Floats
from firstread.phantom.frame import Frame
from firstread.phantom.lung_trees import LungTrees
from firstread.phantom.placing import PlacedNodule
from firstread.phantom.raster import SectionGrid, draw_tubes
from firstread.phantom.scanner import KERNELS, Kernel, NoiseMaker, slice_profile
from firstread.phantom.section import SectionPainter, Trees
from firstread.progress import Progress

COARSEST_SECTION_MM = 1.3
MOST_VOXELS = 300_000_000
"""Voxels of all sections together: about 2 GB of memory."""


def scan(
    anatomy: Anatomy,
    trees: LungTrees,
    placed: tuple[PlacedNodule, ...],
    frame: Frame,
    *,
    seed: int,
    thickness: float,
    kernel: Kernel,
    noise_hu: float,
    contrast: bool,
    progress: Progress,
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the image in HU, the lung labels and the nodule labels, all (slice, row, column).

    Raises:
        UsageError: the image would not fit into memory.
    """
    slices, matrix, _ = frame.shape
    every = int(np.ceil(frame.spacing[0] / COARSEST_SECTION_MM))
    step = frame.spacing[0] / every
    weights = slice_profile(thickness, step)
    reach = len(weights) // 2
    sections = SectionGrid(
        origin=(frame.first[0] - reach * step, frame.first[1], frame.first[2]),
        spacing=(step, frame.spacing[1], frame.spacing[2]),
        shape=((slices - 1) * every + 1 + 2 * reach, matrix, matrix),
    )
    if np.prod(sections.shape, dtype=float) > MOST_VOXELS:
        raise UsageError(
            f"{slices} slices of {matrix} × {matrix} are too many.",
            remedy="Ask for fewer slices, a larger slice spacing, or a smaller matrix.",
        )
    drawn = tuple(
        draw_nodule(
            nodule.shape,
            nodule.core,
            nodule.center,
            hu=nodule.hu,
            solid_hu=nodule.solid_hu,
            glass=nodule.truth.attenuation in ("ground-glass", "part-solid"),
            lung=anatomy.chest.lung,
            grid=anatomy.space.grid,
            sections=sections,
        )
        for nodule in placed
    )
    painter = SectionPainter(
        anatomy,
        _trees_on(sections, trees),
        drawn,
        start=sections.origin[1:],
        pixel_mm=sections.spacing[1:],
        matrix=matrix,
        rng=np.random.default_rng([seed, 4]),
        contrast=contrast,
    )

    shape = KERNELS[kernel]
    sigma = [float(np.sqrt(max(shape.blur_mm**2 - s**2 / 12, 0.01))) / s for s in sections.spacing[1:]]
    overlap = float(np.exp(-frame.spacing[0] / thickness))
    noise = NoiseMaker(kernel, matrix, sections.spacing[1:], between=overlap)
    photons = np.random.default_rng([seed, 5])
    hu = np.empty(frame.shape, np.int16)
    lungs = np.empty(frame.shape, np.uint8)
    labels = np.zeros(frame.shape, np.uint8)
    window: dict[int, Floats] = {}
    for k in range(slices):
        window = {s: section for s, section in window.items() if s >= k * every}
        image = np.zeros((matrix, matrix), np.float32)
        for offset, weight in enumerate(weights):
            section = k * every + offset
            if section not in window:
                window[section] = painter.paint(section, sections.origin[0] + section * step)
            image += weight * window[section]
        image = _blurred(image, sigma, shape.edge)
        if noise_hu > 0:
            image += noise.draw(photons) * (noise_hu * _noise_map(image, matrix * frame.spacing[2]))
        hu[k] = np.clip(np.rint(image), -1024, 3071)
        lungs[k] = painter.lungs(frame.first[0] + k * frame.spacing[0])
        for label, nodule in enumerate(drawn, start=1):
            nodule.mark(labels[k], reach + k * every, label)
        progress("slices", (k + 1) / slices)
    return hu, lungs, labels


def _trees_on(sections: SectionGrid, trees: LungTrees) -> Trees:
    covers = [np.zeros(sections.shape, np.uint8) for _ in range(3)]
    for cover, tubes in zip(covers, (trees.vessels, trees.walls, trees.lumens), strict=True):
        draw_tubes(cover, tubes, origin=sections.origin, spacing=sections.spacing)
    return Trees(*covers)


def _blurred(image: Floats, sigma: list[float], edge: float) -> Floats:
    blurred: Floats = cv2.GaussianBlur(image, (0, 0), sigmaX=sigma[1], sigmaY=sigma[0])  # type: ignore[assignment]
    if edge:
        wide = cv2.GaussianBlur(blurred, (0, 0), sigmaX=sigma[1] * 2.2, sigmaY=sigma[0] * 2.2)
        blurred = blurred + np.float32(edge) * (blurred - wide)
    return blurred


def _noise_map(image: Floats, field_mm: float) -> Floats:
    """Return how strong the noise is, 1 in the middle of a body: it grows with what the rays pass.

    Args:
        image: Section in HU (row, column).
        field_mm: Edge of the image.
    """
    size, small = image.shape[0], 64
    density = np.clip(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA) / 1000 + 1, 0, 1.6)
    cell_mm = field_mm / small
    # Water that the rays along the row and along the column pass, on average.
    water_mm = (density.sum(1, keepdims=True) + density.sum(0, keepdims=True)) / 2 * cell_mm
    local = cv2.GaussianBlur(density, (0, 0), sigmaX=45 / cell_mm)
    strength = 0.75 * np.exp((water_mm - 235) / 123) + 0.25 * local
    large: Floats = cv2.resize(strength, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return large
