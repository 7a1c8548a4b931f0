"""The projected discriminator: its network is the published one and stays as it is, only the heads learn, the class enters."""

from __future__ import annotations

import io
from typing import Any

import efficientnet_lite_pytorch
import numpy as np
import pytest
import torch
from torch import Tensor

from odm.config import GanConfig, parse_settings
from odm.data import BatchSource, load_image_set
from odm.efficientnet import EfficientNetLite, frozen, open_network, stages_of, weights_file
from odm.errors import ConfigError
from odm.gan import GanTrainer
from odm.projected import ProjectedDiscriminator, RandomMixing

from .conftest import TINY_GAN
from .test_resume import assert_same

CPU = torch.device("cpu")
PROJECTED: dict[str, Any] = {
    **TINY_GAN,
    "critic": "projected",
    "critic_side": 64,
    "r1_gamma": 0.02,
    "range_weight": 1,
    "mode_seeking": 0.1,
    "path_weight": 0,
}


def small_network() -> EfficientNetLite:
    """Random weights: what it sees does not matter here."""
    torch.manual_seed(0)
    return EfficientNetLite(stages_of(1.0)).eval()


def pictures(count: int, side: int = 64) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture(scope="module")
def critic() -> ProjectedDiscriminator:
    return ProjectedDiscriminator(small_network(), 64, (pictures(10), torch.eye(5).repeat(2, 1)), 5, seed=3)


@pytest.mark.parametrize(("model", "side"), [("lite0", 224), ("lite1", 240)])
def test_the_network_is_the_published_one(model: Any, side: int) -> None:
    """At the side that each was made for: the published code pads every picture as one of that side."""
    reference = efficientnet_lite_pytorch.EfficientNet.from_pretrained(
        f"efficientnet-{model}", weights_path=str(weights_file(model))
    ).eval()
    x = pictures(2, side)
    with torch.no_grad():
        want = reference.extract_features(x * (127.5 / 128) + 0.5 / 128).mean((2, 3))
        torch.testing.assert_close(open_network(model)(x), want, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(frozen(open_network(model))(x), want, atol=1e-4, rtol=1e-3)


def test_grids_halve_from_half_the_side() -> None:
    with torch.no_grad():
        grids = small_network().grids(pictures(1))
    assert [tuple(g.shape[1:]) for g in grids] == [(16, 32, 32), (24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]


def test_mixing_keeps_the_variance_and_hands_the_small_grids_to_the_large() -> None:
    g = torch.Generator().manual_seed(2)
    grids = [torch.randn(8, c, s, s, generator=g) for c, s in ((16, 32), (24, 16), (40, 8))]
    mixing = RandomMixing([16, 24, 40], [64, 64, 64], seed=0)
    out = mixing(grids)
    assert [tuple(m.shape) for m in out] == [(8, 64, 32, 32), (8, 64, 16, 16), (8, 64, 8, 8)]
    assert all(0.4 < float(m.var()) < 1.3 for m in out)
    changed = mixing([grids[0], grids[1], grids[2] + 1])
    assert not any(torch.equal(a, b) for a, b in zip(out, changed))
    upper = mixing([grids[0] + 1, *grids[1:]])
    assert [torch.equal(a, b) for a, b in zip(out, upper)] == [False, True, True]
    assert torch.equal(RandomMixing([16, 24, 40], [64, 64, 64], seed=0)(grids)[0], out[0])


def test_only_the_heads_learn_and_pictures_get_a_gradient(critic: ProjectedDiscriminator) -> None:
    names = [n for n, _ in critic.named_parameters()]
    assert names
    assert all(n.startswith("heads.") for n in names)
    assert not any("stem" in n or "blocks" in n for n in critic.state_dict())
    x = pictures(4).requires_grad_(True)
    logits = critic(x, torch.eye(5)[:4])
    assert logits.shape == (4, 5)
    assert [m.shape[-1] for m in critic.layouts(critic.look(x))] == [8, 4]
    logits.sum().backward()
    assert x.grad is not None
    assert bool((x.grad.abs().sum(dim=(1, 2, 3)) > 0).all())
    assert all(p.grad is not None for p in critic.parameters())


def test_the_class_enters_as_much_as_it_is_given(critic: ProjectedDiscriminator) -> None:
    x = pictures(4)
    a, b = torch.eye(5)[[0, 1, 2, 3]], torch.eye(5)[[3, 2, 1, 0]]
    critic.eval()  # spectral norms go on with every call while training
    with torch.no_grad():
        critic.given = 0.0
        without = critic(x, a)
        torch.testing.assert_close(without, critic(x, b))
        critic.given = 0.5
        half = critic(x, a)
        critic.given = 1.0
        whole = critic(x, a)
    torch.testing.assert_close(half, (without + whole) / 2)
    assert not torch.allclose(whole, without)


def test_scales_are_those_of_the_examples() -> None:
    x, y = pictures(10), torch.eye(5).repeat(2, 1)
    critic = ProjectedDiscriminator(open_network("lite1"), 64, (x, y), 5, seed=3).eval()
    with torch.no_grad():
        grids = critic._standard(critic._network[0].grids(x))
        logits = critic(x, y)
    for g in grids:
        assert float(g.mean()) == pytest.approx(0, abs=1e-3)
        assert float(g.var()) == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(logits.std(dim=0), torch.ones(5), atol=1e-3, rtol=0)


def test_the_penalty_of_linear_heads_is_their_slope() -> None:
    critic = ProjectedDiscriminator(small_network(), 64, (pictures(4), torch.eye(5)[:4]), 5, seed=3)
    x, y = pictures(4), torch.eye(5)[:4]
    slopes = [torch.full_like(m[0], 0.1 * (k + 1)).requires_grad_(True) for k, m in enumerate(critic.look(x))]

    class Linear(torch.nn.Module):
        def __init__(self, slope: Tensor) -> None:
            super().__init__()
            self.slope = slope

        def forward(self, h: Tensor, y: Tensor, given: float) -> Tensor:
            return (h * self.slope).sum(dim=(1, 2, 3)).unsqueeze(1)

    critic.heads = torch.nn.ModuleList(map(Linear, slopes))
    got = critic.penalty(x, y)
    # the logit moves by slope * size if all of the grid moves by one, and so does it along the gradient
    want = sum((0.1 * (k + 1) * s.numel()) ** 2 for k, s in enumerate(slopes)) / len(slopes)
    assert float(got.detach()) == pytest.approx(want, rel=1e-4)
    got.backward()  # type: ignore[no-untyped-call]
    assert all(s.grad is not None for s in slopes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"range_weight": -1}, "range_weight"),
        ({"critic_side": 48}, "multiple of 32"),
        ({"critic_side": 32}, "64 pixels"),
        ({"critic": "stylegan2"}, "critic_side is for"),
    ],
)
def test_settings_that_do_not_go_together(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_settings(GanConfig, {**PROJECTED, **change})


def test_a_run_is_exact_to_resume() -> None:
    config = parse_settings(GanConfig, {**PROJECTED, "critic_learning_rate": 2e-4})
    images = load_image_set(config, None)
    whole = GanTrainer(config, BatchSource(images, config, CPU), CPU)
    rates = [o.param_groups[0]["lr"] for o in (whole.optimizer_g, whole.optimizer_d)]
    # a regulariser every second step leaves two thirds of the rate to the other steps
    assert rates == pytest.approx([config.learning_rate, 2e-4 * 2 / 3])
    before = whole.generator.constant.detach().clone()
    whole.advance()
    buffer = io.BytesIO()
    torch.save(whole.state(), buffer)
    figures = whole.advance()
    assert bool(torch.isfinite(figures).all())
    assert not torch.equal(whole.generator.constant, before)
    other = GanTrainer(config, BatchSource(images, config, CPU), CPU)
    buffer.seek(0)
    other.load(torch.load(buffer, weights_only=True))
    assert other.held_out_sign(images) is not None  # looking changes nothing
    other.advance()
    assert_same(other.state(), whole.state())
    assert np.array_equal(other.sheet(2), whole.sheet(2))
