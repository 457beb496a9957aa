"""Chests that packages bring along, as scanners would have sent them."""

import io
import json
import tarfile

import numpy as np
import pytest

nibabel = pytest.importorskip("nibabel", reason="training needs the extra `train`")
nrrd = pytest.importorskip("nrrd", reason="training needs the extra `train`")

from training.lung_nodule import packaged_chests  # noqa: E402
from training.lung_nodule.backgrounds import SOLID, marked_nodules, read_scan  # noqa: E402
from training.lung_nodule.packaged_chests import (  # noqa: E402
    READERS,
    Packaged,
    read_nifti,
    read_nrrd,
    write,
    write_series,
)

SHAPE = (12, 40, 36)  # z, y, x
SPACING = (0.75, 0.8, 2.5)  # x, y, z
ORIGIN = (-100.0, -50.0, -300.0)


@pytest.fixture
def hu():
    return np.random.default_rng(1).integers(-1024, 900, SHAPE).astype(np.int16)


def as_nrrd(path, values):
    space = {"space": "left-posterior-superior", "space origin": np.array(ORIGIN)}
    nrrd.write(str(path), values.transpose(2, 1, 0), space | {"space directions": np.diag(SPACING)})
    return path


def as_nifti(path, hu, *, flipped):
    """The same chest, its axes as DICOM has them, or the other way round; NIfTI's world is right, front, head."""
    x, y, z = SPACING
    matrix = np.diag([-x, -y, z, 1.0])
    matrix[:3, 3] = (-ORIGIN[0], -ORIGIN[1], ORIGIN[2])
    values = hu.transpose(2, 1, 0)
    if flipped:
        last = np.array([*(n - 1 for n in values.shape[:2]), 0, 1.0])
        values, matrix = values[::-1, ::-1], matrix @ np.diag([-1, -1, 1, 1.0])
        matrix[:3, 3] += np.diag([-x, -y, z]) @ last[:3]
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(values), matrix), path)
    return path


def check(chest, hu):
    assert np.array_equal(chest.hu, hu)
    assert chest.spacing_mm == pytest.approx(SPACING)
    assert chest.origin_lps_mm == pytest.approx(ORIGIN)


@pytest.mark.parametrize("flipped", [False, True])
def test_a_nifti_volume_lies_as_dicom_has_it(tmp_path, hu, flipped):
    check(read_nifti(as_nifti(tmp_path / "chest.nii.gz", hu, flipped=flipped)), hu)


def test_an_oblique_volume_is_refused(tmp_path, hu):
    matrix = np.eye(4)
    matrix[0, 1] = 0.2
    nibabel.save(nibabel.Nifti1Image(hu, matrix), tmp_path / "chest.nii")
    with pytest.raises(ValueError, match="oblique"):
        read_nifti(tmp_path / "chest.nii")


def test_a_chest_that_was_written_is_read_as_the_same_volume(tmp_path, hu):
    chest = read_nrrd(as_nrrd(tmp_path / "chest.nrrd", hu))
    check(chest, hu)
    uid = write_series(chest, tmp_path / "dicom", name="chest")
    volume, thickness = read_scan(tmp_path / "dicom")
    assert np.array_equal(volume.hu, hu) and thickness == 2.5
    assert volume.geometry.to_lps((0, 0, 0)) == pytest.approx(ORIGIN)
    assert volume.geometry.spacing_mm == pytest.approx(SPACING[::-1])
    assert uid == write_series(chest, tmp_path / "again", name="chest"), "the same chest has the same UIDs"


def test_an_outlined_tumour_is_a_nodule_of_three_readers(tmp_path, hu, monkeypatch):
    outline = np.zeros(SHAPE, np.uint8)
    outline[4:8, 10:20, 12:20] = 1
    archive = tmp_path / "package.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        for name, values in (("image", hu), ("label", outline)):
            content = as_nrrd(tmp_path / f"{name}.nrrd", values).read_bytes()
            member = tarfile.TarInfo(f"package-1.0/data/{name}.nrrd")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    monkeypatch.setitem(packaged_chests.CHESTS, "one", Packaged("", "data/image.nrrd", "data/label.nrrd"))
    write("one", archive, tmp_path)
    (nodule,) = marked_nodules(tmp_path / "one")
    x, y, z = (o + s * i for o, s, i in zip(ORIGIN, SPACING, (15.5, 14.5, 5.5), strict=True))
    assert nodule.centre == pytest.approx((x, y, z), abs=0.06)
    assert (nodule.readers, nodule.texture) == (READERS, SOLID)
    volume_mm3 = 4 * 10 * 8 * np.prod(SPACING)
    assert nodule.diameter_mm == pytest.approx((6 * volume_mm3 / np.pi) ** (1 / 3), rel=0.01)
    assert json.loads((tmp_path / "one" / "annotations.json").read_text())["patient"] == "one"
