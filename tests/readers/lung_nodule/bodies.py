"""Bodies of known form: balls with lobes or spikes, on any grid."""

import numpy as np
import numpy.typing as npt


def star(
    radius_mm: float,
    *,
    spacing_mm: tuple[float, float, float] = (1.0, 0.7, 0.7),
    spikes: int = 0,
    height: float = 0.0,
    width: float = 0.15,
    turned_degrees: float = 0.0,
) -> npt.NDArray[np.bool_]:
    """Return a ball with cones (z, y, x): `spikes` evenly spread, `height` radii high, narrower for a small `width`."""
    reach = [int(((1 + height) * radius_mm + 3) / mm) for mm in spacing_mm]
    axes = [np.arange(-n, n + 1) * mm for n, mm in zip(reach, spacing_mm, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    away = np.linalg.norm(points, axis=-1) + 1e-6
    limit = np.full(away.shape, radius_mm)
    steps = np.arange(spikes) + 0.5
    rise, turn = 1 - 2 * steps / max(spikes, 1), steps * np.pi * (1 + 5**0.5) + np.deg2rad(turned_degrees)
    flat = np.sqrt(1 - rise**2)
    for tip in np.stack([rise, flat * np.sin(turn), flat * np.cos(turn)], -1):
        cosine = points @ tip / away
        limit = np.maximum(limit, radius_mm * (1 + height * np.clip((cosine - 1 + width) / width, 0, 1)))
    body: npt.NDArray[np.bool_] = away < limit
    return body
