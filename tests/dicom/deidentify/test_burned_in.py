import pytest
from pydicom.dataset import Dataset

from firstread.dicom.deidentify.burned_in import may_show_a_face, may_show_text


def image(**values):
    dataset = Dataset()
    dataset.Rows = 16
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.2", "CT"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    "values",
    [
        {"BurnedInAnnotation": "YES"},
        {"BurnedInAnnotation": "MAYBE"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "BurnedInAnnotation": "NO"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1", "BurnedInAnnotation": "NO"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.4"},
        {"Modality": "US"},
        {"ConversionType": "WSD"},
        {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
        {"ImageType": ["DERIVED", "SECONDARY", "OTHER", "DOSE_INFO"]},
    ],
)
def test_images_that_may_show_text(values):
    assert may_show_text(image(**values))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"BurnedInAnnotation": "NO"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1", "Modality": "DX"},
    ],
)
def test_images_of_which_nothing_says_so(values):
    assert may_show_text(image(**values)) == ""


def test_what_has_no_pixels_shows_nothing():
    dataset = image(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.22", Modality="SR")
    del dataset.Rows
    assert may_show_text(dataset) == ""


def test_slices_of_heads_may_show_a_face():
    assert may_show_a_face(image(BodyPartExamined="HEAD"))
    assert may_show_a_face(image(StudyDescription="CT brain"))
    assert may_show_a_face(image(Modality="DX", RecognizableVisualFeatures="YES"))
    assert not may_show_a_face(image(BodyPartExamined="CHEST"))
    assert not may_show_a_face(image(Modality="DX", BodyPartExamined="SKULL"))
