"""Philox against Random123's known answers, and the normals against the file that the browser's tests read too."""

from __future__ import annotations

import json

import numpy as np
import pytest

from odm.noise import Purpose, normals, philox4x32

from .conftest import GOLDEN


# Random123, tests/kat_vectors: counter, key, expected of philox 4x32, 10 rounds
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers(counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]) -> None:
    assert tuple(philox4x32(np.asarray(counter, dtype=np.uint64), key).tolist()) == expected


def test_same_normals_as_the_browser() -> None:
    cases = json.loads((GOLDEN / "noise.json").read_text())["cases"]
    assert cases
    for case in cases:
        first, want = case["first"], np.asarray(case["values"])
        got = normals(case["seed"], case["purpose"], case["step"], first + len(want))[first:]
        assert np.abs(got - want).max() <= 1e-6


def test_a_longer_draw_begins_with_the_shorter_one_and_the_shape_is_filled_in_order() -> None:
    flat = normals(5, Purpose.INIT, 2, 3 * 4 * 6)
    np.testing.assert_array_equal(normals(5, Purpose.INIT, 2, (3, 4, 6)).reshape(-1), flat)
    np.testing.assert_array_equal(normals(5, Purpose.INIT, 2, 11), flat[:11])


def test_streams_are_standard_normal_and_uncorrelated() -> None:
    n = 200_000
    streams = [normals(9, Purpose.INIT, 0, n), normals(9, Purpose.STEP, 0, n), normals(9, Purpose.STEP, 1, n)]
    streams.append(normals(10, Purpose.INIT, 0, n))
    for z in streams:
        assert abs(float(z.mean())) < 4 / n**0.5
        assert abs(float(z.std()) - 1) < 4 / (2 * n) ** 0.5
    off_diagonal = np.corrcoef(streams)[~np.eye(len(streams), dtype=bool)]
    assert np.abs(off_diagonal).max() < 4 / n**0.5


@pytest.mark.parametrize("bad", [(-1, 0, 0), (2**32, 0, 0), (0, 0, -1)])
def test_only_unsigned_32_bit_integers(bad: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="unsigned 32-bit"):
        normals(*bad, 4)
