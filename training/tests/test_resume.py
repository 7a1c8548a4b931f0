"""A run that was killed and resumed ends as one that never was; a corrupt checkpoint is noticed and survived."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from odm.__main__ import main
from odm.checkpoint import LATEST, PREVIOUS, load_latest, read_checkpoint, save_checkpoint
from odm.config import load_config, parse_config
from odm.errors import CheckpointError
from odm.network import fit_augmentation
from odm.train import Run

from .conftest import TINY, toml

ENDLESS = 1_000_000
PACKAGE = Path(__file__).resolve().parents[1]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    # a step without a validation: only steps are compared
    settings = {**TINY, "images": ENDLESS, "validate_images": ENDLESS, "dropout": 0.1}
    path.write_text(toml(settings), encoding="utf-8")
    return path


def assert_same(a: Any, b: Any, where: str = "state") -> None:
    """Bitwise equality of nested values, tensors included; the clock may differ."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert set(a) == set(b), where
        for key in a:
            if key not in ("seconds", "config"):
                assert_same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}[{i}]")
    else:
        assert a == b, where


def started(config: Path, out: Path, lines: int) -> subprocess.Popen[bytes]:
    """A training process of its own, once its log has so many lines."""
    command = [sys.executable, "-m", "odm", "train", str(config), "--out", str(out), "--threads", "1", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 120
    log = out / "log.jsonl"
    while not (log.exists() and len(log.read_text().splitlines()) >= lines):
        assert process.poll() is None
        assert time.monotonic() < deadline, "the run did not start"
        time.sleep(0.02)
    return process


def test_killed_and_resumed_is_the_same_as_never_killed(tmp_path: Path, config: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = started(config, killed, 6)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    state, _ = load_latest(killed)
    assert 4 <= state["step"] < 2_000
    images = str((state["step"] + 5) * TINY["batch"])
    common = ["train", str(config), "--images", images, "--threads", "1", "--quiet", "--out"]
    assert main([*common, str(killed), "--resume"]) == 0
    assert main([*common, str(whole)]) == 0
    resumed, straight = read_checkpoint(killed / LATEST), read_checkpoint(whole / LATEST)
    assert straight["step"] == state["step"] + 5
    assert_same(resumed, straight)
    assert not torch.equal(resumed["model"]["stem.weight"], state["model"]["stem.weight"])


def test_a_run_asked_to_stop_keeps_every_step(tmp_path: Path, config: Path) -> None:
    process = started(config, tmp_path, 4)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    last = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert read_checkpoint(tmp_path / LATEST)["step"] * TINY["batch"] == last["images"]


def test_a_corrupt_checkpoint_falls_back_to_the_previous_one(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {"step": 1, "w": torch.ones(3)})
    save_checkpoint(tmp_path, {"step": 2, "w": torch.ones(3)})
    assert load_latest(tmp_path)[0]["step"] == 2
    raw = bytearray((tmp_path / LATEST).read_bytes())
    for damaged in (raw[: len(raw) // 2], raw[:-1] + bytes([raw[-1] ^ 1]), b""):
        (tmp_path / LATEST).write_bytes(damaged)
        with pytest.raises(CheckpointError, match="corrupt"):
            read_checkpoint(tmp_path / LATEST)
        state, problem = load_latest(tmp_path)
        assert state["step"] == 1
        assert isinstance(problem, CheckpointError)
    (tmp_path / PREVIOUS).unlink()
    with pytest.raises(CheckpointError, match="corrupt"):
        load_latest(tmp_path)
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "nothing.pt")


def test_training_resumes_from_the_previous_checkpoint(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    common = ["train", str(config), "--quiet", "--out", str(run), "--images"]
    assert main([*common, "12"]) == 0
    (run / LATEST).write_bytes(b"torn")
    assert main([*common, "20", "--resume"]) == 0
    assert "the previous checkpoint is used" in capsys.readouterr().err
    assert read_checkpoint(run / LATEST)["step"] == 5


def test_a_checkpoint_of_another_configuration_is_refused(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", str(config), "--quiet", "--out", str(run), "--images", "4"]) == 0
    config.write_text(config.read_text().replace("embedding = 16", "embedding = 32"), encoding="utf-8")
    assert main(["train", str(config), "--quiet", "--out", str(run), "--images", "8", "--resume"]) == 1
    assert "another configuration: embedding" in capsys.readouterr().err


def test_branches_start_from_the_trunk_and_count_its_images(tmp_path: Path, config: Path) -> None:
    plain = tmp_path / "plain.toml"
    plain.write_text(config.read_text().replace("ordinal_lambda = 0.05", "ordinal_lambda = 0.0"), encoding="utf-8")
    trunk, first, second = tmp_path / "trunk", tmp_path / "first", tmp_path / "second"

    def train(settings: Path, out: Path, images: int, *more: str) -> dict[str, Any]:
        assert main(["train", str(settings), "--quiet", "--out", str(out), "--images", str(images), *more]) == 0
        return read_checkpoint(out / LATEST)

    train(plain, trunk, 8)
    state = train(config, first, 12, "--init", str(trunk / LATEST))
    assert (state["branched_at"], state["began_at"], state["step"]) == (8, 8, 3)
    assert (first / "config.json").is_file()
    # a second part of a branch still counts from the trunk, of a standard one too; nothing but the average is needed of the first
    for settings, part in ((config, second), (plain, tmp_path / "plain-second")):
        thin = {k: v for k, v in read_checkpoint(first / LATEST).items() if k not in ("model", "optimizer")}
        save_checkpoint(tmp_path / "thin", thin)
        settings.write_text(settings.read_text() + "init_continues = true\ninit_average = true\n", encoding="utf-8")
        state = train(settings, part, 16, "--init", str(tmp_path / "thin" / LATEST))
        assert (state["branched_at"], state["began_at"], state["step"]) == (8, 12, 4)


@pytest.mark.parametrize("more", ["", 'grade_line = true\nordinal_anchor_to = "line"\nordinal_pool = 3\n'])
def test_a_branch_may_begin_from_the_average_and_hold_on_to_it(tmp_path: Path, config: Path, more: str) -> None:
    trunk, branch = tmp_path / "trunk", tmp_path / "branch"
    assert main(["train", str(config), "--quiet", "--out", str(trunk), "--images", "8"]) == 0
    average = read_checkpoint(trunk / LATEST)["ema"]
    text = config.read_text() + f'init_from = "{trunk / LATEST}"\ninit_average = true\nordinal_anchor = 0.1\n' + more
    config.write_text(text, encoding="utf-8")
    whole = Run(load_config(config, images=16), branch, None, resume=False)
    for name, value in whole.model.state_dict().items():
        assert value.equal(average[name]), name
    assert not whole.optimizer.state_dict()["state"]
    whole.train(quiet=True)
    # stopped half way and resumed, it still holds on to the same network
    part = tmp_path / "part"
    Run(load_config(config, images=12), part, None, resume=False).train(quiet=True)
    Run(load_config(config, images=16), part, None, resume=True).train(quiet=True)
    for name, value in read_checkpoint(branch / LATEST)["model"].items():
        assert value.equal(read_checkpoint(part / LATEST)["model"][name]), name


def test_the_learning_rate_of_a_fresh_optimiser_warms_up(tmp_path: Path, config: Path) -> None:
    trunk = tmp_path / "trunk"
    assert main(["train", str(config), "--quiet", "--out", str(trunk), "--images", "8"]) == 0
    branch = {"init_from": str(trunk / LATEST), "warmup_images": 8, "learning_rate": 1e-3, "images": 16}

    def rates(fresh: bool) -> list[float]:
        run = Run(load_config(config, **branch, init_average=fresh), tmp_path / f"branch-{fresh}", None, resume=False)
        out = []
        for _ in range(2):
            run.advance()
            out.append(run.optimizer.param_groups[0]["lr"])
        return out

    assert rates(fresh=True) == [5e-4, 1e-3]  # batches of 4
    assert rates(fresh=False) == [1e-3, 1e-3]  # the trunk's optimiser goes on


def test_a_run_may_be_given_a_time(tmp_path: Path, config: Path) -> None:
    run = tmp_path / "run"
    assert main(["train", str(config), "--quiet", "--out", str(run), "--minutes", "0.02"]) == 0
    state = read_checkpoint(run / LATEST)
    assert 1 <= state["step"] < ENDLESS // TINY["batch"]
    last = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    assert last["images"] == state["step"] * TINY["batch"]
    assert "psnr_held_out" in last  # the end is looked at, as after the last image


def test_a_fresh_optimiser_may_have_another_batch_and_unchanged_pictures(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What training with changed pictures needs alone is left behind, and images count on."""
    plain = config.read_text()
    config.write_text(plain + "augment = 0.5\n", encoding="utf-8")
    trunk, branch = tmp_path / "trunk", tmp_path / "branch"
    assert main(["train", str(config), "--quiet", "--out", str(trunk), "--images", "16"]) == 0
    assert "augmentation.weight" in read_checkpoint(trunk / LATEST)["ema"]
    config.write_text(plain.replace("batch = 4", "batch = 2"), encoding="utf-8")
    onward = ["train", str(config), "--quiet", "--out", str(branch), "--images", "20", "--init", str(trunk / LATEST)]
    assert main(onward) == 1
    assert "a branch keeps its trunk's batch, 4" in capsys.readouterr().err
    assert main([*onward, "--set", "init_average=true", "--set", "ordinal_anchor=0.1"]) == 0
    state = read_checkpoint(branch / LATEST)
    assert (state["step"], state["began_at"]) == (10, 16)
    assert "augmentation.weight" not in state["ema"]

    # and the other way about: the layer that says how a picture was changed begins with nothing to say
    config.write_text(plain + "augment = 0.5\ninit_average = true\n", encoding="utf-8")
    again = [*onward[:4], str(tmp_path / "again"), "--images", "24", "--init", str(branch / LATEST)]
    assert main(again) == 0
    assert read_checkpoint(tmp_path / "again" / LATEST)["model"]["augmentation.weight"].abs().sum() > 0
    source = read_checkpoint(branch / LATEST)
    begun = fit_augmentation(source["ema"], parse_config({**source["config"], "augment": 0.5}).network())
    assert begun["augmentation.weight"].abs().sum() == 0
    assert all(begun[name].equal(value) for name, value in source["ema"].items())


def test_a_branch_with_the_trunks_settings_is_the_trunk_continued(tmp_path: Path, config: Path) -> None:
    trunk, branch = tmp_path / "trunk", tmp_path / "branch"
    assert main(["train", str(config), "--quiet", "--out", str(trunk), "--images", "8"]) == 0
    onward = ["--quiet", "--images", "12"]
    assert main(["train", str(config), *onward, "--init", str(trunk / LATEST), "--out", str(branch)]) == 0
    assert main(["train", str(config), *onward, "--resume", "--out", str(trunk)]) == 0
    ours, theirs = read_checkpoint(branch / LATEST), read_checkpoint(trunk / LATEST)
    for part in ("model", "ema"):
        for name, value in ours[part].items():
            assert value.equal(theirs[part][name]), name
