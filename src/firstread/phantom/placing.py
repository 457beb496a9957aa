"""Where nodules go, and what the truth says of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from firstread.errors import UsageError
from firstread.findings.finding import Laterality, Lobe, Zone
from firstread.phantom.anatomy import Anatomy
from firstread.phantom.chest import Chest
from firstread.phantom.drawn_nodule import HU, SOLID_PART_HU
from firstread.phantom.field import Points
from firstread.phantom.lung_trees import LungTrees
from firstread.phantom.nodule_shape import NoduleShape, RulerReading, measure
from firstread.phantom.nodule_spec import NoduleSpec
from firstread.phantom.truth import NoduleTruth

LOBES: dict[int, Lobe] = {
    1: "right upper",
    2: "right middle",
    3: "right lower",
    4: "left upper",
    5: "left lower",
}
BETWEEN_NODULES_MM = 8.0
CLEAR_OF_PLEURA_MM = 4.0
TRIES = 6000
TOUCHING_MM = 0.7


@dataclass(frozen=True, eq=False)
class PlacedNodule:
    """A nodule with its form, its place and its truth.

    Attributes:
        center: Body (x, y, z) around which the form is drawn; mm.
        shape: The whole nodule.
        core: Solid part and its offset; part-solid only.
        hu: Filling. solid_hu: filling of the core and of spicules.
        truth: What the user is told.
    """

    center: Points
    shape: NoduleShape
    core: tuple[NoduleShape, Points] | None
    hu: float
    solid_hu: float
    truth: NoduleTruth


@dataclass(frozen=True)
class Room:
    """The part of the body that will be imaged.

    Attributes:
        low, high: Corners, body (x, y, z); mm.
        to_lps: Added to a body point gives patient coordinates.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    to_lps: tuple[float, float, float]


def place_nodules(
    specs: Sequence[NoduleSpec], anatomy: Anatomy, trees: LungTrees, room: Room, *, seed: int
) -> tuple[PlacedNodule, ...]:
    """Find a place for every nodule, the largest first.

    Each nodule draws from its own random stream, so adding one leaves the others as they were.

    Raises:
        UsageError: a nodule does not fit where it was asked for.
    """
    search = _Search(anatomy, trees, room)
    placed: dict[int, PlacedNodule] = {}
    order = sorted(range(len(specs)), key=lambda i: (specs[i].center_lps_mm is None, -specs[i].diameter_mm))
    for number in order:
        spec = specs[number]
        rng = np.random.default_rng([seed, 3, number])
        shape = NoduleShape.drawn(rng, radius=spec.diameter_mm / 2, margin=spec.margin)
        others = [(other.center, other.truth.diameter_mm.long / 2) for other in placed.values()]
        center = search.given(spec, others) if spec.center_lps_mm else search.found(spec, others, rng)
        placed[number] = _finish(spec, f"T{number + 1}", shape, center, search, rng)
    return tuple(placed[number] for number in range(len(specs)))


class _Search:
    def __init__(self, anatomy: Anatomy, trees: LungTrees, room: Room) -> None:
        self.anatomy, self.room = anatomy, room
        chest, grid = anatomy.chest, anatomy.space.grid
        self.inside = np.argwhere(chest.lobe[::2, ::2, ::2] > 0) * 2
        z = self.inside[:, 0] * grid.step + grid.origin[0]
        left = chest.lobe[tuple(self.inside.T)] > 3
        self.heights = {
            side: (z[left == (side == "left")].min(), z[left == (side == "left")].max())
            for side in ("right", "left")
        }
        tubes = trees.vessels
        self.vessel_at = (tubes.start + tubes.end) / 2
        self.vessel_along = tubes.end - tubes.start
        self.vessel_radius = (tubes.start_radius + tubes.end_radius) / 2
        self.thick = self.vessel_radius > 1.0
        self.thick_tree = cKDTree(self.vessel_at[self.thick])
        airways = (trees.walls.start + trees.walls.end) / 2
        self.airway_tree, self.airway_radius = cKDTree(airways), trees.walls.start_radius

    def side_lobe_zone(self, point: Points) -> tuple[Laterality, Lobe, Zone] | None:
        """Name where a body point lies; None outside the lungs."""
        chest, grid = self.anatomy.chest, self.anatomy.space.grid
        index = np.rint((point[::-1] - np.asarray(grid.origin)) / grid.step).astype(int)
        box = tuple(slice(max(i - 1, 0), i + 2) for i in index)
        around = chest.lobe[box][chest.lobe[box] > 0]
        if not around.size:
            return None
        lobe = int(np.bincount(around).argmax())
        side: Laterality = "right" if lobe < 4 else "left"
        bottom, top = self.heights[side]
        share = (point[2] - bottom) / (top - bottom)
        return side, LOBES[lobe], "upper" if share > 2 / 3 else "middle" if share > 1 / 3 else "lower"

    def given(self, spec: NoduleSpec, others: list[tuple[Points, float]]) -> Points:
        center = np.asarray(spec.center_lps_mm, float) - np.asarray(self.room.to_lps)
        grid, radius = self.anatomy.space.grid, spec.diameter_mm / 2
        where = ", ".join(f"{v:g}" for v in spec.center_lps_mm or ())
        if grid.sample(self.anatomy.chest.lung, center[None])[0] > 0:
            raise UsageError(
                f"Nodule {spec}: its centre ({where}) mm lies outside the lungs.",
                remedy="Choose a point inside a lung, or leave the position to the seed.",
            )
        if not self._in_room(center[None], radius)[0]:
            raise UsageError(
                f"Nodule {spec}: at ({where}) mm it reaches beyond the imaged slices.",
                remedy="Ask for more slices, or for another position.",
            )
        for other, reach in others:
            if np.linalg.norm(other - center) < reach + radius:
                raise UsageError(
                    f"Nodule {spec}: at ({where}) mm it overlaps another one.", remedy="Move one of them."
                )
        given: Points = center
        return given

    def found(self, spec: NoduleSpec, others: list[tuple[Points, float]], rng: np.random.Generator) -> Points:
        radius = spec.diameter_mm / 2
        points = self._near_vessels(rng, radius) if spec.site == "perivascular" else self._anywhere(rng)
        good = self._in_room(points, radius) & self._site_fits(points, spec, radius)
        for other, reach in others:
            good &= np.linalg.norm(points - other, axis=1) > reach + radius * 1.15 + BETWEEN_NODULES_MM
        points = points[good]
        if spec.side or spec.zone:
            named = [self.side_lobe_zone(point) for point in points]
            fits = [
                bool(name)
                and name is not None
                and spec.side in (None, name[0])
                and spec.zone in (None, name[2])
                for name in named
            ]
            points = points[np.array(fits, bool)] if len(points) else points
        if not len(points):
            raise UsageError(
                f"Nodule {spec} does not fit into the imaged part of the lungs.",
                remedy="Ask for a smaller nodule, fewer nodules, another site or zone, or more slices.",
            )
        if spec.site == "perivascular":
            first: Points = points[0]
            return first
        # Of the first that fit, the one farthest from large vessels: a nodule that stands alone.
        points = points[:40]
        apart, nearest = self.thick_tree.query(points)
        clear = apart - self.vessel_radius[self.thick][nearest] - radius
        best: Points = points[int(np.argmax(np.minimum(clear, 3.0)))]
        return best

    def _anywhere(self, rng: np.random.Generator) -> Points:
        grid = self.anatomy.space.grid
        chosen = self.inside[rng.integers(0, len(self.inside), TRIES)]
        jittered = (chosen + rng.uniform(-1, 1, chosen.shape)) * grid.step + np.asarray(grid.origin)
        points: Points = jittered[:, ::-1]
        return points

    def _near_vessels(self, rng: np.random.Generator, radius: float) -> Points:
        middling = np.flatnonzero((self.vessel_radius > 0.8) & (self.vessel_radius < 2.2))
        chosen = middling[rng.integers(0, len(middling), TRIES)]
        along = self.vessel_along[chosen] / np.linalg.norm(self.vessel_along[chosen], axis=1, keepdims=True)
        beside = np.cross(along, rng.standard_normal(along.shape))
        beside /= np.linalg.norm(beside, axis=1, keepdims=True)
        points: Points = (
            self.vessel_at[chosen] + beside * (self.vessel_radius[chosen] + 0.75 * radius)[:, None]
        )
        return points

    def _in_room(self, points: Points, radius: float) -> npt.NDArray[np.bool_]:
        low, high = np.asarray(self.room.low) + radius * 1.2, np.asarray(self.room.high) - radius * 1.2
        inside: npt.NDArray[np.bool_] = np.asarray(((points >= low) & (points <= high)).all(axis=1))
        return inside

    def _site_fits(self, points: Points, spec: NoduleSpec, radius: float) -> npt.NDArray[np.bool_]:
        chest, grid = self.anatomy.chest, self.anatomy.space.grid
        beyond = np.min(self.airway_radius)
        apart, nearest = self.airway_tree.query(points)
        fits: npt.NDArray[np.bool_] = apart > self.airway_radius[nearest] + radius + beyond
        fissure = self._to_fissure(points)
        if spec.site == "juxtapleural":
            pleura = -grid.sample(chest.lung, points)
            costal = -grid.sample(chest.cage, points)
            inward = (pleura > 0.55 * radius) & (pleura < 0.8 * radius)
            return fits & inward & (np.abs(costal - pleura) < 3.0) & (fissure > radius * 1.3)
        fits &= self.anatomy.depth(points) > 1.25 * radius + CLEAR_OF_PLEURA_MM
        if spec.site == "perifissural":
            return fits & (fissure > 0.6 * radius) & (fissure < 0.95 * radius)
        return fits & (fissure > min(1.15 * radius, 12.0))

    def _to_fissure(self, points: Points) -> Points:
        chest, space = self.anatomy.chest, self.anatomy.space
        oblique = space.grid.sample(chest.oblique, points)
        minor = np.abs(space.grid.sample(chest.minor, points))
        right = space.grid.sample(space.x, points) < Chest.MIDLINE
        distance: Points = np.where(
            right & (oblique > 0), np.minimum(np.abs(oblique), minor), np.abs(oblique)
        )
        return distance


def _finish(
    spec: NoduleSpec, name: str, shape: NoduleShape, center: Points, search: _Search, rng: np.random.Generator
) -> PlacedNodule:
    """Scale the form until it measures what was asked for, give it a core and a filling, write its truth."""
    anatomy = search.anatomy
    shape, reading, touches = _sized(shape, spec.diameter_mm, center, anatomy)
    where = search.side_lobe_zone(center)
    if (
        reading is None
        or where is None
        or abs(reading.diameters.mean - spec.diameter_mm) > 0.05 * spec.diameter_mm + 0.2
    ):
        raise UsageError(
            f"Nodule {spec} does not fit: the pleura cuts it to less than its diameter.",
            remedy="Move it away from the pleura, or ask for a smaller one.",
        )
    core, solid = None, None
    if spec.core_mm is not None:
        shift = rng.standard_normal(3)
        shift *= 0.3 * (spec.diameter_mm - spec.core_mm) / 2 * rng.uniform(0.2, 1.0) / np.linalg.norm(shift)
        inner = NoduleShape.drawn(rng, radius=spec.core_mm / 2, margin="lobulated")
        inner, solid, _ = _sized(inner, spec.core_mm, center + shift, anatomy)
        core = (inner, shift)
    hu, solid_hu = float(rng.uniform(*HU[spec.attenuation])), float(rng.uniform(*SOLID_PART_HU))
    side, lobe, zone = where
    lps = center + np.asarray(reading.middle) + np.asarray(search.room.to_lps)
    truth = NoduleTruth(
        id=name,
        center_lps_mm=(round(float(lps[0]), 2), round(float(lps[1]), 2), round(float(lps[2]), 2)),
        diameter_mm=reading.diameters,
        volume_mm3=reading.volume_mm3,
        attenuation=spec.attenuation,
        hu=round(hu, 1),
        solid_part_mm=solid.diameters if solid else None,
        solid_part_hu=round(solid_hu, 1) if solid else None,
        site=spec.site,
        margin=spec.margin,
        juxtapleural=touches,
        laterality=side,
        lobe=lobe,
        zone=zone,
    )
    return PlacedNodule(center, shape, core, hu, solid_hu if spec.attenuation == "part-solid" else hu, truth)


def _sized(
    shape: NoduleShape, diameter_mm: float, center: Points, anatomy: Anatomy
) -> tuple[NoduleShape, RulerReading | None, bool]:
    """Scale a form until what the pleura leaves of it has the diameter; tell whether it touches."""
    reading, touches = None, False
    for fineness in (10, 10, 22, 22):
        step = float(np.clip(shape.radius / fineness, 0.08, 0.8))
        reach = shape.radius * 1.3
        line = np.arange(-reach, reach + step, step)
        zz, yy, xx = np.meshgrid(line, line, line, indexing="ij")
        offset = np.stack([xx, yy, zz], axis=-1)
        surface = shape.distance(offset)
        inside = surface < 0
        near = np.flatnonzero(surface < TOUCHING_MM)
        pleura = anatomy.space.grid.sample(anatomy.chest.lung, center + offset.reshape(-1, 3)[near])
        inside.reshape(-1)[near[pleura > 0]] = False
        touches = bool((pleura > 0).any())
        if not inside.any():
            return shape, None, touches
        reading = measure(inside, step, np.full(3, -reach))
        wrong = diameter_mm / reading.diameters.mean
        if fineness == 22 and abs(wrong - 1) < 0.01:
            break
        shape = shape.scaled(float(np.clip(wrong, 0.7, 1.4)))
    return shape, reading, touches
