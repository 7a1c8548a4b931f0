"""Sampler tables against trajectories of diffusers' schedulers, conditioning plans, and the loop."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from odm.noise import Purpose, normals
from odm.sampling import (
    SAMPLERS,
    Array,
    CosineSchedule,
    SamplerName,
    TableSchedule,
    class_weights,
    combine,
    conditioning_plan,
    sample,
    sample_many,
    sampler_table,
    to_uint8,
)

from .conftest import GOLDEN

GRADES = (0.0, 1.0, 2.0, 4.0)
GOLDENS: dict[str, Any] = json.loads((GOLDEN / "samplers.json").read_text())


@pytest.mark.parametrize("case", [c for c in GOLDENS["cases"] if c["prediction"] == "x0"], ids=lambda c: f"{c['sampler']}-{c['steps']}-{c['eta']}")  # fmt: skip
def test_same_trajectory_as_diffusers(case: dict[str, Any]) -> None:
    times, length = case["timesteps"], GOLDENS["length"]
    table = sampler_table(TableSchedule(GOLDENS["alphasCumprod"]), case["sampler"], case["steps"], (times[-1], times[0]), case["eta"])  # fmt: skip
    assert [row.t for row in table] == times
    steps_of_table = len(GOLDENS["alphasCumprod"])

    def network(x: Array, t: Array, y: Array) -> Array:
        offset = 0.3 * np.cos(np.arange(length))
        return (np.tanh(0.8 * x + offset) + 0.1 * t[:, None, None, None] / steps_of_table).astype(np.float32)

    seen: list[NDArray[np.float32]] = []
    plan = conditioning_plan(1, GRADES)
    last = sample(network, plan, table, GOLDENS["seed"], (1, 1, length), lambda _i, x, _x0: seen.append(x[0]))
    got = np.stack([*seen, last]).reshape(len(times) + 1, length)
    np.testing.assert_allclose(got, np.asarray(case["trajectory"]), atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("case", GOLDENS["karras"], ids=lambda c: f"{c['low']}-{c['high']}")
def test_karras_spacing_is_that_of_diffusers(case: dict[str, Any]) -> None:
    low, high = (2 / np.pi * np.arctan(case[end]) for end in ("low", "high"))
    times = CosineSchedule().grid(len(case["ratios"]), (float(low), float(high)), "karras")
    np.testing.assert_allclose(np.tan(np.asarray(times) * np.pi / 2), case["ratios"], rtol=1e-6)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 17])
def test_a_table_ends_in_x0_and_keeps_the_level_of_noise(name: SamplerName, steps: int) -> None:
    table = sampler_table(CosineSchedule(), name, steps, (0.002, 0.998), eta=0.3)
    assert len(table) == steps
    assert table[0].t == 0.998
    assert (table[-1].a, table[-1].b, table[-1].c, table[-1].d) == (0, 1, 0, 0)
    for row, following in zip(table, table[1:], strict=False):
        # for a network that is always right, x' = alpha' x0 + (noise of variance sigma'^2)
        assert row.a * row.alpha + row.b + row.c == pytest.approx(following.alpha, abs=1e-12)
        assert (row.a * row.sigma) ** 2 + row.d**2 == pytest.approx(following.sigma**2, abs=1e-12)


def test_ddpm_is_ddim_with_eta_one() -> None:
    assert sampler_table(CosineSchedule(), "ddpm", 9, (0.01, 0.99)) == sampler_table(
        CosineSchedule(), "ddim", 9, (0.01, 0.99), eta=1.0
    )


def test_inside_the_range_one_row_mixes_the_neighbours_by_clinical_value() -> None:
    plan = conditioning_plan(2.5, GRADES)
    assert not plan.extrapolated
    assert plan.coefficients == (1.0,)
    np.testing.assert_allclose(plan.rows, [[0, 0, 0.75, 0.25, 0]])
    np.testing.assert_allclose(class_weights(4, GRADES), [0, 0, 0, 1, 0])
    with pytest.raises(ValueError, match="outside"):
        class_weights(4.5, GRADES)


def test_beyond_an_end_the_last_segment_goes_on() -> None:
    above = conditioning_plan(5, GRADES)  # half a segment (2..4) above
    assert above.extrapolated
    assert dict(zip(above.rows.argmax(1).tolist(), above.coefficients, strict=True)) == {3: 1.5, 2: -0.5}
    below = conditioning_plan(-1, GRADES)
    assert dict(zip(below.rows.argmax(1).tolist(), below.coefficients, strict=True)) == {0: 2.0, 1: -1.0}


@pytest.mark.parametrize("severity", [-0.5, 0, 1.3, 4, 6])
@pytest.mark.parametrize("guidance", [0.0, 0.5, 1.0, 3.0])
def test_coefficients_sum_to_one_and_guidance_uses_the_null_row(severity: float, guidance: float) -> None:
    plan = conditioning_plan(severity, GRADES, guidance)
    assert sum(plan.coefficients) == pytest.approx(1)
    null = [c for row, c in zip(plan.rows, plan.coefficients, strict=True) if row[-1] == 1]
    assert null == ([] if guidance == 1 else [1 - guidance])


def test_guidance_acts_within_its_range_only() -> None:
    plan = conditioning_plan(1.5, GRADES, 3.0, (0.1, 0.6))
    plain = conditioning_plan(1.5, GRADES)
    for t, guided in ((0.09, False), (0.1, True), (0.6, True), (0.61, False)):
        assert (plan.at(t) is plan) == guided
        assert plan.at(t).coefficients == ((3.0, -2.0) if guided else plain.coefficients)
    assert conditioning_plan(1.5, GRADES, 1.0, (0.1, 0.6)).at(0.9).coefficients == (1.0,)

    asked: list[tuple[float, int]] = []

    def network(x: Array, t: Array, y: Array) -> Array:
        asked.append((round(float(t[0]), 3), len(t)))
        return 0 * x + y[:, -1:, None, None]

    table = sampler_table(CosineSchedule(), "ddim", 4, (0.1, 0.7))
    seen: list[Array] = []
    sample_many(network, [plan, plan], table, [1, 2], (1, 2, 2), lambda _i, _x, x0: seen.append(x0))
    assert asked == [(0.7, 2), (0.5, 4), (0.3, 4), (0.1, 4)]
    # the null class's own answer is 1 and counts 1 - 3 where guidance acts
    assert [float(x0.mean()) for x0 in seen] == [0, -2, -2, -2]


def test_combine() -> None:
    outputs = np.asarray([[1, 2], [10, 20]], dtype=np.float32)
    np.testing.assert_allclose(combine(outputs, (1.5, -0.5)), [-3.5, -7])


def test_a_picture_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    def network(x: Array, t: Array, y: Array) -> Array:
        return np.tanh(x * t[:, None, None, None] + y[:, :1, None, None] - y[:, -1:, None, None])

    table = sampler_table(CosineSchedule(), "ddpm", 5, (0.002, 0.998))
    plans = [conditioning_plan(s, GRADES, 1.5) for s in (0, 1.5, 5)]
    together = sample_many(network, plans, table, [1, 2, 3], (3, 4, 4), chunk=2)
    for i, plan in enumerate(plans):
        np.testing.assert_array_equal(sample(network, plan, table, i + 1, (3, 4, 4)), together[i])


def test_the_first_state_is_the_seeds_noise() -> None:
    seen: list[Array] = []
    table = sampler_table(CosineSchedule(), "ddim", 2, (0.002, 0.998))
    sample(
        lambda x, t, y: x,
        conditioning_plan(0, GRADES),
        table,
        77,
        (3, 4, 4),
        lambda _i, x, _x0: seen.append(x),
    )
    np.testing.assert_array_equal(seen[0][0], normals(77, Purpose.INIT, 0, (3, 4, 4)))


def test_to_uint8() -> None:
    picture = np.asarray([-2, -1, 0, 1, 3], dtype=np.float32).reshape(1, 1, 5).repeat(3, axis=0)
    assert to_uint8(picture)[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    grey = to_uint8(picture[:1])
    assert grey.shape == (1, 5, 3) and (grey == grey[..., :1]).all()
