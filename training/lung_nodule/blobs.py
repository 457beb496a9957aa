"""The baseline that networks must beat: blobs of the scale-normalised Laplacian of Gaussian, judged by the Hessian.

Lindeberg 1998 (scale-normalised blob detection); Frangi et al. 1998 and Sato et al. 2000 for the eigenvalues of a blob
against those of a tube. Nothing in it is learned; lungs are given.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from training.lung_nodule.scenes import Scene

_SCALES_MM = (1.2, 1.8, 2.7, 4.0, 6.0, 9.0)
_MOST = 200
Floats = npt.NDArray[np.float32]


def blobs(scene: Scene) -> list[tuple[float, float, float, float, float]]:
    """Return blobs in a scene's lungs: x, y, z (mm) and their strength, twice (there is no second stage)."""
    hu = np.clip(scene.hu, -1000, 200).astype(np.float32)
    inside = scene.lungs > 0
    # What lies outside the lungs is shown as lung, so that the wall is no edge.
    hu[~ndimage.binary_dilation(inside, iterations=3)] = -850
    responses = np.stack([-(s**2) * ndimage.gaussian_laplace(hu, s) for s in _SCALES_MM])
    strongest = responses.max(0)
    summit = (strongest == ndimage.maximum_filter(strongest, 5)) & inside & (strongest > 20)
    places = np.argwhere(summit)
    order = np.argsort(-strongest[summit])[: 5 * _MOST]
    found = []
    for z, y, x in places[order]:
        scale = _SCALES_MM[int(responses[:, z, y, x].argmax())]
        roundness = _roundness(hu, (int(z), int(y), int(x)), scale)
        score = float(strongest[z, y, x] * roundness)
        found.append((float(x), float(y), float(z), score, score))
    found.sort(key=lambda row: -row[3])
    return found[:_MOST]


def _roundness(hu: Floats, place: tuple[int, int, int], scale: float) -> float:
    """Return the smallest over the largest principal curvature of a bright blob: 1 for a ball, 0 for a tube."""
    reach = int(np.ceil(4 * scale)) + 2
    box = tuple(slice(max(p - reach, 0), p + reach + 1) for p in place)
    at = tuple(p - s.start for p, s in zip(place, box, strict=True))
    hessian = np.empty((3, 3))
    for i in range(3):
        for j in range(i, 3):
            order = [0, 0, 0]
            order[i] += 1
            order[j] += 1
            hessian[i, j] = hessian[j, i] = ndimage.gaussian_filter(hu[box], scale, order=order)[at]
    curvatures = np.sort(-np.linalg.eigvalsh(hessian))
    return float(max(curvatures[0], 0) / max(curvatures[-1], 1e-6))
