"""Ribs, spine, sternum and shoulder girdle; design millimetres."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from firstread.phantom.chest import BODY_TO_BACK, CAGE_BACK, CAGE_FRONT, CAGE_HALF_WIDTH
from firstread.phantom.field import Floats, Points, Space, spline, stamp_tube

REACH = 6.0
"""Distances are computed this far from a bone; mm."""
VERTEBRA = 22.7
"""Height of a vertebra with its disc."""
FIRST_THORACIC = 236.0
"""Height of the middle of the first thoracic vertebra."""


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Distances, negative inside; mm, clipped at REACH.

    Attributes:
        bone: All bone.
        cartilage: Rib cartilages and discs.
        canal: Spinal canal.
    """

    bone: Floats
    cartilage: Floats
    canal: Floats


def _at(knots: dict[float, float], heights: float | Points) -> Points:
    table: Points = PchipInterpolator(list(knots), list(knots.values()), extrapolate=False)(
        np.clip(heights, min(knots), max(knots))
    )
    return table


def build_skeleton(space: Space, cage: Floats) -> Skeleton:
    """Draw the skeleton around a cage whose distance field is given."""
    bone = np.full(space.grid.shape, REACH, np.float32)
    cartilage = bone.copy()
    canal = bone.copy()
    _spine(space, bone, cartilage, canal)
    for side in (-1, 1):
        for number in range(1, 13):
            _rib(space, bone, cartilage, number, side)
        _shoulder(space, bone, cage, side)
    _sternum(space, bone)
    return Skeleton(bone, cartilage, canal)


def _rib(space: Space, bone: Floats, cartilage: Floats, number: int, side: int) -> None:
    top = FIRST_THORACIC - (number - 1) * VERTEBRA
    drop = np.interp(number, [1, 2, 4, 7, 10, 12], [34, 52, 74, 98, 84, 60])
    far = np.deg2rad(np.interp(number, [1, 7, 8, 10, 11, 12], [148, 146, 138, 122, 88, 64]))
    angle = np.linspace(np.deg2rad(33), far, 14)
    z = top + 4 - drop * (1 - np.cos(angle)) / 2 - 6 * np.sin(angle)
    front, back, width = _at(CAGE_FRONT, z), _at(CAGE_BACK, z), _at(CAGE_HALF_WIDTH, z)
    out = 5.0
    x = (width + out) * np.sin(angle) ** 0.8
    y = (front + back) / 2 + ((back - front) / 2 + out) * np.sign(np.cos(angle)) * np.abs(
        np.cos(angle)
    ) ** 0.8
    center = float(_at(CAGE_BACK, top)) - BODY_TO_BACK
    head = [(17, center + 9, top + 9), (30, center + 27, top + 7)]
    path = spline([(side * px, py, pz) for px, py, pz in [*head, *zip(x, y, z, strict=True)]], step_mm=7.0)
    at = space.back(path)
    thick = np.interp(np.linspace(0, 1, len(at)), [0, 0.1, 0.6, 1], [3.6, 3.4, 3.3, 3.8])
    if number in (1, 12):
        thick = thick * 0.85
    # A rib is a band: about twice as high as thick.
    stamp_tube(bone, space.grid, at, thick, squash=(1, 1, 0.55))
    if number > 10:
        return
    goal = np.array([side * 17.0, 0, max(175 - 22 * (number - 2), 52) if number > 1 else 190])
    goal[1] = float(_at(CAGE_FRONT, goal[2])) - 4
    end = path[-1]
    middle = (end + goal) / 2 + [0, -4 if number < 7 else -1, -8 if number > 4 else 0]
    link = space.back(spline([end, middle, goal], step_mm=7.0))
    stamp_tube(cartilage, space.grid, link, np.full(len(link), 4.0), squash=(1, 1, 0.65))


def _sternum(space: Space, bone: Floats) -> None:
    for low, high, wide in ((52, 142, 15.0), (146, 188, 27.0)):
        heights = np.arange(low, high + 1, 8.0)
        front = _at(CAGE_FRONT, heights) - 6
        for offset in np.arange(-wide + 5, wide - 4, 4.0):
            path = np.stack([np.full_like(heights, offset), front, heights], axis=1)
            stamp_tube(bone, space.grid, space.back(path), np.full(len(heights), 5.2))


def _shoulder(space: Space, bone: Floats, cage: Floats, side: int) -> None:
    clavicle = [(20, -42, 192), (48, -46, 204), (85, -22, 220), (125, 12, 236), (150, 24, 246)]
    path = space.back(spline([(side * x, y, z) for x, y, z in clavicle]))
    stamp_tube(bone, space.grid, path, np.full(len(path), 5.6))
    # The blade lies on the back of the cage, a triangle pointing down.
    x, y, z = np.float32(side) * space.x, space.y, space.z
    up = np.clip((z - 95) / np.float32(125), 0, 1)
    blade = np.maximum(np.abs(cage - 20) - np.float32(2.1), np.abs(z - 160) - 66)
    blade = np.maximum(blade, np.maximum(x - 104 - 38 * up, 104 - 22 * up - x))
    blade = np.maximum(blade, 10 - y)
    np.minimum(bone, blade, out=bone)
    for points, radii in (
        (
            [(90, 96, 198), (118, 84, 212), (150, 56, 232), (162, 34, 246)],
            (3.0, 4.0, 5.0, 6.0),
        ),  # spine, acromion
        ([(128, 44, 208), (138, 30, 214)], (7.0, 10.0)),  # neck and glenoid
        ([(132, 26, 222), (122, 4, 224)], (5.0, 4.5)),  # coracoid
        ([(162, 22, 222), (163, 22, 226)], (23.0, 23.0)),  # humeral head
        ([(166, 22, 232), (182, 14, 330)], (15.0, 11.0)),  # humerus, arm raised
    ):
        path = space.back([(side * px, py, pz) for px, py, pz in points])
        stamp_tube(bone, space.grid, path, np.asarray(radii))


def _spine(space: Space, bone: Floats, cartilage: Floats, canal: Floats) -> None:
    grid = space.grid
    half = int(52 / grid.step)
    middle = round(-grid.origin[2] / grid.step)
    box = (slice(None), slice(grid.shape[1] // 3, None), slice(middle - half, middle + half))
    x, y, z = space.x[box], space.y[box], space.z[box]
    heights = np.arange(-150, 420, 0.5)
    center = np.take(
        (_at(CAGE_BACK, heights) - BODY_TO_BACK).astype(np.float32),
        np.clip((z + 150) * 2, 0, len(heights) - 1).astype(np.int32),
    )
    from_middle = (z - np.float32(FIRST_THORACIC) + np.float32(VERTEBRA / 2)) % np.float32(
        VERTEBRA
    ) - np.float32(VERTEBRA / 2)
    flare = np.float32(0.9) + np.float32(0.12) * (from_middle / 9) ** 2
    column = (np.sqrt((x / 18) ** 2 + ((y - center) / 14.5) ** 2) / flare - 1) * np.float32(14)
    body = np.maximum(column, np.abs(from_middle) - np.float32(9.2))
    behind = y - center - np.float32(21.5)
    ring = np.sqrt((x * 0.9) ** 2 + behind**2)
    arch = np.maximum(
        np.abs(ring - np.float32(11.0)) - np.float32(2.6), np.abs(from_middle + 1) - np.float32(7.0)
    )
    arch = np.maximum(arch, -behind - np.float32(12))
    bone[box] = np.minimum(bone[box], np.minimum(body, arch))
    cartilage[box] = np.minimum(cartilage[box], column + np.float32(0.8))
    canal[box] = np.minimum(canal[box], ring - np.float32(8.2))
    top = FIRST_THORACIC + 4 * VERTEBRA
    for level in np.arange(top, -100, -VERTEBRA):
        back = float(_at(CAGE_BACK, level)) - BODY_TO_BACK
        spinous = space.back(
            [(0, back + 33, level - 3), (0, back + 46, level - 9), (0, back + 57, level - 17)]
        )
        stamp_tube(bone, grid, spinous, np.array([3.6, 3.0, 3.8]), squash=(1, 1, 0.6))
        for side in (-1, 1):
            process = space.back([(side * 11, back + 22, level), (side * 33, back + 34, level + 3)])
            stamp_tube(bone, grid, process, np.array([5.0, 4.6]))
            facet = space.back([(side * 13, back + 24, level - 8), (side * 13, back + 24, level - 12)])
            stamp_tube(bone, grid, facet, np.array([5.0, 4.0]))
