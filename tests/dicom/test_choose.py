"""The series that a radiologist would read is the one that is chosen."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from firstread.dicom import Choice, choose_series
from firstread.errors import NothingReadable, RefusedInput
from tests.dicom.ct_series import anatomy, ct_series, in_memory

HU = anatomy(12, 24, seed=6)


def series(number: int, *, spacing: float = 2.5, slices: int = 12, **changes: object) -> list[Dataset]:
    made = ct_series(
        HU[np.arange(slices) % 12], series=number, spacing_mm=(spacing, 0.8, 0.7),
        orientation=changes.pop("orientation", (1, 0, 0, 0, 1, 0)),  # type: ignore[arg-type]
        step_mm=changes.pop("step_mm", None),  # type: ignore[arg-type]
    )  # fmt: skip
    for ds in made:
        for keyword, value in changes.items():
            setattr(ds, keyword, value)
    return made


def choose(*several: list[Dataset]) -> Choice:
    return choose_series(in_memory(ds for one in several for ds in one))


def why_not(choice: Choice, number: int) -> str:
    return next(why for series, why in choice.rejected if series.number == number)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (series(2, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "a localizer"),
        (series(2, SeriesDescription="Topogram 0.6"), "a localizer"),
        (series(2, ImageType=["DERIVED", "SECONDARY", "MPR"]), "a reformation"),
        (series(2, ImageType=["DERIVED", "PRIMARY", "MIP"]), "a projection"),
        (series(2, SeriesDescription="Thorax MIP 8 mm"), "a projection"),
        (series(2, SOPClassUID="1.2.840.10008.5.1.4.1.1.7"), "a secondary capture"),
        (series(2, Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"), "MR, not CT"),
        (series(2, orientation=(1, 0, 0, 0, 0, -1), step_mm=(0, 2.5, 0)), "not axial"),
        (series(2, slices=5), "cover 12 mm"),
        (series(2, spacing=7.0), "7.0 mm apart"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_read(other: list[Dataset], why: str) -> None:
    choice = choose(series(1, slices=20), other)
    assert choice.series.number == 1
    assert why in why_not(choice, 2)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"spacing": 1.25, "slices": 24}, {"spacing": 5.0, "slices": 6}),
        ({"slices": 20}, {"spacing": 1.25, "slices": 20}),
        ({"ConvolutionKernel": "B31f"}, {"ConvolutionKernel": "B70f"}),
        ({"ConvolutionKernel": "STANDARD"}, {"ConvolutionKernel": "LUNG"}),
        ({}, {"ContrastBolusAgent": "Omnipaque"}),
        ({"BodyPartExamined": "CHEST"}, {"BodyPartExamined": "ABDOMEN", "spacing": 1.25, "slices": 24}),
        ({}, {"ImageType": ["DERIVED", "PRIMARY", "AXIAL"]}),
    ],
    ids=["thin", "complete", "standard kernel", "standard word", "no contrast", "chest", "original"],
)
def test_what_is_preferred(better: dict[str, object], worse: dict[str, object]) -> None:
    choice = choose(series(1, **worse), series(2, **better))  # type: ignore[arg-type]
    assert choice.series.number == 2
    assert "ranks behind" in why_not(choice, 1)


def test_contrast_series_is_read_and_the_agent_named() -> None:
    choice = choose(series(1, ContrastBolusAgent="Omnipaque 350"))
    assert "contrast agent Omnipaque 350" in choice.reason
    assert choice.series.contrast == "Omnipaque 350"


def test_missing_descriptions_do_not_matter() -> None:
    bare = series(1)
    for ds in bare:
        del ds.ImageType, ds.SeriesNumber
    choice = choose(bare)
    assert choice.reason.startswith("Chosen as the only axial CT series: 12 slices every 2.50 mm")


def test_only_a_localizer_is_nothing_to_read() -> None:
    with pytest.raises(NothingReadable, match="a localizer"):
        choose(series(1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))


def test_the_only_ct_series_keeps_its_own_refusal() -> None:
    with pytest.raises(RefusedInput, match="at least 20 mm of the chest"):
        choose(series(1, slices=5), series(2, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
