"""The same chest as another scanner or protocol would have shown it: slices, kernel, dose, HU, position.

Works on a chest of cubic 1 mm voxels (z, y, x). A `Protocol` says what changes; `random_protocol` draws one for
training, `PROTOCOLS` names those of the robustness matrix.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Protocol:
    """How a chest is shown; the defaults leave it as it is.

    Attributes:
        thickness_mm: Slice thickness; 0 keeps the chest's own.
        interval_mm: Distance of slices; 0: as thick as they are.
        phase: Where the first slice lies, as a share of the interval.
        kernel: Sharpness: −0.8 blurs in plane by a standard deviation of 0.8 mm, 1.0 adds as much of the detail finer
            than 1 mm as there is.
        noise_hu: Standard deviation of noise that is added.
        gain: Factor on HU.
        offset_hu: Added to HU.
        turn_degrees: Rotation of the patient about the z axis.
        shift_mm: How the patient lies on the table (z, y, x), as shares of a voxel too.
        flipped: Head and feet exchanged.
    """

    thickness_mm: float = 0.0
    interval_mm: float = 0.0
    phase: float = 0.0
    kernel: float = 0.0
    noise_hu: float = 0.0
    gain: float = 1.0
    offset_hu: float = 0.0
    turn_degrees: float = 0.0
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    flipped: bool = False

    @property
    def words(self) -> str:
        """What was simulated, for logs and tables."""
        kernel = "sharp" if self.kernel > 0.3 else "soft" if self.kernel < -0.3 else "own"
        parts = [f"{self.thickness_mm:g} mm"] if self.thickness_mm else []
        return ", ".join([*parts, f"{kernel} kernel"])


PROTOCOLS: dict[str, Protocol] = {
    "as acquired": Protocol(),
    "1.25 mm": Protocol(thickness_mm=1.25),
    "2.5 mm": Protocol(thickness_mm=2.5),
    "5 mm": Protocol(thickness_mm=5.0),
    "5 mm, every 3 mm": Protocol(thickness_mm=5.0, interval_mm=3.0),
    "soft kernel": Protocol(kernel=-0.9),
    "sharp kernel": Protocol(kernel=1.2),
    "noise 25 HU": Protocol(noise_hu=25),
    "noise 50 HU": Protocol(noise_hu=50),
    "HU - 30": Protocol(offset_hu=-30),
    "HU + 30": Protocol(offset_hu=30),
    "off centre": Protocol(shift_mm=(1.7, -2.4, 3.3)),
    "turned by 12 degrees": Protocol(turn_degrees=12),
    "flipped z": Protocol(flipped=True),
    "low dose: 1.5 mm, sharp, noise 45 HU": Protocol(thickness_mm=1.5, kernel=0.8, noise_hu=45),
}
"""Columns of the robustness matrix."""


def random_protocol(rng: np.random.Generator) -> Protocol:
    """Draw what training varies: thickness, kernel, dose and HU; position is the crops' own business."""
    thickness = interval = phase = 0.0
    if rng.random() < 0.55:
        thickness = float(rng.choice([1.5, 2.0, 2.5, 3.0, 4.0, 5.0], p=[0.2, 0.2, 0.25, 0.2, 0.08, 0.07]))
        interval = thickness * float(rng.choice([1.0, 1.0, 0.6]))
        phase = float(rng.uniform(0, 1))
    kernel = str(rng.choice(["own", "soft", "sharp"], p=[0.4, 0.25, 0.35]))
    sharpness = {"own": 0.0, "soft": -rng.uniform(0.4, 0.9), "sharp": rng.uniform(0.4, 1.2)}[kernel]
    return Protocol(
        thickness_mm=thickness,
        interval_mm=interval,
        phase=phase,
        kernel=float(sharpness),
        noise_hu=float(rng.uniform(5, 45)) if rng.random() < 0.5 else 0.0,
        gain=float(rng.uniform(0.98, 1.02)),
        offset_hu=float(rng.normal(0, 12)),
    )


def rendered(hu: Float, protocol: Protocol, rng: np.random.Generator) -> Float:
    """Return the chest's HU under a protocol: slices, kernel, noise and HU, not its position (see `moved`)."""
    if protocol.thickness_mm:
        hu = _sliced(hu, protocol)
    if protocol.kernel < 0:
        hu = ndimage.gaussian_filter(hu, (0, -protocol.kernel, -protocol.kernel))
    elif protocol.kernel > 0:
        sigma = rng.uniform(0.8, 1.3)
        hu = hu + protocol.kernel * (hu - ndimage.gaussian_filter(hu, (0, sigma, sigma)))
    if protocol.noise_hu:
        grain = rng.standard_normal(hu.shape, dtype=np.float32)
        grain = ndimage.gaussian_filter(grain, (0.4, *[rng.uniform(0.3, 0.8)] * 2))
        hu = hu + grain * (protocol.noise_hu / float(grain[::4].std()))
    changed: Float = (hu * protocol.gain + protocol.offset_hu).astype(np.float32)
    return changed


def breathed(hu: Float, lungs: npt.NDArray[np.bool_], rng: np.random.Generator) -> Float:
    """Return the chest with more or less air in its lungs, unevenly: how deep was breathed in, and which side is down.

    Vessels and whatever is denser than lung stays as it is.
    """
    coarse = rng.standard_normal([max(n // 32, 1) + 3 for n in hu.shape])
    stretch = [n / c for n, c in zip(hu.shape, coarse.shape, strict=True)]
    field = ndimage.zoom(ndimage.gaussian_filter(coarse, 0.8).astype(np.float32), stretch, order=1)
    tissue = hu + 1000
    field = rng.normal(0, 0.15) + rng.uniform(0, 0.25) * field
    depth = np.linspace(-1, 1, hu.shape[1], dtype=np.float32)[None, :, None]
    change = np.clip(field + rng.normal(0, 0.12) * depth, -0.5, 0.8)
    parenchyma = np.clip((-550 - hu) / 200, 0, 1) * lungs
    return np.asarray(hu + tissue * change * parenchyma, np.float32)


def moved(volume: npt.NDArray[np.generic], protocol: Protocol, *, order: int, fill: float) -> Float:
    """Return a volume turned, shifted and flipped; `order` 1 for HU, 0 for labels."""
    if not protocol.turn_degrees and not any(protocol.shift_mm):
        return np.asarray(volume[::-1] if protocol.flipped else volume, np.float32)
    matrix, offset = _pull(volume.shape, protocol)
    result: Float = ndimage.affine_transform(
        volume.astype(np.float32), matrix, offset, order=order, mode="constant", cval=fill
    )
    return result[::-1] if protocol.flipped else result


def moved_point(
    point: tuple[float, float, float], shape: tuple[int, ...], protocol: Protocol
) -> tuple[float, float, float]:
    """Return where `moved` takes a point (z, y, x; voxels)."""
    matrix, offset = _pull(shape, protocol)
    z, y, x = (float(v) for v in np.linalg.solve(matrix, np.asarray(point) - offset))
    return (shape[0] - 1 - z if protocol.flipped else z, y, x)


def _pull(
    shape: tuple[int, ...], protocol: Protocol
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return matrix and offset from a voxel of the result to one of the source."""
    angle = np.deg2rad(protocol.turn_degrees)
    matrix = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]], float
    )
    middle = (np.asarray(shape[:3]) - 1) / 2
    return matrix, middle - matrix @ (middle + np.asarray(protocol.shift_mm))


def _sliced(hu: Float, protocol: Protocol) -> Float:
    """Average into slices of the protocol's thickness and interpolate back to 1 mm, as a reader of them would."""
    interval = protocol.interval_mm or protocol.thickness_mm
    thick = ndimage.uniform_filter1d(hu, max(round(protocol.thickness_mm), 1), axis=0)
    positions = np.arange(protocol.phase * interval, hu.shape[0] - 1, interval)
    index = np.clip(np.rint(positions).astype(int), 0, hu.shape[0] - 1)
    rows = np.interp(np.arange(hu.shape[0]), index, np.arange(len(index)))
    below = np.minimum(rows.astype(int), len(index) - 1)
    above = np.minimum(below + 1, len(index) - 1)
    weight = (rows - below).astype(np.float32)[:, None, None]
    sliced: Float = thick[index[below]] * (1 - weight) + thick[index[above]] * weight
    return sliced
