"""Augmentation: zeros change nothing, parameters do what they say, and the network is told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from odm.augment import AUGMENTATION_COLUMNS, augment, draw_augmentation
from odm.config import TrainConfig
from odm.data import BatchSource, load_image_set
from odm.losses import anchor_loss, ordinal_loss
from odm.network import Denoiser
from odm.train import draw_times

Tiny = Callable[..., TrainConfig]


def told(**columns: float) -> torch.Tensor:
    names = ["scale", "sin", "cos", "right", "down", "brightness", "contrast", "hue_sin", "hue_cos", "saturation"]
    assert len(names) == AUGMENTATION_COLUMNS
    return torch.tensor([[columns.get(n, 0.0) for n in names]])


@pytest.fixture
def picture() -> torch.Tensor:
    x = torch.full((1, 3, 32, 32), -0.5)
    x[:, 0, 12:20, 4:8] = 0.5
    return x


def test_zeros_change_nothing(picture: torch.Tensor) -> None:
    assert augment(picture, told()).equal(picture)


def test_a_shift_moves_the_picture(picture: torch.Tensor) -> None:
    moved = augment(picture, told(right=0.25, down=0.125))  # of half a side: 4 pixels right, 2 down
    torch.testing.assert_close(moved[:, :, 4:28, 6:28], picture[:, :, 2:26, 2:24])


def test_a_quarter_turn_is_a_rotation(picture: torch.Tensor) -> None:
    turned = augment(picture, told(sin=1.0, cos=-1.0))
    # the shape's pixels after the turn are those of the array turned by 90 degrees, one way or the other
    both = [torch.rot90(picture, k, (2, 3)) for k in (1, -1)]
    assert min(float((turned - b).abs().max()) for b in both) < 1e-4


def test_colour_changes(picture: torch.Tensor) -> None:
    assert augment(picture, told(brightness=0.1))[0, 1, 0, 0].item() == pytest.approx(-0.4)
    grey = augment(picture, told(saturation=-30.0))
    torch.testing.assert_close(grey[:, 0], grey[:, 1])
    # a turn of the hue keeps the mean of the channels
    torch.testing.assert_close(augment(picture, told(hue_sin=0.2, hue_cos=-0.02)).mean(1), picture.mean(1))


def test_how_often_and_what_is_told() -> None:
    a = draw_augmentation(np.random.default_rng(0), 4000, 0.12)
    assert a.shape == (4000, AUGMENTATION_COLUMNS)
    assert np.mean(a[:, 5] != 0) == pytest.approx(0.12, abs=0.02)
    assert np.mean((a == 0).all(1)) == pytest.approx(0.88**7, abs=0.03)


def test_batches_and_the_network_take_it(tiny: Tiny) -> None:
    config = tiny(augment=0.5, batch=8)
    batch = BatchSource(load_image_set(config, None), config).batch(0)
    assert batch.augmentation is not None
    assert batch.x0.abs().max() <= 1
    model = Denoiser(config.network()).eval()
    x, t, y = batch.x0, torch.full((8,), 0.5), torch.zeros(8, 6)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.01)
        plain = model(x, t, y)
        assert model(x, t, y, torch.zeros(8, AUGMENTATION_COLUMNS)).equal(plain)
        assert not model(x, t, y, torch.ones(8, AUGMENTATION_COLUMNS)).equal(plain)


def test_times_near_zero(tiny: Tiny) -> None:
    config = tiny(low_noise_share=0.5, low_noise_range=[0.01, 0.1], uniform_share=0.0, log_sigma_mean=2.0, log_sigma_std=0.1)  # fmt: skip
    t = draw_times(np.random.default_rng(0), 4000, config).numpy()
    low = t[t < 0.2]
    assert len(low) == pytest.approx(2000, abs=150)
    assert np.median(np.log(low)) == pytest.approx(np.log(0.0316), abs=0.1)


def test_only_the_middle_estimate_moves() -> None:
    p, q, r = (torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(k)).requires_grad_() for k in range(3))
    half = torch.full((2,), 0.7)
    ordinal_loss(p, q, r, half, half, "slack", "constant", "middle")[0].backward()
    assert p.grad is None and r.grad is None and q.grad is not None


def test_the_anchor_is_zero_at_the_trunks_distances() -> None:
    p, r = torch.randn(2, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert anchor_loss(p + 1, r + 1, p, r).item() == pytest.approx(0, abs=1e-6)
    assert anchor_loss(2 * p, 2 * r, p, r).item() == pytest.approx(np.log(2) ** 2, rel=1e-4)
    assert anchor_loss(p / 2, r / 2, p, r).item() == pytest.approx(np.log(2) ** 2, rel=1e-4)
