"""Grades that enter the network on a line, and the loss that keeps estimates to the trunk's line."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from odm.config import parse_config
from odm.data import BatchSource, load_image_set
from odm.errors import ConfigError
from odm.losses import triple
from odm.network import Denoiser, hat_matrix
from odm.train import TrainStep, draw_triples, learning_rate

from .conftest import TINY

VALUES = [0, 1, 2.5, 4]
T = torch.tensor([0.05, 0.5, 0.9])


def pair(values: list[float] = VALUES) -> tuple[Denoiser, Denoiser]:
    """A network with free grades, and one of the same weights with its grades on a line."""
    torch.manual_seed(5)
    plain = parse_config({**TINY, "grades": values, "ordinal_lambda": 0})
    free, line = (Denoiser(dataclasses.replace(plain, grade_line=on).network()).eval() for on in (False, True))
    with torch.no_grad():
        for p in free.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    line.load_state_dict(free.state_dict())  # the same parameters under the same names
    return free, line


def rows(*indices: int, classes: int = len(VALUES)) -> Tensor:
    return F.one_hot(torch.tensor(indices), classes + 1).float()


def test_the_hat_matrix_is_least_squares() -> None:
    heights = np.random.default_rng(0).normal(size=4)
    want = np.polyval(np.polyfit(VALUES, heights, 1), VALUES)
    np.testing.assert_allclose(hat_matrix(VALUES).numpy() @ heights, want, atol=1e-6)


@torch.no_grad()
def test_what_the_layers_are_given_is_linear_in_the_severity() -> None:
    free, line = pair()
    given = torch.stack([line.embed(T, rows(k, k, k)) for k in range(4)])  # [C, B, embedding]
    slopes = (given[1:] - given[:-1]) / torch.tensor(VALUES).diff().view(-1, 1, 1)
    torch.testing.assert_close(slopes, slopes[:1].expand_as(slopes), atol=1e-5, rtol=1e-4)
    # it is the best line through what the free network's layers are given, and mixtures of grades lie on it
    own = torch.stack([free.embed(T, rows(k, k, k)) for k in range(4)])
    torch.testing.assert_close(given.mean(0), own.mean(0), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(given, torch.einsum("kj,jbe->kbe", hat_matrix(VALUES), own), atol=1e-5, rtol=1e-5)
    mixed = line.embed(T, (0.25 * rows(1) + 0.75 * rows(2)).expand(3, -1))
    torch.testing.assert_close(mixed, 0.25 * given[1] + 0.75 * given[2], atol=1e-5, rtol=1e-5)
    # the null class is no grade: it stays where it is
    null = rows(4, 4, 4)
    torch.testing.assert_close(line.embed(T, null), free.embed(T, null), atol=1e-6, rtol=1e-6)


@torch.no_grad()
def test_a_stretched_line_has_the_same_middle_and_direction() -> None:
    free, line = pair()
    config = dataclasses.replace(line.config, line_stretch=1.5)
    wide = Denoiser(config).eval()
    wide.load_state_dict(free.state_dict())
    given, stretched = (torch.stack([m.embed(T, rows(k, k, k)) for k in range(4)]) for m in (line, wide))
    torch.testing.assert_close(stretched.mean(0), given.mean(0), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(stretched - stretched.mean(0), 1.5 * (given - given.mean(0)), atol=1e-5, rtol=1e-4)
    for wrong in ({"grade_line_stretch": 1.5}, {"grade_line": True, "grade_line_stretch": 0.0}):
        with pytest.raises(ConfigError, match="grade_line_stretch"):
            parse_config({**TINY, **wrong})


@torch.no_grad()
def test_the_estimates_come_nearer_to_a_line() -> None:
    free, line = pair([0, 1, 2, 3, 4])
    for p in (free.grade.weight, line.grade.weight):
        p.mul_(0.5)
    x = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))

    def straightness(model: Denoiser) -> float:
        e = [model(x, T, rows(k, k, k, classes=5)) for k in range(5)]
        found = [triple(e[p], e[q], e[r]).straightness.mean() for p, q, r in combinations(range(5), 3)]
        return float(torch.stack(found).mean())

    assert straightness(line) > 0.97 > 0.8 > straightness(free)


def test_an_additive_embedding_is_a_line_of_its_own_kind() -> None:
    with pytest.raises(ConfigError, match="exclude"):
        parse_config({**TINY, "grade_line": True, "ordinal_embedding": True})


def step_for(**changes: object) -> TrainStep:
    config = parse_config(
        {
            **TINY,
            "ordinal_anchor": 1.0,
            "ordinal_anchor_to": "line",
            "init_from": "a trunk",
            "ordinal_share": 1.0,
            **changes,
        }
    )
    source = BatchSource(load_image_set(config, None), config, torch.device("cpu"))
    return TrainStep(config, source, 0, 1, torch.device("cpu"))


def test_a_pool_brings_the_same_pictures_and_its_lines_are_computed_once() -> None:
    step = step_for(ordinal_pool=2)
    seen: list[int] = []
    torch.manual_seed(0)
    model = Denoiser(step.config.network())
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.1)

    class Counted(torch.nn.Module):
        def forward(self, *given: Tensor) -> Tensor:
            seen.append(len(given[0]))
            return model(*given)  # type: ignore[no-any-return]

    step.anchor = Counted()
    anchors = [float(step.loss(model, k)[1]["anchor"]) for k in range(6)]
    assert seen == [5 * 4, 5 * 4]  # every grade of four pictures, once a place in the pool
    assert all(a > 0 for a in anchors)
    # a cached line is the line: the same figure as without the memory
    fresh = step_for(ordinal_pool=2)
    fresh.anchor = model
    assert float(fresh.loss(model, 5)[1]["anchor"]) == pytest.approx(anchors[5], rel=1e-6)
    # without a pool the pictures are the step's own
    free = step_for()
    free.anchor = model
    assert float(free.loss(model, 1)[1]["anchor"]) == pytest.approx(anchors[1], rel=1e-6)
    assert float(free.loss(model, 5)[1]["anchor"]) != pytest.approx(anchors[5], rel=1e-3)


def test_a_networks_own_line_costs_nothing() -> None:
    """With grades on a line that nothing bends, the anchor is that network itself."""
    step = step_for(grade_line=True)
    model = Denoiser(step.config.network())  # its output layers are zero: all grades' estimates are one
    with torch.no_grad():
        model.linear.weight.normal_(std=0.1)
        model.linear_gain.weight.normal_(std=0.1)
    step.anchor = model
    assert float(step.loss(model, 0)[1]["anchor"]) < 1e-6


def test_a_fresh_optimiser_warms_up() -> None:
    config = parse_config({**TINY, "warmup_images": 8, "learning_rate": 1e-3})
    assert [learning_rate(config, n) for n in (0, 4, 8, 100)] == [5e-4, 1e-3, 1e-3, 1e-3]


def test_a_learning_rate_that_decays_ends_at_nothing() -> None:
    config = parse_config({**TINY, "warmup_images": 8, "learning_rate": 1e-3, "images": 100, "decay_images": 40})
    rates = [learning_rate(config, n) for n in (0, 56, 60, 80, 96, 100)]
    assert rates == pytest.approx([5e-4, 1e-3, 1e-3, 5e-4, 1e-4, 0])
    # a fresh optimiser that begins in the decay warms up, but not above it
    assert learning_rate(config, 80, began_at=80) == pytest.approx(5e-4)
    with pytest.raises(ConfigError, match="decay_images"):
        parse_config({**TINY, "images": 16, "decay_images": 17})


def test_triples_are_three_grades_in_order() -> None:
    triples = draw_triples(np.random.default_rng(3), 2000, 5).numpy()
    assert (np.diff(triples, axis=1) > 0).all()
    assert triples.min() == 0
    assert triples.max() == 4
    # all ten of them, equally often
    _, counts = np.unique(triples, axis=0, return_counts=True)
    assert len(counts) == 10
    assert counts.min() > 140
    assert not draw_triples(np.random.default_rng(3), 4, 2).any()
