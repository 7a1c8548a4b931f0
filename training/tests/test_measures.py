"""What is measured of a model: PSNR by t and the order of the grades, on models whose answers are known; throughput."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from odm.__main__ import main
from odm.bench import bench
from odm.config import TrainConfig
from odm.data import ImageSet, load_image_set
from odm.schedule import alpha_sigma, noise_loss_weight
from odm.train import draw_times
from odm.validate import ORDER_TIMES, PSNR_TIMES, denoiser_psnr, held_out_noise_loss, ordinality, training_times

from .conftest import TINY, toml

Tiny = Callable[..., TrainConfig]
CPU = torch.device("cpu")


def test_psnr_of_a_constant_error(tiny: Tiny) -> None:
    images = load_image_set(tiny(), None)

    def off_by_a_tenth(x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        # the pictures cannot be seen through the noise, so the model here is given them by the test
        return truth[: len(x)] + 0.1

    one = images.subset(torch.arange(len(images)).numpy() == 0)
    truth = torch.from_numpy(one.images.transpose(0, 3, 1, 2) / 127.5 - 1).float()
    psnr = denoiser_psnr(off_by_a_tenth, one, 32, CPU)
    assert list(psnr) == [f"{t:g}" for t in PSNR_TIMES]
    assert all(v == pytest.approx(26.02, abs=0.01) for v in psnr.values())  # 10 log10(4 / 0.01)


def test_ordinality_of_grades_on_a_line_and_shuffled(tiny: Tiny) -> None:
    images = load_image_set(tiny(), None)
    direction = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0))

    def model(positions: list[float]) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        along = torch.tensor([*positions, 0.0])
        return lambda x, t, y: (y @ along).view(-1, 1, 1, 1) * direction

    straight = ordinality(model([0.0, 1.0, 1.5, 3.0, 4.0]), images, 32, CPU, limit=4)
    shuffled = ordinality(model([0.0, 4.0, 1.0, 3.0, 2.0]), images, 32, CPU, limit=4)
    assert list(straight) == [f"{t:g}" for t in ORDER_TIMES]
    for t in straight:
        assert straight[t]["slack"] == pytest.approx(0, abs=1e-4)
        assert straight[t]["violations"] == 0
        assert straight[t]["cosine"] == pytest.approx(1, abs=1e-4)
        assert shuffled[t]["violations"] > 0.3
        assert shuffled[t]["slack"] > 0.5


def test_bench_measures_training_steps(tiny: Tiny) -> None:
    figures = bench(tiny(), steps=2)
    assert figures["images_per_second"] > 0
    assert figures["params"] > 0


def test_measure_compares_checkpoints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(toml({**TINY, "images": 4}), encoding="utf-8")
    assert main(["train", str(config), "--quiet", "--out", str(tmp_path / "run")]) == 0
    latest = str(tmp_path / "run" / "latest.pt")
    assert main(["measure", latest, "--out", str(tmp_path / "figures.json")]) == 0
    assert "4 images seen" in capsys.readouterr().out
    assert (tmp_path / "figures.json").is_file()
    # the same is in the log of the run, for its last state
    assert "psnr_held_out" in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8")


def test_noise_loss_of_known_models(tiny: Tiny) -> None:
    """Times are those of training, and a model whose error is known has the loss that follows from it."""
    config = tiny(low_noise_share=0.1)
    grey = ImageSet(np.full((200, 32, 32, 3), 128, np.uint8), np.arange(200) % 5, ("",) * 200, config.grades)
    times = torch.from_numpy(training_times(config, 4000))
    drawn = draw_times(np.random.default_rng(0), 40_000, config)
    quantiles = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])
    torch.testing.assert_close(torch.quantile(times, quantiles), torch.quantile(drawn, quantiles), atol=0.01, rtol=0)

    def leaves_the_noise(x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        return x

    measured = held_out_noise_loss(leaves_the_noise, grey, config, CPU)
    # grey is zero (nearly), so it is off by sigma times normals
    alpha, sigma = alpha_sigma(times)
    expected = float((noise_loss_weight(alpha, sigma) * sigma.square()).mean())
    assert measured == pytest.approx(expected, rel=0.05)
    assert held_out_noise_loss(leaves_the_noise, grey, config, CPU) == measured, "nothing random is left"
