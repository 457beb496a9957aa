"""A series becomes a volume, or is refused by name."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from firstread.dicom import Volume, choose_series, load_volume, open_study
from firstread.errors import Cancelled, NothingReadable, RefusedInput
from tests.dicom import ct_series as make
from tests.dicom.ct_series import anatomy, ct_series, encode, enhanced, only_series, put_values, stored_values

HU = anatomy(20, 32, seed=1)


def load(datasets: list[Dataset] | list[bytes]) -> Volume:
    return load_volume(only_series(datasets), threads=2)


def warned(volume: Volume, words: str) -> bool:
    return any(words in warning for warning in volume.warnings)


def test_hu_and_geometry_of_a_plain_series() -> None:
    volume = load(ct_series(HU))
    assert volume.hu.dtype == np.int16
    assert np.array_equal(volume.hu, HU)
    assert volume.warnings == ()
    assert np.allclose(volume.geometry.spacing_mm, (2.5, 0.8, 0.7))
    # One step along rows is one PixelSpacing[0] to the back; along columns PixelSpacing[1] to the left.
    assert np.allclose(volume.geometry.to_lps([3, 4, 5]), [-10 + 5 * 0.7, -12 + 4 * 0.8, 30 + 3 * 2.5])
    assert [source.index for source in volume.sources] == list(range(20))
    assert volume.header.SOPInstanceUID == volume.sources[0].sop_instance_uid
    assert "PixelData" not in volume.header


def test_order_comes_from_positions_only() -> None:
    plain = load(ct_series(HU))
    datasets = ct_series(HU)
    numbers = np.random.default_rng(0).permutation(20)
    for ds, number in zip(datasets, numbers, strict=True):
        ds.InstanceNumber = int(number)
        ds.SOPInstanceUID = f"{make.ROOT}.{number + 1}"
    for order in (datasets[::-1], [datasets[n] for n in numbers]):
        volume = load(order)
        assert np.array_equal(volume.hu, plain.hu)
        assert np.allclose(volume.geometry.affine, plain.geometry.affine)


def test_slices_stored_head_first_ascend_in_the_volume() -> None:
    volume = load(ct_series(HU, step_mm=(0, 0, -2.5)))
    assert np.array_equal(volume.hu, HU[::-1])
    assert np.allclose(volume.geometry.affine[:3, 0], [0, 0, 2.5])
    assert np.allclose(volume.geometry.to_lps([0, 0, 0]), [-10, -12, 30 - 19 * 2.5])


def test_prone_orientation_keeps_its_directions() -> None:
    volume = load(ct_series(HU, orientation=(-1, 0, 0, 0, -1, 0)))
    assert np.allclose(volume.geometry.to_lps([0, 1, 1]), [-10 - 0.7, -12 - 0.8, 30])


def test_each_slice_has_its_own_rescale() -> None:
    datasets = ct_series(HU)
    for n, ds in enumerate(datasets):
        ds.RescaleSlope, ds.RescaleIntercept = 0.5, -1024 - n
        put_values(ds, (HU[n].astype(np.int32) + 1024 + n) * 2)
    assert np.array_equal(load(datasets).hu, HU)


@pytest.mark.parametrize("padding", [-2000, -3024])
@pytest.mark.parametrize("written", ["signed", "unsigned bits", "not at all"])
def test_padding_becomes_air(padding: int, written: str) -> None:
    hu = HU.copy()
    hu[:, :4, :4] = -1024
    datasets = ct_series(hu, signed=True)
    for n, ds in enumerate(datasets):
        stored = hu[n].astype(np.int32) + 1024
        stored[:4, :4] = padding
        put_values(ds, stored)
        if written != "not at all":
            ds.add_new("PixelPaddingValue", "US" if written == "unsigned bits" else "SS", 0)
            ds["PixelPaddingValue"].value = padding % 65536 if written == "unsigned bits" else padding
    assert np.array_equal(load(datasets).hu, hu)


def test_padding_above_the_scale_becomes_air() -> None:
    datasets = ct_series(HU)
    for n, ds in enumerate(datasets):
        stored = HU[n].astype(np.int32) + 1024
        stored[0, 0] = 65535
        put_values(ds, stored)
        ds.add_new("PixelPaddingValue", "US", 65535)
    assert (load(datasets).hu[:, 0, 0] == -1024).all()


def test_padding_value_of_tissue_is_kept_with_a_warning() -> None:
    datasets = ct_series(HU)
    for ds in datasets:
        ds.add_new("PixelPaddingValue", "US", 1064)
    volume = load(datasets)
    assert np.array_equal(volume.hu, HU)
    assert warned(volume, "Pixel Padding Value stands for 40 HU")


def test_monochrome1_concerns_display_only() -> None:
    datasets = ct_series(HU)
    for ds in datasets:
        ds.PhotometricInterpretation = "MONOCHROME1"
    volume = load(datasets)
    assert np.array_equal(volume.hu, HU)
    assert warned(volume, "MONOCHROME1")


def test_one_missing_slice_is_interpolated_with_a_warning() -> None:
    datasets = ct_series(HU)
    del datasets[7]
    volume = load(datasets)
    assert volume.hu.shape == HU.shape
    assert np.array_equal(volume.hu[7], np.rint((HU[6].astype(np.float32) + HU[8]) / 2))
    assert np.array_equal(np.delete(volume.hu, 7, 0), np.delete(HU, 7, 0))
    assert warned(volume, "1 missing slice(s) of 20 interpolated")
    assert [source.index for source in volume.sources] == [n for n in range(20) if n != 7]


@pytest.mark.parametrize("missing", [range(7, 12), range(1, 19, 4)], ids=["one wide gap", "many small gaps"])
def test_large_gaps_are_refused(missing: range) -> None:
    with pytest.raises(RefusedInput, match="slices are missing or damaged"):
        load([ds for n, ds in enumerate(ct_series(HU)) if n not in missing])


def test_identical_duplicates_are_dropped_with_a_warning() -> None:
    again = ct_series(HU, first=101)
    volume = load([*ct_series(HU), *again[3:9]])
    assert np.array_equal(volume.hu, HU)
    assert len(volume.sources) == 20
    assert warned(volume, "6 duplicate image(s) with identical pixels")


def test_the_same_file_twice_changes_nothing() -> None:
    datasets = ct_series(HU)
    assert np.array_equal(load([*datasets, *datasets]).hu, HU)


def test_one_different_image_at_a_taken_position_is_left_out_with_a_warning() -> None:
    other = ct_series(HU[::-1].copy(), first=101)
    volume = load([*ct_series(HU), other[4]])
    assert np.array_equal(volume.hu, HU)
    assert warned(volume, "other pixels at a position that was already taken")


def test_two_unlabelled_acquisitions_in_one_series_are_refused() -> None:
    with pytest.raises(RefusedInput, match="nothing in their headers tells the acquisitions apart"):
        load([*ct_series(HU), *ct_series(HU[::-1].copy(), first=101)])


@pytest.mark.parametrize("offset_mm", [0.0, 1.0], ids=["same positions", "interleaved"])
def test_two_reconstructions_in_one_series_are_told_apart(offset_mm: float) -> None:
    soft, sharp = (
        ct_series(HU),
        ct_series(HU[::-1].copy()[:18], first=101, origin_mm=(-10, -12, 30 + offset_mm)),
    )
    for ds in soft:
        ds.ConvolutionKernel = "B31f"
    for ds in sharp:
        ds.ConvolutionKernel = "B70f"
    volume = load([*soft, *sharp])
    assert np.array_equal(volume.hu, HU)
    assert warned(volume, "the one with B31f was read (20 images), not B70f")


def test_overlapping_reconstruction_is_read_as_it_is() -> None:
    datasets = ct_series(HU, spacing_mm=(1.25, 0.8, 0.7))
    for ds in datasets:
        ds.SliceThickness = 2.5
    volume = load(datasets)
    assert volume.warnings == ()
    assert volume.geometry.spacing_mm[0] == pytest.approx(1.25)


def test_tissue_between_thin_distant_slices_is_reported() -> None:
    datasets = ct_series(HU, spacing_mm=(5.0, 0.8, 0.7))
    for ds in datasets:
        ds.SliceThickness = 1.0
    assert warned(load(datasets), "the tissue between them was not imaged")


def test_uneven_spacing_is_resampled_along_the_normal() -> None:
    at = np.concatenate([np.arange(10) * 1.25, 12.5 + np.arange(10) * 2.0])
    ramp = np.rint(at * 10).astype(np.int16)[:, None, None] + np.zeros((20, 32, 32), np.int16)
    datasets = ct_series(ramp)
    for ds, z in zip(datasets, at, strict=True):
        ds.ImagePositionPatient = [-10, -12, float(z)]
    volume = load(datasets)
    z = volume.geometry.to_lps(np.array([[k, 0, 0] for k in range(volume.hu.shape[0])]))[:, 2]
    assert z[0] == pytest.approx(0)
    assert z[-1] == pytest.approx(at[-1])
    assert np.abs(volume.hu[:, 5, 5] - 10 * z).max() <= 1.1
    assert warned(volume, "interpolated to an even")
    # A source still knows where it lies, between the slices of the grid.
    assert volume.sources[12].index * volume.geometry.spacing_mm[0] == pytest.approx(at[12])


def test_rounded_positions_are_even() -> None:
    datasets = ct_series(HU)
    for n, ds in enumerate(datasets):
        ds.ImagePositionPatient = [-10, -12, round(30 + n * 1.25, 1)]
    volume = load(datasets)
    assert volume.warnings == ()
    assert np.array_equal(volume.hu, HU)


def test_gantry_tilt_gives_an_oblique_grid_and_a_warning() -> None:
    angle = np.radians(15)
    volume = load(ct_series(HU, orientation=(1, 0, 0, 0, np.cos(angle), -np.sin(angle))))
    assert np.array_equal(volume.hu, HU)
    assert np.allclose(volume.geometry.affine[:3, 0], [0, 0, 2.5])
    assert volume.geometry.voxel_mm3 == pytest.approx(2.5 * np.cos(angle) * 0.8 * 0.7)
    assert warned(volume, "tilted by 15.0°")


def test_a_few_images_of_another_orientation_are_left_out() -> None:
    odd = ct_series(HU[:3], orientation=(1, 0, 0, 0, 0, -1), first=101)
    volume = load([*ct_series(HU), *odd])
    assert np.array_equal(volume.hu, HU)
    assert warned(
        volume, "3 image(s) of another orientation, matrix, pixel size or frame of reference left out"
    )


def test_a_few_images_of_another_matrix_or_frame_of_reference_are_left_out() -> None:
    small = ct_series(anatomy(2, 24), first=101)
    elsewhere = ct_series(HU[:2], frame_of_reference=2, first=201)
    volume = load([*ct_series(HU), *small, *elsewhere])
    assert np.array_equal(volume.hu, HU)
    assert warned(volume, "4 image(s) of another")


@pytest.mark.parametrize(
    "other",
    [
        lambda: ct_series(HU, orientation=(1, 0, 0, 0, 0, -1), first=101),
        lambda: ct_series(anatomy(20, 24), first=101),
        lambda: ct_series(HU, frame_of_reference=2, first=101),
    ],
    ids=["orientation", "matrix", "frame of reference"],
)
def test_an_even_mixture_is_refused(other: object) -> None:
    with pytest.raises(RefusedInput, match="mixes 2 groups"):
        load([*ct_series(HU), *other()])  # type: ignore[operator]


def test_a_localizer_inside_the_series_is_left_out() -> None:
    scout = ct_series(HU[:1], orientation=(1, 0, 0, 0, 0, -1), first=101)
    scout[0].ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    volume = load([*ct_series(HU), *scout])
    assert np.array_equal(volume.hu, HU)
    assert warned(volume, "1 localizer image(s)")


@pytest.mark.parametrize(
    ("keyword", "words"),
    [
        ("ImagePositionPatient", "ImagePositionPatient is missing"),
        ("ImageOrientationPatient", "ImageOrientationPatient is missing"),
        ("PixelSpacing", "PixelSpacing is missing"),
        ("RescaleIntercept", "RescaleIntercept is missing"),
        ("PixelRepresentation", "PixelRepresentation is missing"),
    ],
)
def test_what_a_volume_cannot_do_without_is_named(keyword: str, words: str) -> None:
    datasets = ct_series(HU)
    for ds in datasets:
        delattr(ds, keyword)
    with pytest.raises(RefusedInput, match=words):
        load(datasets)


def test_one_image_without_a_position_is_a_missing_slice() -> None:
    datasets = ct_series(HU)
    del datasets[5].ImagePositionPatient
    volume = load(datasets)
    assert warned(volume, "1 image(s) of the series left out: ImagePositionPatient is missing")
    assert warned(volume, "1 missing slice(s)")


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("Rows", 65535, "no CT matrix"),
        ("SamplesPerPixel", 3, "3 samples a pixel"),
        ("BitsStored", 40, "40 of 16 bits"),
        ("RescaleType", "US", "values are US, not HU"),
        ("PhotometricInterpretation", "RGB", "not grey"),
        ("PixelSpacing", [0, 0], "no pixel size"),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "at right angles"),
    ],
)
def test_nonsense_is_refused_by_name(keyword: str, value: object, words: str) -> None:
    datasets = ct_series(HU)
    for ds in datasets:
        setattr(ds, keyword, value)
    with pytest.raises(RefusedInput, match=words):
        load(datasets)


def test_other_modalities_are_not_readable() -> None:
    datasets = ct_series(HU)
    for ds in datasets:
        ds.Modality, ds.SOPClassUID = "MR", "1.2.840.10008.5.1.4.1.1.4"
    with pytest.raises(NothingReadable, match="no CT images"):
        load(datasets)


def test_too_few_slices_are_refused() -> None:
    with pytest.raises(RefusedInput, match=r"7 usable slice\(s\) that cover 18 mm"):
        load(ct_series(HU[:7]))


def test_slices_far_apart_are_refused() -> None:
    with pytest.raises(RefusedInput, match=r"10\.0 mm apart"):
        load(ct_series(HU, spacing_mm=(10.0, 0.8, 0.7)))


@pytest.mark.parametrize(
    "syntax", [make.EXPLICIT, make.JPEG_LS, make.JPEG_LOSSLESS_SV1, make.JPEG_2000, make.RLE]
)
def test_a_slice_that_is_cut_off_is_interpolated(syntax: str) -> None:
    files = [encode(ds, syntax) for ds in ct_series(HU)]
    files[9] = files[9][: len(files[9]) - len(files[9]) // 4]
    volume = load(files)
    assert np.array_equal(np.delete(volume.hu, 9, 0), np.delete(HU, 9, 0))
    assert np.array_equal(volume.hu[9], np.rint((HU[8].astype(np.float32) + HU[10]) / 2))
    assert warned(volume, "1 image(s) whose pixel data is cut off or damaged")
    assert warned(volume, "1 missing slice(s)")


def test_a_cut_off_slice_at_the_end_shortens_the_volume() -> None:
    files = [encode(ds) for ds in ct_series(HU)]
    files[0] = files[0][:-100]
    volume = load(files)
    assert np.array_equal(volume.hu, HU[1:])
    assert np.allclose(volume.geometry.to_lps([0, 0, 0]), [-10, -12, 32.5])
    assert warned(volume, "cut off or damaged")


def test_many_cut_off_slices_are_refused() -> None:
    files = [encode(ds) for ds in ct_series(HU)]
    with pytest.raises(RefusedInput, match="8 of 20 images are cut off or damaged"):
        load([f[:-100] if n % 2 and n < 16 else f for n, f in enumerate(files)])


def test_all_pixels_damaged_is_refused() -> None:
    with pytest.raises(RefusedInput, match="20 of 20 images cannot be decoded"):
        load([encode(ds, make.JPEG_LS)[:-300] for ds in ct_series(HU)])


def test_a_slice_whose_damage_still_decodes_is_found() -> None:
    datasets = ct_series(HU)
    damaged = stored_values(datasets[9])[0].copy()
    damaged[16:] = np.random.default_rng(0).integers(0, 4000, (16, 32))
    put_values(datasets[9], damaged)
    volume = load(datasets)
    assert warned(volume, "1 image(s) whose pixels do not resemble their neighbours'")
    assert np.array_equal(volume.hu[9], np.rint((HU[8].astype(np.float32) + HU[10]) / 2))


def test_enhanced_ct_equals_its_single_slices() -> None:
    datasets = ct_series(HU)
    volume, single = load([enhanced(datasets[::-1])]), load(datasets)
    assert np.array_equal(volume.hu, single.hu)
    assert np.allclose(volume.geometry.affine, single.geometry.affine)
    assert [source.frame_number for source in volume.sources] == list(range(20, 0, -1))
    assert len({source.sop_instance_uid for source in volume.sources}) == 1


@pytest.mark.parametrize("syntax", [make.JPEG_LS, make.RLE, make.IMPLICIT])
def test_enhanced_ct_in_other_transfer_syntaxes(syntax: str) -> None:
    assert np.array_equal(load([encode(enhanced(ct_series(HU)), syntax)]).hu, HU)


def test_enhanced_ct_that_is_cut_off_is_refused() -> None:
    content = encode(enhanced(ct_series(HU)))
    with pytest.raises(RefusedInput, match="cut off or damaged"):
        load([content[: len(content) - 32 * 32 * 2 * 6]])


def test_progress_can_cancel() -> None:
    def stop(stage: str, share: float) -> None:
        assert stage == "load"
        if share > 0.2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        load_volume(only_series(ct_series(HU)), progress=stop)


@pytest.mark.parametrize("name", ["lidc-0001", "lidc-0002", "lungfcp-01-0001"])
def test_real_series_load_without_warnings(shared_ct: Path, name: str) -> None:
    study = open_study(shared_ct / name)
    volume = study.volume(choose_series(study).series)
    assert volume.warnings == ()
    assert volume.hu.shape[0] == len(volume.sources) == study.series[0].number_of_images
    # Air around the patient, and lung, are there; nothing is thinner than air.
    assert volume.hu.min() >= -1024
    assert 0.2 < (volume.hu < -700).mean() < 0.8
    assert 0.1 < ((volume.hu > -100) & (volume.hu < 200)).mean() < 0.7
