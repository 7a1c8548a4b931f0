"""A StyleGAN2 run: exact to resume, stopped by the clock or a signal with everything kept, and it learns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from odm.__main__ import main
from odm.checkpoint import LATEST, read_checkpoint, save_checkpoint
from odm.config import GanConfig, parse_settings
from odm.data import BatchSource, load_image_set, to_float
from odm.errors import CheckpointError, ConfigError
from odm.gan import GanTrainer, ema_decay, latents, layout, load_generator, mode_seeking_loss
from odm.noise import Purpose, normals

from .conftest import TINY_GAN, toml
from .test_resume import assert_same

PACKAGE = Path(__file__).resolve().parents[1]
CPU = torch.device("cpu")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiny-gan.toml"
    path.write_text(toml({**TINY_GAN, "images": 1_000_000}), encoding="utf-8")
    return path


def settings(**changes: Any) -> GanConfig:
    return parse_settings(GanConfig, {**TINY_GAN, **changes})


def test_killed_and_resumed_is_the_same_as_never_killed(tmp_path: Path, config: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-m", "odm", "train-gan", str(config), "--out", str(killed), "--threads", "1", "--quiet"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(PACKAGE), "OMP_NUM_THREADS": "1"})
    log, limit = killed / "log.jsonl", time.monotonic() + 120
    while not (log.exists() and len(log.read_text().splitlines()) >= 5):
        assert process.poll() is None
        assert time.monotonic() < limit, "the run did not start"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    state = read_checkpoint(killed / LATEST) if (killed / LATEST).exists() else read_checkpoint(killed / "previous.pt")
    assert state["step"] >= 3
    common = ["train-gan", str(config), "--images", str((state["step"] + 5) * 8), "--threads", "1", "--quiet", "--out"]
    assert main([*common, str(killed), "--resume"]) == 0
    assert main([*common, str(whole)]) == 0
    resumed, straight = read_checkpoint(killed / LATEST), read_checkpoint(whole / LATEST)
    assert straight["step"] == state["step"] + 5
    assert_same(resumed, straight)
    assert not torch.equal(resumed["ema"]["constant"], state["ema"]["constant"])


def test_the_clock_and_a_signal_end_a_run_with_everything_kept(tmp_path: Path, config: Path) -> None:
    assert main(["train-gan", str(config), "--out", str(tmp_path / "timed"), "--minutes", "0.02", "--quiet"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "timed" / "log.jsonl").read_text().splitlines()]
    state = read_checkpoint(tmp_path / "timed" / LATEST)
    assert state["step"] > 0
    assert {"loss_g", "loss_d", "real_sign", "fake_sign", "images_per_second"} <= set(lines[0])
    assert -1 <= lines[-1]["held_out_sign"] <= 1
    sheets = list((tmp_path / "timed" / "samples").glob("*.png"))
    assert [int(p.stem) for p in sheets] == [state["step"] * 8]
    with Image.open(sheets[0]) as sheet:
        assert sheet.size == (8 * 32, 5 * 32)


def test_another_configuration_or_kind_is_refused(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    command = ["train-gan", str(config), "--quiet", "--out", str(run), "--images"]
    assert main([*command, "8"]) == 0
    config.write_text(config.read_text().replace("style = 16", "style = 32"), encoding="utf-8")
    assert main([*command, "16", "--resume"]) == 1
    assert "another configuration: style" in capsys.readouterr().err
    save_checkpoint(run, {"step": 1, "config": {}})
    assert main([*command, "16", "--resume"]) == 1
    assert "not of a StyleGAN2 run" in capsys.readouterr().err
    with pytest.raises(CheckpointError, match="not of a StyleGAN2 run"):
        load_generator(run / LATEST)


def test_latents_are_the_browsers() -> None:
    z = latents([3, 4], 8)
    assert z.shape == (2, 8)
    assert np.array_equal(z[1], normals(4, Purpose.LATENT, 0, 8))


def test_the_moving_average_follows_its_half_life() -> None:
    c = settings(ema_halflife_images=1000, ema_rampup=0.1)
    assert ema_decay(c, 1_000_000) ** (1000 / c.batch) == pytest.approx(0.5)
    assert ema_decay(c, 100) < ema_decay(c, 1000) < ema_decay(c, 1_000_000)


def test_it_learns_the_mean_picture_of_the_phantom() -> None:
    """A few steps bring the mean of what is drawn most of the way to that of the data: a disc on a dark ground."""
    config = settings(diff_augment=0.0, path_weight=0.0, learning_rate=0.004, ema_halflife_images=100)
    images = load_image_set(config, None)
    trainer = GanTrainer(config, BatchSource(images, config, CPU), CPU)
    want = to_float(images.images).mean(axis=0)

    def distance() -> float:
        z = torch.from_numpy(latents(list(range(40)), config.latent))
        y = torch.eye(5)[torch.arange(40) % 5]
        with torch.no_grad():
            mean = trainer.ema(z, y).clamp(-1, 1).mean(dim=0).numpy()
        return float(np.sqrt(np.square(mean - want).mean()))

    before = distance()
    for _ in range(200):
        figures = trainer.advance()
    assert torch.isfinite(figures).all()
    assert distance() < before / 2


def test_the_class_enters_late_and_little_by_little() -> None:
    config = settings(class_from=24, class_until=40)
    assert [config.class_given(n) for n in (0, 24, 32, 40, 80)] == [0, 0, 0.5, 1, 1]
    assert settings().class_given(0) == 1
    at_once = settings(class_from=24, class_until=24)
    assert [at_once.class_given(n) for n in (0, 16, 24, 32)] == [0, 0, 1, 1]
    with pytest.raises(ConfigError, match="class_from"):
        settings(class_from=2, class_until=1)
    trainer = GanTrainer(config, BatchSource(load_image_set(config, None), config, CPU), CPU)
    z = torch.from_numpy(latents([1, 1], config.latent))
    picture, y = torch.rand(1, 3, 32, 32).expand(4, -1, -1, -1), torch.eye(5)[:4]

    def differ() -> tuple[bool, bool]:
        with torch.no_grad():
            drawn, logits = trainer.ema(z, y[:2]), trainer.discriminator(picture, y)
        return not torch.equal(drawn[0], drawn[1]), not torch.equal(logits[0], logits[1])

    assert differ() == (False, False)
    for _ in range(4):
        trainer.advance()
    assert trainer.images == 32
    assert differ() == (True, True)
    again = GanTrainer(config, trainer.source, CPU)
    again.load(trainer.state())
    assert again.ema.mapping.given == again.discriminator.given == 0.5


def test_mode_seeking_asks_for_layouts_not_for_hues() -> None:
    random = torch.Generator().manual_seed(5)
    pictures = torch.rand(4, 3, 32, 32, generator=random) * 2 - 1
    z = torch.randn(4, 6, generator=random)
    # by its definition, in numpy: 2x2 means of the brightness, each picture less its own
    small = pictures.numpy().mean(axis=1).reshape(4, 16, 2, 16, 2).mean(axis=(2, 4))
    small = small - small.mean(axis=(1, 2), keepdims=True)
    want = np.abs((z[:2] - z[2:]).numpy()).mean() / np.abs(small[:2] - small[2:]).mean()
    assert mode_seeking_loss([layout(pictures)], z).item() == pytest.approx(float(want), rel=1e-3)
    hues = pictures + torch.tensor([-0.4, -0.1, 0.2, 0.5]).view(4, 1, 1, 1)
    assert mode_seeking_loss([layout(hues)], z).item() == pytest.approx(float(want), rel=1e-3)
    # colours that differ from place to place, of the same brightness, are no layout either
    patches = torch.rand(4, 1, 32, 32, generator=random) * torch.tensor([0.5, -0.2, -0.3]).view(1, 3, 1, 1)
    assert mode_seeking_loss([layout(pictures + patches)], z).item() == pytest.approx(float(want), rel=1e-3)
    alike = torch.cat([pictures[:2], pictures[:2] * 0.9])
    # of several grids, the mean distance counts
    both = [pictures, 3 * pictures]
    mean = 2 * (pictures[:2] - pictures[2:]).abs().mean()
    want = (z[:2] - z[2:]).abs().mean() / mean
    assert mode_seeking_loss(both, z).item() == pytest.approx(float(want), rel=1e-3)
    assert mode_seeking_loss([layout(alike)], z) > mode_seeking_loss([layout(pictures)], z)


def test_mode_seeking_makes_pictures_of_a_class_differ() -> None:
    def spread(weight: float) -> float:
        config = settings(
            mode_seeking=weight, diff_augment=0.0, path_weight=0.0, learning_rate=0.004, ema_halflife_images=100
        )
        trainer = GanTrainer(config, BatchSource(load_image_set(config, None), config, CPU), CPU)
        for _ in range(100):
            trainer.advance()
        with torch.no_grad():
            drawn = trainer.ema(torch.from_numpy(latents(list(range(16)), config.latent)), torch.eye(5)[[2] * 16])
        return float((drawn - drawn.mean(dim=(2, 3), keepdim=True)).std(dim=0).mean())

    assert spread(1.0) > 1.5 * spread(0.0)
    with pytest.raises(ConfigError, match="mode_seeking"):
        settings(mode_seeking=-0.1)


def test_mode_seeking_can_fade() -> None:
    config = settings(mode_seeking=0.3, mode_seeking_halflife=1_000)
    assert [config.mode_seeking_after(n) for n in (0, 1_000, 3_000)] == pytest.approx([0.3, 0.15, 0.0375])
    assert settings(mode_seeking=0.3).mode_seeking_after(10**6) == 0.3
    with pytest.raises(ConfigError, match="halflife"):
        settings(mode_seeking=0.3, mode_seeking_halflife=-1)
