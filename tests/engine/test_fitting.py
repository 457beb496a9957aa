import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstread.engine.fitting import fit_tiles

lengths = st.integers(1, 60)
MULTIPLE = (4, 2, 8)


@settings(max_examples=150)
@given(
    shape=st.tuples(lengths, lengths, lengths),
    halo=st.integers(0, 7),
    most=st.sampled_from([64, 4_000, 100_000]),
    seed=st.integers(0, 2**16) | st.none(),
)
def test_every_voxel_is_decided_by_exactly_one_tile_that_sees_a_halo_around_it(shape, halo, most, seed):
    inside = None
    if seed is not None:
        rng = np.random.default_rng(seed)
        inside = np.zeros(shape, bool)
        for _ in range(rng.integers(0, 4)):
            inside[tuple(rng.integers(0, n) for n in shape)] = True
    decided = np.zeros([n + 8 for n in shape], int)
    for tile in fit_tiles(shape, halo=halo, multiple=MULTIPLE, most_voxels=most, inside=inside):
        decided[tuple(slice(a, b) for a, b in tile.core)] += 1
        smallest = all(b - a == step for (a, b), step in zip(tile.core, MULTIPLE, strict=True))
        assert math.prod(tile.size) <= most or smallest
        for (a, b), start, length, size, step in zip(
            tile.core, tile.start, tile.size, shape, MULTIPLE, strict=True
        ):
            assert start % step == a % step == b % step == length % step == 0
            assert 0 <= start <= a < b <= start + length
            assert a - start >= halo or start == 0
            assert start + length - b >= halo or start + length >= size
    assert decided.max() <= 1
    decided = decided[tuple(slice(n) for n in shape)]
    assert (decided == 1).all() if inside is None else decided[inside].all()


def test_a_tile_is_the_box_of_its_part_and_a_halo():
    inside = np.zeros((96, 96, 96), bool)
    inside[33:40, 10:30, 50] = True
    (tile,) = fit_tiles(inside.shape, halo=8, multiple=(8, 8, 8), most_voxels=10**6, inside=inside)
    assert tile.core == ((32, 40), (8, 32), (48, 56))
    assert (tile.start, tile.size) == ((24, 0, 40), (24, 40, 24))


def test_slabs_that_are_narrower_than_the_whole_are_worth_their_halos():
    inside = np.zeros((128, 128, 128), bool)
    inside[:64, :16, :16] = True
    inside[64:] = True
    tiles = fit_tiles(inside.shape, halo=8, multiple=(8, 8, 8), most_voxels=10**7, inside=inside)
    assert [tile.size for tile in tiles] == [(72, 24, 24), (72, 128, 128)]


def test_nothing_inside_needs_no_tile():
    inside = np.zeros((9, 9, 9), bool)
    assert fit_tiles(inside.shape, halo=2, multiple=(4, 4, 4), most_voxels=999, inside=inside) == ()


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="the mask has shape"):
        fit_tiles((9, 9, 9), halo=2, multiple=(4, 4, 4), most_voxels=999, inside=np.zeros((9, 9, 8), bool))
