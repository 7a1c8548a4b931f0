"""The geometry of estimates and the readings of the ordinal loss."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from odm.losses import anchor_loss, best_line, line_loss, noise_loss, ordinal_loss, rms_distance, time_weight, triple
from odm.schedule import alpha_sigma, noise_loss_weight, precondition

T = torch.tensor([0.3, 0.7])
ALPHA, SIGMA = alpha_sigma(T)


def line(*positions: float) -> list[Tensor]:
    """Estimates [2, 3, 4, 4] at positions along one direction."""
    direction = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return [p * direction for p in positions]


def test_rms_distance_is_the_norm_over_the_root_of_the_size() -> None:
    a, b = line(0, 1)
    want = b.flatten(1).norm(dim=1) / 48**0.5
    torch.testing.assert_close(rms_distance(a, b), want)


def test_on_a_straight_ordered_line_slack_is_zero() -> None:
    g = triple(*line(0, 0.4, 1))
    torch.testing.assert_close(g.slack, torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(g.cosine, torch.ones(2))
    assert g.ordered.all()


def test_out_of_order_and_off_the_line() -> None:
    g = triple(*line(0, 2, 1))
    torch.testing.assert_close(g.slack, torch.full((2,), 2.0))
    torch.testing.assert_close(g.cosine, -torch.ones(2))
    assert not g.ordered.any()
    a, _, c = line(0, 0.5, 1)
    bent = 0.5 * c + torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    assert (triple(a, bent, c).slack > 0.1).all()


@pytest.mark.parametrize("reading", ["slack", "absolute", "hinge", "cosine"])
def test_every_reading_is_zero_on_the_line_and_positive_off_it(reading: str) -> None:
    good, _ = ordinal_loss(*line(0, 0.5, 1), ALPHA, SIGMA, reading, "constant")  # type: ignore[arg-type]
    bad, _ = ordinal_loss(*line(0, 2, 1), ALPHA, SIGMA, reading, "constant")  # type: ignore[arg-type]
    assert abs(float(good)) < 1e-5
    assert float(bad) > 0.1


def test_a_collapse_gains_nothing_and_has_finite_gradients() -> None:
    near, _ = ordinal_loss(*line(0, 2e-3, 1e-3), ALPHA, SIGMA, "slack", "constant")
    far, _ = ordinal_loss(*line(0, 2, 1), ALPHA, SIGMA, "slack", "constant")
    assert float(near) == pytest.approx(float(far), rel=1e-2)
    same = torch.zeros(2, 3, 4, 4, requires_grad=True)
    loss, _ = ordinal_loss(same, same * 1.0, same * 1.0, ALPHA, SIGMA, "slack", "constant")
    loss.backward()
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()


def test_distances_are_those_of_the_noise_estimates() -> None:
    x0 = line(0.1, 0.5, 1)
    x_t = torch.randn(2, 3, 4, 4)
    alpha, sigma = ALPHA.view(-1, 1, 1, 1), SIGMA.view(-1, 1, 1, 1)
    noises = [(x_t - alpha * x) / sigma for x in x0]
    _, g = ordinal_loss(*x0, ALPHA, SIGMA, "slack", "constant")
    torch.testing.assert_close(g.pr, rms_distance(noises[0], noises[2]), rtol=1e-4, atol=1e-5)


def test_time_weights() -> None:
    alpha, sigma = alpha_sigma(torch.tensor([0.0, 0.5, 1.0]))
    for kind, want in (
        ("constant", [1, 1, 1]),
        ("snr", [1, 0.5, 0]),
        ("late", [0, 0.5, 1]),
        ("latest", [0, 0.25, 1]),
        ("gated", [0, 1, 1]),
        ("early", [1, 0.25, 0]),
    ):
        torch.testing.assert_close(time_weight(kind, alpha, sigma), torch.tensor(want, dtype=torch.float32), atol=1e-6, rtol=0)  # type: ignore[arg-type]  # fmt: skip


def test_the_gate_is_open_from_a_third_on_and_shut_at_low_noise() -> None:
    alpha, sigma = alpha_sigma(torch.tensor([0.02, 0.1, 0.2, 0.3, 0.6]))
    low, faint, half, *high = time_weight("gated", alpha, sigma).tolist()
    assert (low < 1e-3, faint < 0.02, 0.1 < half < 0.5, high == [1.0, 1.0]) == (True, True, True, True)


def test_the_anchor_has_play() -> None:
    p, r = torch.zeros(3, 8), torch.ones(3, 8)
    for factor, free in ((1.0, True), (1.25, True), (0.8, True), (1.4, False), (0.7, False)):
        loss = anchor_loss(p, r * factor, p, r, play=1.3).item()
        assert (loss < 1e-10) == free, factor
    assert anchor_loss(p, r * 2, p, r).item() == pytest.approx(math.log(2) ** 2, rel=1e-5)


def test_the_best_line_is_that_of_least_squares() -> None:
    values = (0.0, 1.0, 2.5, 4.0)
    estimates = torch.randn(4, 2, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    found = best_line(estimates, values)
    for pixel in range(2 * 48):
        heights = estimates.reshape(4, -1)[:, pixel].double().numpy()
        want = np.polyval(np.polyfit(values, heights, 1), values)
        np.testing.assert_allclose(found.reshape(4, -1)[:, pixel].numpy(), want, atol=1e-5)
    # straight, in order, and where the line already is, it stays
    torch.testing.assert_close(triple(found[0], found[1], found[3]).slack, torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(best_line(found, values), found, atol=1e-5, rtol=1e-5)


def test_the_line_loss_is_a_share_of_the_lines_length() -> None:
    places = torch.stack(line(0, 0.5, 1))
    outer = (places[2] - places[0]).flatten(1).square().mean(1)
    weight = torch.tensor([1.0, 0.0])
    assert line_loss(places, places, outer, weight).item() == 0
    off = places.clone()
    off[1] += places[2] - places[0]  # one of three, by the line's whole length: 1/3; half of the pictures do not count
    assert line_loss(off, places, outer, weight).item() == pytest.approx(1 / 6, rel=1e-5)
    # doubling everything changes nothing: a share, in x0 as in noise space
    assert line_loss(2 * off, 2 * places, 4 * outer, weight).item() == pytest.approx(1 / 6, rel=1e-5)


def test_preconditioning_makes_the_loss_that_of_the_bare_network() -> None:
    c_in, c_skip, c_out = precondition(ALPHA, SIGMA)
    torch.testing.assert_close(noise_loss_weight(ALPHA, SIGMA), 1 / c_out**2)
    # at sigma = 0 the input is the picture: nothing is added to it
    _, skip, out = precondition(torch.tensor(1.0), torch.tensor(1e-6))
    assert float(skip) == pytest.approx(1)
    assert float(out) < 1e-5
    assert (c_in > 0).all()
    assert (c_skip > 0).all()
    x0 = torch.zeros(2, 3, 4, 4)
    assert float(noise_loss(x0, x0, ALPHA, SIGMA)) == 0
