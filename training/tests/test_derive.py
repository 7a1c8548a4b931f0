"""A shipped file gives its weights back; two branches are averaged; a network is enlarged; conditioning-only training leaves the rest alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from odm.checkpoint import load_ema, read_checkpoint, save_checkpoint
from odm.config import parse_config, plain
from odm.derive import average, enlarge, recover, weights_of
from odm.errors import CheckpointError
from odm.export import export_network, rounded
from odm.network import CONDITIONING, Denoiser
from odm.train import Run

from .conftest import TINY

MODELS = Path(__file__).resolve().parents[2] / "models"


def trained_like(seed: int, **changes: object) -> Denoiser:
    """A tiny network whose parameters are all different, but for the two output biases, which training keeps equal."""
    torch.manual_seed(seed)
    model = Denoiser(parse_config({**TINY, **changes}).network()).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(std=0.05)
        model.head.bias.copy_(model.linear.bias)  # type: ignore[arg-type, union-attr]
    return model


@pytest.mark.parametrize("grade_line", [False, True])
def test_a_file_gives_back_the_weights_it_stores(grade_line: bool) -> None:
    model = trained_like(3, grade_line=grade_line)
    state = weights_of(export_network(model, TINY["size"]).payload, parse_config({**TINY, "grade_line": grade_line}))
    for name, want in rounded(model).state_dict().items():
        assert torch.equal(state[name], want), name


def test_another_network_is_refused() -> None:
    payload = export_network(trained_like(3), TINY["size"]).payload
    for changes in ({"channels": [16, 32]}, {"blocks": [1, 2]}, {"grades": [0, 1, 2, 3]}):
        with pytest.raises(CheckpointError):
            weights_of(payload, parse_config({**TINY, **changes}))


def test_a_run_goes_on_from_a_shipped_bundle(tmp_path: Path) -> None:
    state = recover(MODELS / "phantom", "dm", tmp_path / "shipped", 32)
    model, config, _ = load_ema(tmp_path / "shipped" / "latest.pt")
    assert (config.batch, config.augment) == (32, 0.0)
    branch = parse_config(
        {**config.to_dict(), "init_from": str(tmp_path / "shipped" / "latest.pt"), "init_average": True, "images": state["step"] * 32 + 32, "precision": "fp32", "samples_minutes": 0, "validate_images": 10**9}
    )  # fmt: skip
    run = Run(branch, tmp_path / "run", None, resume=False)
    assert run.images == state["step"] * 32
    for name, p in run.model.state_dict().items():
        assert torch.equal(p, model.state_dict()[name])
    run.train(quiet=True)
    assert run.images == branch.images


def test_a_strange_variant_and_a_broken_count_are_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no variant 'gan'"):
        recover(MODELS / "phantom", "gan", tmp_path, 32)
    with pytest.raises(CheckpointError, match="whole number of batches"):
        recover(MODELS / "phantom", "dm", tmp_path, 7919)


def short_run(folder: Path, **changes: object) -> Run:
    run = Run(parse_config({**TINY, "validate_images": 10**9, **changes}), folder, None, resume=False)
    run.train(quiet=True)
    return run


def test_an_average_lies_between(tmp_path: Path) -> None:
    first, second = short_run(tmp_path / "a"), short_run(tmp_path / "b", seed=5)
    average(tmp_path / "a" / "latest.pt", tmp_path / "b" / "latest.pt", 0.25, tmp_path / "mean", None)
    state = read_checkpoint(tmp_path / "mean" / "latest.pt")
    assert state["step"] == first.step
    a, b = first.ema.state_dict(), second.ema.state_dict()
    for name, p in state["ema"].items():
        torch.testing.assert_close(p, 0.25 * a[name] + 0.75 * b[name])

    assert "psnr_held_out" in json.loads((tmp_path / "mean" / "log.jsonl").read_text())

    short_run(tmp_path / "longer", images=20)
    with pytest.raises(CheckpointError, match="name it first"):
        average(tmp_path / "a" / "latest.pt", tmp_path / "longer" / "latest.pt", 0.5, tmp_path / "no", None)
    short_run(tmp_path / "wider", channels=[16, 32])
    with pytest.raises(CheckpointError, match="different networks"):
        average(tmp_path / "a" / "latest.pt", tmp_path / "wider" / "latest.pt", 0.5, tmp_path / "no", None)
    with pytest.raises(CheckpointError, match=r"0\.\.1"):
        average(tmp_path / "a" / "latest.pt", tmp_path / "b" / "latest.pt", 1.5, tmp_path / "no", None)


def test_conditioning_only_leaves_what_a_picture_looks_like(tmp_path: Path) -> None:
    short_run(tmp_path / "trunk", ordinal_lambda=0.0)
    trunk = tmp_path / "trunk" / "latest.pt"
    before = read_checkpoint(trunk)["ema"]
    run = short_run(tmp_path / "branch", init_from=str(trunk), init_average=True, trains="conditioning", images=32)
    for name, p in run.model.state_dict().items():
        entered = not CONDITIONING.isdisjoint(name.split("."))
        assert torch.equal(p, before[name]) != entered, name

    # and it resumes: the optimiser holds these parameters alone
    digest = hashlib.sha256((tmp_path / "branch" / "latest.pt").read_bytes()).digest()
    longer = parse_config({**run.config.to_dict(), "images": 40})
    Run(longer, tmp_path / "branch", None, resume=True).train(quiet=True)
    assert hashlib.sha256((tmp_path / "branch" / "latest.pt").read_bytes()).digest() != digest


def test_an_enlarged_network_sees_blocks_as_the_old_one_sees_pixels(tmp_path: Path) -> None:
    small = trained_like(9)
    config = parse_config(TINY).to_dict()
    save_checkpoint(tmp_path / "small", {"config": plain(config), "step": 7, "seconds": 1.0, "branched_at": 0, "counts": [1], "ema": small.state_dict()})  # fmt: skip
    enlarge(tmp_path / "small" / "latest.pt", tmp_path / "large")
    large, larger, state = load_ema(tmp_path / "large" / "latest.pt")
    assert (larger.size, larger.resize, larger.patch, state["step"]) == (2 * config["size"], 2 * config["resize"], 2 * config["patch"], 7)  # fmt: skip
    x = torch.randn(2, 3, config["size"], config["size"])
    t, y = torch.tensor([0.2, 0.8]), torch.eye(len(config["grades"]) + 1)[:2]

    def grown(picture: torch.Tensor) -> torch.Tensor:
        return picture.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    with torch.no_grad():
        torch.testing.assert_close(large(grown(x), t, y), grown(small(x, t, y)), rtol=1e-4, atol=1e-5)
