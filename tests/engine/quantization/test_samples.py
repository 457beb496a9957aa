import numpy as np
import pytest

from firstread.engine.quantization import read_samples
from firstread.errors import UsageError
from tests.engine.tiny_network import PATCH

TILE = np.full(PATCH, -500, np.int16)


@pytest.fixture
def tiles(tmp_path):
    """A function that writes npz files."""
    folder = tmp_path / "tiles"
    folder.mkdir()

    def write(count=4, **more):
        for number in range(count):
            np.savez(folder / f"{number}.npz", **({"input": TILE + number} | more))
        return folder

    return write


def test_every_other_sample_judges_and_none_does_both(make_package, tiles):
    samples = read_samples(tiles(5, truth=np.ones(PATCH, np.uint8)), make_package())
    assert [one.file.stem for one in samples.calibration] == ["0", "2", "4"]
    assert [one.file.stem for one in samples.checks] == ["1", "3"]
    assert samples.with_truth
    first = samples.checks[0].hu
    assert (first.shape, first.dtype, first.max()) == ((1, 1, *PATCH), np.float32, -499)


def test_a_tile_may_have_batch_and_channel_and_the_name_of_the_networks_input(make_package, tiles):
    samples = read_samples(tiles(4, input=np.zeros(3), hu=TILE[None, None]), make_package())
    assert samples.checks[0].hu.shape == (1, 1, *PATCH)
    assert not samples.with_truth


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"input": TILE[:, :, :16]}, r"\[32, 32, 16\], not \[32, 32, 32\]"),
        ({"input": TILE.reshape(32, 16, 64)}, "not"),
        ({"input": np.where(TILE < 0, np.nan, 0.0)}, "not numbers"),
        ({"input": np.array([{"a": 1}] * 4)}, "cannot be read"),
    ],
)
def test_a_tile_that_does_not_fit_is_refused_by_its_file(make_package, tiles, more, words):
    with pytest.raises(UsageError, match=words) as refused:
        read_samples(tiles(4, **more), make_package())
    assert "0.npz" in refused.value.message and refused.value.remedy


def test_files_that_are_too_few_damaged_unnamed_or_half_labelled_are_refused(make_package, tiles, tmp_path):
    package = make_package()
    with pytest.raises(UsageError, match="holds 0 npz files"):
        read_samples(tmp_path / "nowhere", package)
    folder = tiles(3)
    with pytest.raises(UsageError, match="at least 4"):
        read_samples(folder, package)
    np.savez(folder / "3.npz", image=TILE)
    with pytest.raises(UsageError, match="neither `hu` nor `input`"):
        read_samples(folder, package)
    np.savez(folder / "3.npz", input=TILE, truth=TILE)
    with pytest.raises(UsageError, match=r"0\.npz has no `truth`"):
        read_samples(folder, package)
    (folder / "3.npz").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(UsageError, match=r"3\.npz cannot be read"):
        read_samples(folder, package)
