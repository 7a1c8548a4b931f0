"""A configuration file with anything wrong in it is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odm.config import GanConfig, TrainConfig, load_config, load_settings, parse_config, parse_settings
from odm.errors import ConfigError

from .conftest import TINY, TINY_GAN, toml

FILES = sorted((Path(__file__).resolve().parents[1] / "configs").glob("*.toml"))
CONFIGS = [p for p in FILES if not p.stem.endswith("-ablation")]  # test_ablation.py reads those


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_shipped_configurations_are_valid(path: Path) -> None:
    load_settings(GanConfig if path.stem.endswith("stylegan2") else TrainConfig, path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learnig_rate": 1e-3}, "unknown key: learnig_rate"),
        ({"batch": "16"}, "batch: int is needed"),
        ({"batch": 16.5}, "batch: int is needed"),
        ({"batch": True}, "batch: int is needed"),
        ({"learning_rate": "fast"}, "learning_rate: float is needed"),
        ({"ordinal_embedding": 1}, "ordinal_embedding: bool is needed"),
        ({"grades": 3}, "grades: a list is needed"),
        ({"grades": [0, "1"]}, r"grades\[1\]"),
        ({"grades": [1, 0]}, "grades must rise"),
        ({"grades": [0, 1]}, "at least three grades"),
        ({"data": "folder"}, "data: 'folder' is not one of"),
        ({"ordinal_reading": "triangle"}, "ordinal_reading"),
        ({"channels": [16, 30]}, "multiples of 4"),
        ({"blocks": [1]}, "one number per level"),
        ({"size": 30}, "divisible"),
        ({"t_range": [0.0, 1.0]}, "t_range"),
    ],
)
def test_wrong_settings(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config({**TINY, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch": 2}, "unknown key: patch"),
        ({"batch": 6}, "batch must be a multiple of 4"),
        ({"grades": [1, 0]}, "grades must rise"),
        ({"size": 64}, "one level per number of channels"),
        ({"critic_channels": [8, 8]}, "as many numbers as channels"),
        ({"latent": 6}, "multiples of 4"),
        ({"diff_augment": 2}, r"diff_augment must lie in \[0, 1\]"),
        ({"augment": 0.1}, "augment must be 0"),
        ({"r1_every": 0}, "r1_every"),
        ({"precision": "fp16"}, "precision"),
    ],
)
def test_wrong_settings_of_a_gan(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_settings(GanConfig, {**TINY_GAN, **change})


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match="missing key: size"):
        parse_config({k: v for k, v in TINY.items() if k != "size"})


def test_errors_of_a_file_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    with pytest.raises(ConfigError, match=r"run\.toml: there is no such file"):
        load_config(path)
    path.write_text("batch = ", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"run\.toml"):
        load_config(path)
    path.write_text(toml({**TINY, "colour": "red"}), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"run\.toml: unknown key: colour"):
        load_config(path)


def test_a_file_reads_as_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(toml(TINY), encoding="utf-8")
    assert load_config(path) == parse_config(TINY)
    assert load_config(path, images=64).images == 64
    assert load_config(path).learning_rate == pytest.approx(3e-4)
