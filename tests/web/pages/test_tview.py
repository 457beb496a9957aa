"""TView on small studies, in a real browser over a real server."""

import math
import re

import numpy as np
import pytest
import requests
from PIL import Image, ImageDraw

from firstread.archive import open_archive
from firstread.dicom.geometry import Geometry
from firstread.findings import NOTICE
from tests.browser import violations
from tests.dicom.ct_series import ROOT
from tests.network.dicomweb.conftest import serving
from tests.tview import canvas, middle, opened, settled, until
from tests.viewed import ct, encoded, store, viewed
from tests.web.pages.test_tview_measuring import measure

pytestmark = pytest.mark.webgl
SHAPE, SPACING = (48, 96, 96), (2.5, 1.5, 1.5)
GEOMETRY = Geometry.from_axes(
    shape=SHAPE,
    origin_lps_mm=(-71.0, -190.0, -300.0),
    slice_step_mm=(0, 0, SPACING[0]),
    row_step_mm=(0, SPACING[1], 0),
    column_step_mm=(SPACING[2], 0, 0),
)
BALLS = (((20, 40, 30), 8.0), ((31, 55, 66), 6.0))
MISSED = ((26, 62, 28), 7.0)


def ball(index, radius_mm, shape=SHAPE):
    k, j, i = (np.arange(n) for n in shape)
    away = [((axis - at) * mm) ** 2 for axis, at, mm in zip((k, j, i), index, SPACING, strict=True)]
    return away[0][:, None, None] + away[1][:, None] + away[2] < radius_mm**2


def chest(balls) -> np.ndarray:
    """A body with two lungs and balls; exactly three values of HU, so that edges are where voxels end."""
    hu = np.full(SHAPE, -1000, np.int16)
    j, i = np.mgrid[: SHAPE[1], : SHAPE[2]]
    hu[:, ((j - 48) / 40) ** 2 + ((i - 48) / 46) ** 2 < 1] = 40
    for column in (29, 67):
        hu[4:44, ((j - 48) / 32) ** 2 + ((i - column) / 16) ** 2 < 1] = -850
    for index, radius in balls:
        hu[ball(index, radius)] = 40
    return hu


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """A served archive: a study and its prior, each read."""
    with open_archive(tmp_path_factory.mktemp("tview") / "archive") as archive:
        before = [(index, radius - 2) for index, radius in BALLS]
        shifted = Geometry(
            GEOMETRY.shape, GEOMETRY.affine + np.array([[0, 0, 0, 12], [0, 0, 0, 0], [0, 0, 0, 30], [0] * 4])
        )
        prior = viewed(
            archive,
            encoded(ct(chest(before), shifted, study=2, day="20240102")),
            [ball(*one) for one in before],
        )
        current = viewed(
            archive,
            encoded(ct(chest([*BALLS, MISSED]), GEOMETRY)),
            [ball(*one) for one in BALLS],
            prior=prior,
        )
        with serving(archive) as url:
            yield url, current, prior


def outline_of(page, pane: str, finding: str = "N1") -> list[list[tuple[float, float]]]:
    """The corners (x, y) of the outline that is drawn over a pane."""
    path = page.locator(f'[data-pane="{pane}"] [data-finding="{finding}"] path.outline')
    drawn = path.get_attribute("d")
    return [
        [tuple(map(float, corner.split(","))) for corner in loop.split("L")]
        for loop in re.findall("M([^Z]*)Z", drawn)
    ]


def inside(loops, shape) -> np.ndarray:
    drawn = Image.new("1", (shape[1], shape[0]))
    for loop in loops:
        ImageDraw.Draw(drawn).polygon(loop, fill=1)
    return np.asarray(drawn)


def test_the_outline_lies_on_the_nodule_to_the_pixel_in_every_plane(browser, studies):
    url, study, _ = studies
    finding = study.result.findings[0]
    with opened(browser, url, study.study_uid) as page:
        page.locator('[data-key="head-N1"]').click()
        page.keyboard.press("k")
        for pane in ("stack", "coronal", "sagittal"):
            page.evaluate("([id, p]) => tview.panes[id].closeUp(p, 60)", [pane, list(finding.center_lps_mm)])
        settled(page)
        for pane in ("stack", "coronal", "sagittal"):
            picture, loops = canvas(page, pane), outline_of(page, pane)
            bright, drawn = picture > 150, inside(loops, picture.shape)
            # What is bright around the nodule, not the chest wall.
            xs, ys = zip(*(corner for loop in loops for corner in loop), strict=True)
            near = np.zeros_like(bright)
            near[
                max(0, int(min(ys)) - 12) : int(max(ys)) + 12, max(0, int(min(xs)) - 12) : int(max(xs)) + 12
            ] = True
            bright &= near
            assert (bright & drawn).sum() / (bright | drawn).sum() > 0.95, pane
            edges = np.argwhere(bright)
            assert np.abs(edges.min(0) - (min(ys), min(xs))).max() <= 1.5, pane
            assert np.abs(edges.max(0) + 1 - (max(ys), max(xs))).max() <= 1.5, pane
            middle = page.evaluate(
                "([id, p]) => tview.panes[id].toCanvas(p)", [pane, list(finding.center_lps_mm)]
            )
            voxel = canvas_mm(page, pane) * max(SPACING)
            assert math.dist(middle, edges.mean(0)[::-1]) < voxel, pane


def canvas_mm(page, pane: str) -> float:
    """Pixels of a pane that a millimetre takes."""
    return page.evaluate(
        """id => { const pane = tview.panes[id], [x, y] = pane.toCanvas(pane.plane.point), p = pane.plane;
          const [u, v] = pane.toCanvas(p.point.map((value, n) => value + p.right[n]));
          return Math.hypot(u - x, v - y); }""",
        pane,
    )


def test_a_finding_is_jumped_to_in_every_plane_and_one_key_hides_what_the_ai_says(browser, studies):
    url, study, _ = studies
    with opened(browser, url, study.study_uid) as page:
        assert page.locator(".notice").inner_text().endswith(NOTICE)
        for key, finding in (("j", study.result.findings[0]), ("j", study.result.findings[1])):
            page.keyboard.press(key)
            settled(page)
            assert (
                page.locator(f'li[data-finding="{finding.id}"]').get_attribute("class").endswith("selected")
            )
            assert (
                page.locator("li.selected dd")
                .first.inner_text()
                .startswith(f"{finding.diameter_mm.long:.1f}")
            )
            assert "Lung-RADS 4A" in page.locator("li.selected").inner_text()
            assert "growing; was" in page.locator("li.selected").inner_text()
            for pane in ("stack", "coronal", "sagittal"):
                loops = outline_of(page, pane, finding.id)
                at = page.evaluate(
                    "([id, p]) => tview.panes[id].toCanvas(p)", [pane, list(finding.center_lps_mm)]
                )
                xs, ys = zip(*loops[0], strict=True)
                assert min(xs) < at[0] < max(xs) and min(ys) < at[1] < max(ys)
        page.keyboard.press("f")
        assert page.locator(".overlay .finding").count() == 0
        assert page.locator("li.finding").count() == 0
        page.keyboard.press("f")
        assert page.locator(".overlay .finding").count() >= 3


def test_a_slab_shows_what_is_brightest_in_it_at_the_same_place_as_the_slice(browser, studies):
    url, study, _ = studies
    finding = study.result.findings[0]
    with opened(browser, url, study.study_uid) as page:
        page.locator('[data-key="head-N1"]').click()
        page.keyboard.press("k")
        page.locator('[data-act="slab"]').select_option("40")
        page.locator('[data-pane="slab"]').wait_for()
        until(page, "tview.panes.slab.isReady")
        slice_, slab = canvas(page, "stack").astype(int), canvas(page, "slab").astype(int)
        assert (slab > 150).sum() > (slice_ > 150).sum()
        assert np.median(np.abs(slab - slice_)) <= 3
        for point in (finding.center_lps_mm, [value + 20 for value in finding.center_lps_mm]):
            places = [
                page.evaluate("([id, p]) => tview.panes[id].toCanvas(p)", [pane, point])
                for pane in ("stack", "slab")
            ]
            assert math.dist(*places) < 1.5
        x, y = places[0][0] - 20, places[0][1] - 20
        assert (
            page.evaluate(
                "([x, y]) => document.elementFromPoint(x, y + 80).closest('.pane').dataset.pane", [x, y]
            )
            == "slab"
        )


def test_what_a_person_decides_is_kept_in_the_report_and_can_be_taken_back(browser, studies):
    url, study, _ = studies
    report = f"{url}/api/studies/{study.study_uid}/report"

    def decisions():
        return {one["id"]: one for one in requests.get(report, timeout=20).json()["findings"]}

    with opened(browser, url, study.study_uid) as page:
        page.locator("#tview[data-decisions=loaded]").wait_for()
        page.locator('[data-key="head-N1"]').click()
        page.keyboard.press("a")
        page.get_by_role("status").get_by_text("Saved").wait_for()
        assert decisions()["N1"]["decision"] == "accepted"

        page.locator('[data-key="undecide-N1"]').hover()
        page.mouse.down()
        # The list is made anew, but not under the pressed button.
        page.evaluate("tview.room.findingsChanged()")
        page.mouse.up()
        page.locator('li[data-finding="N1"].open').wait_for()

        page.locator('[data-key="head-N2"]').click()
        page.keyboard.press("x")
        page.get_by_label("Reason").select_option("vessel")
        page.locator(".rejection .reject").click()
        page.locator("li.rejected").wait_for()
        assert (decisions()["N2"]["decision"], decisions()["N2"]["reason"]) == ("rejected", "vessel")

        page.keyboard.press("u")
        page.locator('li[data-finding="N2"].open').wait_for()
        assert decisions()["N2"]["decision"] == "unreviewed"

        page.keyboard.press("e")
        page.get_by_label("Lobe").select_option("left lower")
        x, y = middle(page, '[data-pane="stack"] [data-end="long-1"]')
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 20, y - 30, steps=4)
        page.mouse.up()
        typed = float(page.get_by_label("Long axis (mm)").input_value())
        page.get_by_role("button", name="Save").click()
        page.locator('li[data-finding="N2"].edited').wait_for()
        page.get_by_role("status").get_by_text("Saved").wait_for()
        kept = decisions()["N2"]
        assert (kept["decision"], kept["edited"]["lobe"]) == ("edited", "left lower")
        assert kept["finding"]["diameter_mm"]["long"] == pytest.approx(typed, abs=0.11)

        index, _ = MISSED
        point = [float(value) for value in GEOMETRY.to_lps(index)]
        page.keyboard.press("0")
        page.evaluate("point => tview.room.change({point})", point)
        page.keyboard.press("n")
        settled(page)
        x, y = page.evaluate("p => tview.panes.stack.toCanvas(p)", point)
        pane = page.locator('[data-pane="stack"] .picture').bounding_box()
        page.mouse.click(pane["x"] + x, pane["y"] + y)
        page.locator("li.added").wait_for()
        added = decisions()["A1"]["finding"]
        assert math.dist(added["center_lps_mm"], point) < 2.5
        assert added["diameter_mm"]["mean"] == pytest.approx(14, abs=2.5)
        page.keyboard.press("u")
        page.locator("li.added").wait_for(state="detached")
        assert "A1" not in decisions()


def test_someone_elses_change_is_told_and_not_overwritten(browser, studies):
    url, study, _ = studies
    report = f"{url}/api/studies/{study.study_uid}/report"
    # A refusal is an error in a browser's console.
    with opened(browser, url, study.study_uid, errors="status of 409") as page:
        page.locator("#tview[data-decisions=loaded]").wait_for()
        page.locator('[data-key="head-N1"]').click()
        version = requests.get(report, timeout=20).json()["version"]
        change = {"findings": {"N1": {"decision": "rejected", "reason": "node"}}}
        requests.patch(report, json=change, headers={"If-Match": str(version)}, timeout=20).raise_for_status()
        page.keyboard.press("e")
        page.get_by_label("Long axis (mm)").fill("9.9")
        page.get_by_role("button", name="Save").click()
        page.locator(".status.problem").wait_for()
        assert "Someone else" in page.locator(".status").inner_text()
        page.locator('li[data-finding="N1"].rejected').wait_for()
        assert requests.get(report, timeout=20).json()["findings"][0]["decision"] == "rejected"


def test_the_prior_lies_beside_at_the_same_place_of_the_patient(browser, studies):
    url, study, prior = studies
    with opened(browser, url, study.study_uid) as page:
        page.locator('[data-key="head-N2"]').click()
        page.keyboard.press("b")
        page.locator('[data-pane="prior"][data-aligned="finding"]').wait_for()
        until(page, "tview.panes.prior.missing === ''")
        at = page.evaluate("tview.panes.prior.plane.point")
        assert abs(at[2] - prior.result.findings[1].center_lps_mm[2]) <= SPACING[0]
        assert "2024-01-02" in page.locator('[data-pane="prior"] .title').inner_text()
        page.keyboard.press("ArrowDown")
        settled(page)
        stepped = page.evaluate("[tview.panes.prior.plane.point, tview.panes.stack.plane.point]")
        assert stepped[0][2] == pytest.approx(at[2] - SPACING[0], abs=1e-3)


def test_a_first_look_without_the_ai_is_possible_in_chinese_and_by_keyboard(browser, studies):
    url, study, _ = studies
    with opened(browser, url, study.study_uid, query="?ai=off", lang="zh", size=(1200, 1600)) as page:
        assert page.locator(".overlay .finding").count() == 0
        assert "按 F 显示" in page.locator("aside").inner_text()
        assert violations(page) == []
        page.keyboard.press("f")
        page.keyboard.press("j")
        assert page.locator("li.selected").is_visible()
        assert "未经核实" in page.locator(".notice").inner_text()
        assert violations(page) == []
        page.keyboard.press("?")
        assert page.get_by_role("dialog").is_visible()
        assert violations(page) == []


def test_its_policy_lets_nothing_inline_or_from_elsewhere_run(browser, studies):
    url, study, _ = studies
    answer = requests.get(f"{url}/studies/{study.study_uid}/view", timeout=20)
    policy = answer.headers["Content-Security-Policy"]
    assert (
        "default-src 'none'" in policy and "'unsafe-inline'" not in policy and "'unsafe-eval'" not in policy
    )
    assert requests.get(f"{url}/studies/1.2.3/view", timeout=20).status_code == 404
    with opened(browser, url, study.study_uid, errors="Content Security Policy") as page:
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.evil = 1'}))"
        )
        assert page.evaluate("window.evil === undefined")


def test_scrolling_shows_no_slice_under_another_slices_number(browser, tmp_path):
    count = 40
    hu = np.repeat(np.arange(count, dtype=np.int16)[:, None, None] * 20, 32, 1).repeat(32, 2)
    hu[:, 0, 0], hu[:, 31, 31] = -1000, 1000
    grid = Geometry.from_axes(
        shape=hu.shape,
        origin_lps_mm=(0, 0, 0),
        slice_step_mm=(0, 0, 2),
        row_step_mm=(0, 2, 0),
        column_step_mm=(2, 0, 0),
    )
    with open_archive(tmp_path / "archive") as archive:
        study = viewed(archive, encoded(ct(hu, grid)), read=False)
        with (
            serving(archive) as url,
            opened(browser, url, study.study_uid, ready="#tview[data-state]") as page,
        ):
            page.evaluate(
                """() => { tview.room.change({window: {centre: 400, width: 800}}); window.seen = [];
                const picture = document.querySelector('[data-pane="stack"] .picture');
                picture.addEventListener('CORNERSTONE_IMAGE_RENDERED', event => {
                  const canvas = event.target.querySelector('canvas');
                  const {data} = canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1);
                  const told = document.querySelector('[data-pane="stack"] .place').textContent;
                  window.seen.push([data[0], Number(/Im (\\d+)/.exec(told)[1])]);
                }); }"""
            )
            for key in ["ArrowDown"] * 12 + ["Home", "PageDown", "End", "PageUp"] + ["ArrowUp"] * 8:
                page.keyboard.press(key)
                settled(page)
            seen = page.evaluate("window.seen")
            assert len({number for _, number in seen}) > 5
            for grey, number in seen:
                assert grey == pytest.approx((number - 1) * 20 / 800 * 255, abs=3), (grey, number)


def test_an_x_ray_shows_as_it_is_and_says_what_its_millimetres_are(browser, tmp_path):
    (image,) = ct(np.tile(np.arange(64, dtype=np.int16) * 20, (1, 80, 1)), GEOMETRY)
    image.SOPClassUID, image.Modality = "1.2.840.10008.5.1.4.1.1.1", "CR"
    image.ImagerPixelSpacing, image.SeriesDescription = ["0.2", "0.2"], "Chest PA"
    image.WindowCenter, image.WindowWidth = "640", "1280"
    for keyword in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleType"):
        delattr(image, keyword)
    image.RescaleIntercept = "0"
    image.PixelData = np.tile(np.arange(64, dtype="<i2") * 20, (80, 1)).tobytes()
    with open_archive(tmp_path / "archive") as archive:
        store(archive, encoded([image]))
        with serving(archive) as url, opened(browser, url, str(image.StudyInstanceUID)) as page:
            assert page.locator('[data-pane="stack"] .title').inner_text() == (
                "Chest PA · mm at the detector, not in the patient"
            )
            drawn = canvas(page, "stack")
            middle = drawn[drawn.shape[0] // 2]
            shown = middle[middle > 0]
            assert shown[10] < 60 and shown[-10] > 200
            left, right = np.flatnonzero(middle)[[0, -1]]
            pixel = (right - left) / 63  # the first column is black
            length = measure(page, "stack", (right - 42 * pixel, 200), (right - 10 * pixel, 200))
            assert length == pytest.approx(32 * 0.2, abs=0.2)
            page.keyboard.press("i")
            settled(page)
            assert (
                canvas(page, "stack")[drawn.shape[0] // 2][drawn.shape[1] // 2 - 150]
                > middle[drawn.shape[1] // 2 - 150]
            )


def test_where_the_gantry_was_tilted_no_planes_are_made_up(browser, tmp_path):
    affine = GEOMETRY.affine.copy()
    affine[1, 0] = 0.8
    tilted = Geometry(GEOMETRY.shape, affine)
    with open_archive(tmp_path / "archive") as archive:
        store(archive, encoded(ct(chest(BALLS), tilted)))
        with serving(archive) as url, opened(browser, url, f"{ROOT}.1") as page:
            assert page.locator("#tview .pictures").get_attribute("data-layout") == "single"
            assert canvas(page, "stack").max() > 150


def test_it_says_so_where_it_is_not_built(sqlite_archive, monkeypatch):
    store(sqlite_archive, encoded(ct(chest(BALLS)[:2], GEOMETRY)))
    monkeypatch.setattr("firstread.web.pages.tview.SCRIPT", "tview/absent.js")
    with serving(sqlite_archive) as url:
        answer = requests.get(f"{url}/studies/{ROOT}.1/view", timeout=20)
        assert answer.status_code == 200
        assert "make viewer" in answer.text and "<script" not in answer.text
