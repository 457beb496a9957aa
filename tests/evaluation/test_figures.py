import xml.etree.ElementTree as ET

from firstread.evaluation.detection import FrocReport
from firstread.evaluation.figures import bland_altman_figure, froc_figure
from firstread.evaluation.froc import Scored, ScoredScan, Truth, froc
from firstread.evaluation.measurement import measurement_report
from firstread.evaluation.plot import HEIGHT, WIDTH, Plot, even_ticks
from tests.evaluation.samples import finding, marked, read_of

SVG = "{http://www.w3.org/2000/svg}"


def points(element):
    return [tuple(map(float, pair.split(","))) for pair in element.get("points").split()]


def test_the_corners_of_the_axes_are_the_corners_of_the_plot():
    plot = Plot(
        title="<a & b>",
        subtitle="",
        x_label="",
        y_label="",
        x=(1, 16),
        y=(0, 2),
        footer="",
        scale_x=lambda v: v**0.5,
    )
    plot.line([(1, 0), (16, 2)], colour="#000")
    plot.line([(6.25, 1), (6.25, 1)], colour="#000")
    root = ET.fromstring(plot.svg())
    (corner, other), (middle, _) = (points(line) for line in root.iter(f"{SVG}polyline"))
    assert 0 < corner[0] < other[0] < WIDTH
    assert 0 < other[1] < corner[1] < HEIGHT
    # The root of 6.25 lies half-way between those of 1 and 16.
    assert middle == ((corner[0] + other[0]) / 2, (corner[1] + other[1]) / 2)
    assert root.find(f"{SVG}title").text == "<a & b>"


def test_ticks_are_round_and_within():
    assert [value for value, _ in even_ticks(0, 1, about=5)] == [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
    assert [label for _, label in even_ticks(-7.3, 7.3)] == ["−5", "0", "5"]


def test_the_froc_curve_rises_with_the_sensitivity():
    scans = [
        ScoredScan(
            str(n), [Scored((0, 0, 0), 0.9 - n / 10), Scored((99, 0, 0), 0.65)], [Truth((0, 0, 0), 9.0)]
        )
        for n in range(5)
    ]
    report = FrocReport(models=(), least_readers=3, scans=(), threshold=0.5, froc=froc(scans, threshold=0.5))
    root = ET.fromstring(froc_figure(report))
    (line,) = (points(one) for one in root.iter(f"{SVG}polyline"))
    heights = [y for _, y in line]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > heights[-1]
    assert len(list(root.iter(f"{SVG}polygon"))) == 1
    assert len(list(root.iter(f"{SVG}circle"))) == 1
    assert any("not verified" in text.text for text in root.iter(f"{SVG}text"))


def test_bland_altman_draws_a_dot_a_nodule_and_one_a_reader():
    nodule = marked({"volume_mm3": 300}, {"volume_mm3": 400})
    report = measurement_report(
        read_of(*[(nodule, finding(volume_mm3=v)) for v in (300, 350, 500)]), least_readers=2
    )
    root = ET.fromstring(bland_altman_figure(report, quantity="volume"))
    assert len(list(root.iter(f"{SVG}circle"))) == 3 + 6
    assert len(list(root.iter(f"{SVG}polyline"))) == 3
    assert bland_altman_figure(report, quantity="mean diameter") is None
