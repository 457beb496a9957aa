import math

import numpy as np
import pytest

from firstread.archive import open_archive
from firstread.dicom.geometry import Geometry
from tests.network.dicomweb.conftest import serving
from tests.tview import canvas, opened, settled, until
from tests.viewed import ct, encoded, viewed

pytestmark = pytest.mark.webgl
CENTRE = np.array([12.0, -140.0, -260.0])
REACH_MM = 42.0
MARK_MM = 5.0


def turned(degrees: float, axis: int) -> np.ndarray:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    a, b = [n for n in range(3) if n != axis]
    made = np.eye(3)
    made[a, a], made[a, b], made[b, a], made[b, b] = c, -s, s, c
    return made


def grid(spacing, *, turn=None, flip=(1, 1)) -> Geometry:
    """A grid of 140 mm around the centre: spacing along (slice, row, column)."""
    turn = np.eye(3) if turn is None else turn
    shape = tuple(int(140 / mm) for mm in spacing)
    steps = [
        turn @ (np.array(axis) * mm)
        for axis, mm in zip(([0, 0, 1], [0, flip[0], 0], [flip[1], 0, 0]), spacing, strict=True)
    ]
    origin = CENTRE - sum(step * (n - 1) / 2 for step, n in zip(steps, shape, strict=True))
    return Geometry.from_axes(
        shape=shape,
        origin_lps_mm=origin,
        slice_step_mm=steps[0],
        row_step_mm=steps[1],
        column_step_mm=steps[2],
    )


def marks(geometry: Geometry) -> list[np.ndarray]:
    """The middle, and one mark along each axis of the patient and of the grid."""
    along = [step / np.linalg.norm(step) for step in geometry.affine[:3, :3].T]
    return [CENTRE, *(CENTRE + REACH_MM * axis for axis in (*np.eye(3), *along))]


def drawn(geometry: Geometry) -> np.ndarray:
    index = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1)
    points = geometry.to_lps(index)
    hu = np.full(geometry.shape, -800.0)
    for mark in marks(geometry):
        away = np.linalg.norm(points - mark, axis=-1)
        hu = np.maximum(hu, -800 + 1200 * np.clip(MARK_MM + 0.5 - away, 0, 1))
    return hu.astype(np.int16)


GRIDS = {
    "isotropic": grid((1.0, 1.0, 1.0)),
    "anisotropic": grid((2.5, 0.7, 0.7)),
    "oblong pixels": grid((2.0, 0.8, 1.3)),
    "flipped": grid((2.0, 0.9, 0.9), flip=(-1, -1)),
    "oblique": grid((1.5, 0.9, 0.9), turn=turned(20, 0) @ turned(15, 2)),
}


@pytest.mark.parametrize("kind", GRIDS)
def test_a_length_drawn_from_mark_to_mark_is_the_truth_within_a_voxel_in_every_plane(kind, browser, tmp_path):
    geometry = GRIDS[kind]
    largest = max(geometry.spacing_mm)
    with open_archive(tmp_path / "archive") as archive:
        study = viewed(archive, encoded(ct(drawn(geometry), geometry)), read=False)
        with serving(archive) as url, opened(browser, url, study.study_uid) as page:
            page.keyboard.press("k")  # no crosshair over the marks
            page.evaluate("p => tview.room.change({point: p})", list(CENTRE))
            settled(page)
            for pane in ("stack", "coronal", "sagittal"):
                spots = bright_spots(canvas(page, pane))
                assert len(spots) >= 3, (pane, len(spots))
                middle = page.evaluate("([id, p]) => tview.panes[id].toCanvas(p)", [pane, list(CENTRE)])
                spots.sort(key=lambda spot: math.dist(spot, middle))
                for far in spots[1:3]:
                    length = measure(page, pane, spots[0], far)
                    assert abs(length - REACH_MM) <= largest, (kind, pane, length)


def bright_spots(picture: np.ndarray) -> list[tuple[float, float]]:
    """Centres (x, y) of the bright areas of a picture, in its pixels."""
    from scipy import ndimage

    found, count = ndimage.label(picture > 150)
    sizes = ndimage.sum(found > 0, found, range(1, count + 1))
    largest = max(sizes, default=0)
    kept = [n for n, size in enumerate(sizes, start=1) if size > largest / 3]
    return [(x, y) for y, x in ndimage.center_of_mass(found > 0, found, kept)]


def measure(page, pane: str, start: tuple[float, float], end: tuple[float, float]) -> float:
    """Draw a length as a person does, and return what the viewer says of it (mm)."""
    box = page.locator(f'[data-pane="{pane}"] .picture').bounding_box()
    before = len(page.evaluate("tview.measured()"))
    page.keyboard.press("l")
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + (start[0] + end[0]) / 2, box["y"] + (start[1] + end[1]) / 2)
    page.mouse.move(box["x"] + end[0], box["y"] + end[1])
    page.mouse.up()
    until(page, "tview.measured().at(-1)?.stats.some(one => one.length !== undefined) ?? false")
    found = page.evaluate("tview.measured()")
    assert len(found) == before + 1
    length = found[-1]["stats"][0]
    assert length["unit"] == "mm"
    page.keyboard.press("u")
    until(page, "n => tview.measured().length === n", before)
    return length["length"]
