"""What a person does in TView with pictures themselves, against what the series is known to hold."""

import math

import numpy as np
import pytest

from firstread.archive import open_archive
from firstread.dicom.geometry import Geometry
from tests.network.dicomweb.conftest import serving
from tests.tview import canvas, opened, settled, until
from tests.viewed import ct, encoded, viewed

pytestmark = pytest.mark.webgl
SHAPE, SPACING = (12, 60, 48), (2.0, 0.8, 1.3)


def grid(corner=(-30.0, -20.0, 10.0)) -> Geometry:
    return Geometry.from_axes(
        shape=SHAPE,
        origin_lps_mm=corner,
        slice_step_mm=(0, 0, SPACING[0]),
        row_step_mm=(0, SPACING[1], 0),
        column_step_mm=(SPACING[2], 0, 0),
    )


GEOMETRY = grid()


def slopes() -> np.ndarray:
    """HU that tell the voxel: each row 5 more, each column 3, each slice 100."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    return (100 * k + 5 * j + 3 * i - 500).astype(np.int16)


@pytest.fixture(scope="module")
def room(browser, tmp_path_factory):
    """A page that shows the slopes, no crosshair over them, and the page's URL and study."""
    with open_archive(tmp_path_factory.mktemp("tools") / "archive") as archive:
        viewed(archive, encoded(ct(slopes(), grid((-22, -25, 40)), study=2, day="20240102")), read=False)
        study = viewed(archive, encoded(ct(slopes(), GEOMETRY)), read=False)
        with serving(archive) as url, opened(browser, url, study.study_uid, errors="status of 404") as page:
            page.keyboard.press("k")
            page.evaluate("tview.room.change({window: {centre: 0, width: 2000}})")
            yield page


def at(page, index, pane="stack") -> tuple[float, float]:
    """Where a voxel's centre (slice, row, column) is on the screen; its slice is shown."""
    point = [float(value) for value in GEOMETRY.to_lps(index)]
    page.evaluate("point => tview.room.change({point})", point)
    settled(page)
    x, y = page.evaluate("([id, p]) => tview.panes[id].toCanvas(p)", [pane, point])
    box = page.locator(f'[data-pane="{pane}"] .picture').bounding_box()
    return box["x"] + x, box["y"] + y


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def last(page, value: str) -> dict:
    """The values of the last measurement, once it has this one."""
    until(page, f"tview.measured().at(-1)?.stats[0]?.{value} !== undefined")
    return page.evaluate("tview.measured().at(-1)")


def test_a_probe_tells_the_voxels_hounsfield_units(room):
    room.keyboard.press("h")
    for index in ((4, 30, 24), (6, 11, 37)):
        room.mouse.move(*at(room, index))
        room.mouse.down()
        room.mouse.up()
        told = last(room, "value")["stats"][0]
        assert (told["value"], told["modalityUnit"]) == (slopes()[index], "HU")
        room.keyboard.press("u")
        until(room, "tview.measured().length === 0")


def test_an_ellipse_tells_area_mean_and_deviation_of_what_is_in_it(room):
    room.keyboard.press("o")
    middle, rim = (4, 30, 24), (4, 42, 33)
    start = at(room, middle)
    drag(room, start, at(room, rim))
    told = last(room, "mean")["stats"][0]
    rows, columns = (rim[1] - middle[1]) * SPACING[1], (rim[2] - middle[2]) * SPACING[2]
    assert told["area"] == pytest.approx(math.pi * rows * columns, rel=0.04)
    assert told["areaUnit"] == "mm²"
    j, i = np.mgrid[: SHAPE[1], : SHAPE[2]]
    inside = ((j - middle[1]) / 12) ** 2 + ((i - middle[2]) / 9) ** 2 <= 1
    truth = slopes()[4][inside]
    assert told["mean"] == pytest.approx(truth.mean(), abs=2)
    assert told["stdDev"] == pytest.approx(truth.std(), rel=0.05)
    room.keyboard.press("u")
    until(room, "tview.measured().length === 0")


def test_one_act_is_one_step_to_take_back(room):
    def count():
        return len(room.evaluate("tview.measured()"))

    start, end = at(room, (4, 20, 10)), at(room, (4, 40, 30))
    room.keyboard.press("l")
    # Drawn by two clicks: what the first one leaves is no measurement yet.
    room.mouse.move(*start)
    room.mouse.down()
    room.mouse.up()
    room.mouse.move(start[0] + 20, start[1] + 10)
    room.mouse.move(*end)
    room.mouse.down()
    room.mouse.up()
    room.mouse.move(end[0] + 30, end[1])  # it was no double click
    until(room, "(tview.measured()[0]?.stats[0]?.length ?? 0) > 20")
    room.keyboard.press("u")
    assert count() == 0
    room.keyboard.press("u")  # there is none before it: what was measured above was taken back
    assert count() == 0  # nor is taking back a step of its own

    drag(room, start, end)
    length = last(room, "length")["stats"][0]["length"]
    assert length == pytest.approx(math.hypot(20 * SPACING[1], 20 * SPACING[2]), abs=max(SPACING))
    room.keyboard.press("Delete")
    assert count() == 0
    room.keyboard.press("u")
    assert count() == 1
    room.keyboard.press("u")
    assert count() == 0


def test_pictures_are_inverted_turned_and_mirrored_and_back(room):
    at(room, (4, 30, 24))
    room.keyboard.press("0")
    before = canvas(room, "stack").astype(int)
    seen = before > 0
    middle = tuple(n // 2 for n in before.shape)
    assert seen[middle]

    def shown(key):
        room.keyboard.press(key)
        return canvas(room, "stack").astype(int)

    inverted = shown("i")
    assert np.percentile(np.abs(inverted + before - 255)[seen], 99) <= 1  # at the rim the picture is blended
    assert np.array_equal(shown("i"), before)
    mirrored = shown("m")
    assert np.median(np.abs(mirrored - before[:, ::-1])[seen & seen[:, ::-1]]) <= 1
    shown("m")
    # Rows were 5 HU apart from top to bottom: a quarter turn has them from right to left.
    turned = shown("r")
    middle_row = turned[middle[0]][turned[middle[0]] > 0][2:-2]
    assert (np.diff(middle_row) <= 0).all() and middle_row[0] > middle_row[-1]
    assert np.median(np.abs(shown("0") - before)) <= 1


def test_cine_plays_through_the_slices_until_it_is_stopped(room):
    at(room, (4, 30, 24))
    room.evaluate("window.shown = new Set()")
    room.evaluate(
        "document.querySelector('[data-pane=stack] .picture').addEventListener('CORNERSTONE_IMAGE_RENDERED', "
        "() => window.shown.add(tview.panes.stack.shown))"
    )
    room.keyboard.press(" ")
    until(room, f"window.shown.size === {SHAPE[0]}")  # to the end, and back from there to the start
    room.keyboard.press(" ")
    settled(room)
    still = room.evaluate("tview.panes.stack.shown")
    room.wait_for_timeout(300)  # more than three of its steps
    assert room.evaluate("tview.panes.stack.shown") == still


def test_the_prior_is_enlarged_and_moved_with_the_current_study_and_back(room):
    at(room, (4, 30, 24))
    room.keyboard.press("b")
    room.locator('[data-pane="prior"][data-aligned]').wait_for()
    until(room, "tview.panes.prior.missing === ''")

    def differ():
        """How far apart (pixels) three places of the patient are in the two panes."""
        settled(room)
        return room.evaluate(
            """points => { const {stack, prior} = tview.panes;
              return Math.max(...points.map(point => {
                const there = point.map((value, n) => value + prior.shift[n] - stack.shift[n]);
                const [a, b] = [stack.toCanvas(point), prior.toCanvas(there)];
                return Math.hypot(a[0] - b[0], a[1] - b[1]); })); }""",
            [[float(v) for v in GEOMETRY.to_lps(index)] for index in ((4, 30, 24), (4, 5, 40), (4, 50, 3))],
        )

    def scale():
        return room.evaluate("tview.panes.stack.viewport.getCamera().parallelScale")

    assert room.evaluate("Math.hypot(...tview.panes.prior.shift)") > 5
    assert differ() < 1
    for pane, key in (("stack", "p"), ("prior", "p"), ("prior", "z"), ("stack", "z")):
        box = room.locator(f'[data-pane="{pane}"] .picture').bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        before = scale()
        room.keyboard.press(key)
        drag(room, (x, y), (x + 30, y + 45))
        assert differ() < 1, (pane, key)
        assert (scale() != before) == (key == "z")
    room.keyboard.press("w")
    room.keyboard.press("0")
    assert differ() < 1
