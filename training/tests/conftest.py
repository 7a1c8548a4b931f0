"""What the tests share: one CPU thread, so that sums have one order, and a configuration that trains in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from odm.config import TrainConfig, parse_config

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "src" / "diffusion" / "golden"

TINY: dict[str, Any] = {
    "data": "phantom",
    "grades": [0, 1, 2, 3, 4],
    "size": 32,
    "phantom_count": 50,
    "patch": 4,
    "channels": [16, 24],
    "blocks": [1, 1],
    "up_blocks": [1],
    "attention": [1],
    "embedding": 16,
    "images": 16,
    "batch": 4,
    "precision": "fp32",
    "log_images": 4,
    "samples_minutes": 0,
    "checkpoint_minutes": 0,
    "ordinal_lambda": 0.05,
    "ordinal_share": 0.5,
}

TINY_GAN: dict[str, Any] = {
    "data": "phantom",
    "grades": [0, 1, 2, 3, 4],
    "size": 32,
    "phantom_count": 50,
    "channels": [8, 8, 8, 4],
    "critic_channels": [8, 8, 8, 4],
    "latent": 8,
    "style": 16,
    "mapping_layers": 2,
    "images": 32,
    "batch": 8,
    "r1_every": 2,
    "path_weight": 1.0,
    "path_every": 2,
    "precision": "fp32",
    "log_images": 8,
    "samples_minutes": 0,
    "checkpoint_minutes": 0,
}


@pytest.fixture
def tiny() -> Callable[..., TrainConfig]:
    """A tiny phantom configuration with some keys replaced."""
    return lambda **changes: parse_config({**TINY, **changes})


def toml(settings: dict[str, Any]) -> str:
    """A flat TOML document."""
    words = {True: "true", False: "false"}
    return "".join(f"{k} = {words[v] if isinstance(v, bool) else repr(v)}\n" for k, v in settings.items())
