"""The configurations for large sets: a dry run on two processes with a tiny tree, estimates, preparation, settings given by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from odm.__main__ import main
from odm.checkpoint import read_checkpoint
from odm.config import load_config
from odm.estimate import estimate, report, seconds_at
from odm.network import Denoiser, count_flops
from odm.train import changed_keys

from .conftest import ROOT, TINY, toml
from .test_cropping import colonoscopy, fundus
from .test_distributed import free_port

CONFIGS = ROOT / "training" / "configs"
# the shipped settings, but for a network and a batch that two CPU processes can run
SMALL = ["channels=[8,8,16,16,16]", "blocks=[1,1,1,1,1]", "attention=[4]", "embedding=16", "batch=4"]


def eyepacs_tree(root: Path) -> None:
    lines = ["image,level"]
    (root / "eyepacs" / "train").mkdir(parents=True)
    for k in range(10):
        for eye in ("left", "right"):
            lines.append(f"{k}_{eye},{k % 5}")
            Image.fromarray(fundus((360, 240), 180, 125, 130, seed=k)).save(root / "eyepacs" / "train" / f"{k}_{eye}.jpeg")  # fmt: skip
    (root / "eyepacs" / "trainLabels.csv").write_text("\n".join(lines) + "\n")


def limuc_tree(root: Path) -> None:
    for patient in range(12):
        folder = root / "limuc" / "patient_based_classified_images" / str(patient) / f"Mayo {patient % 4}"
        folder.mkdir(parents=True)
        Image.fromarray(colonoscopy(patient)[0]).resize((352, 288)).save(folder / f"UC_patient_{patient}.bmp")


@pytest.mark.parametrize("name", ["eyepacs", "limuc"])
def test_dry_run_on_two_processes(tmp_path: Path, name: str) -> None:
    (eyepacs_tree if name == "eyepacs" else limuc_tree)(tmp_path)
    launch = [
        *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
        *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
        *("--num_cpu_threads_per_process", "1", "--main_process_port", str(free_port())),
        *("-m", "odm", "train", str(CONFIGS / f"{name}-256-odm.toml")),
        *("--data", str(tmp_path), "--out", str(tmp_path / "run"), "--dry-run"),
    ]
    for setting in (*SMALL, "holdout=0.2"):
        launch += ["--set", setting]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "training"), "OMP_NUM_THREADS": "1", "ODM_CACHE": str(tmp_path / "cache")}  # fmt: skip
    done = subprocess.run(launch, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    said = [line for line in done.stdout.splitlines() if line.startswith("dry run: ")]
    assert len(said) == 1 and "2 processes" in said[0] and "2 steps of 4" in said[0]
    assert "20 pictures" not in said[0] and not (tmp_path / "run-dry-run").exists()
    assert len([p for p in (tmp_path / "cache").iterdir() if "found" not in p.name]) == 1, "one cache for both"


def test_branches_differ_in_the_ordinal_loss_alone() -> None:
    for name in ("eyepacs", "limuc"):
        trunk, dm, odm = (load_config(CONFIGS / f"{name}-256-{b}.toml").to_dict() for b in ("trunk", "dm", "odm"))
        assert {k for k in dm if dm[k] != odm[k]} == {"ordinal_lambda"}
        assert {k for k in dm if dm[k] != trunk[k]} == {"images", "init_from"}


def test_prepare_decodes_once_and_says_the_split(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    limuc_tree(tmp_path)
    command = ["prepare", str(CONFIGS / "limuc-256-trunk.toml"), "--data", str(tmp_path), "--set", "holdout=0.34"]
    monkeypatch.delenv("ODM_CACHE", raising=False)
    assert main(command) == 1
    assert "ODM_CACHE" in capsys.readouterr().err
    monkeypatch.setenv("ODM_CACHE", str(tmp_path / "cache"))
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "CC BY 4.0" in said and "patients: 8 in training, 4 held out" in said and "grade 3: 2 in training, 1 held out" in said  # fmt: skip
    (kept,) = (p for p in (tmp_path / "cache").iterdir() if "found" not in p.name)
    assert np.load(kept, mmap_mode="r").shape == (12, 272, 272, 3)


def test_estimate_counts_and_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(toml({**TINY, "batch": 8, "images": 800}))
    config = load_config(path)
    e = estimate(config, devices=4, pictures=1000, steps=2)
    parameters = sum(p.numel() for p in Denoiser(config.network()).parameters())
    assert e.weights_bytes == 20 * parameters
    assert e.data_bytes == 1000 * 32 * 32 * 3
    assert e.flops_per_evaluation == count_flops(config.network(), 32)
    assert (e.batch_per_device, e.measured_batch, e.evaluations_per_image) == (2, 2, 2.5)
    assert e.images_per_second > 0 and e.seconds == pytest.approx(200 / e.images_per_second)
    # activations: more than the float32 pictures themselves, and in proportion to the batch
    assert e.activations_bytes_per_image > 4 * 3 * 32 * 32
    # ten times the achieved rate, a tenth of the time
    assert seconds_at(e, 10 * e.flops_per_second / 1e12) == pytest.approx(e.seconds / 10)
    assert "given, not measured" in report(e, 20)
    wider = estimate(load_config(path, channels=[32, 48]), steps=1)
    assert wider.activations_bytes_per_image > 1.5 * e.activations_bytes_per_image
    assert "measured here" in report(e) and "at best" in report(e)
    assert main(["estimate", str(path), "--json", "--set", "batch=4"]) == 0
    assert json.loads(capsys.readouterr().out)["batch_per_device"] == 4


def test_settings_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(toml(TINY))
    run = ["train", str(path), "--out", str(tmp_path / "run"), "--quiet"]
    assert main([*run, "--set", "images=4", "--set", 'ordinal_reading="hinge"']) == 0
    stored = read_checkpoint(tmp_path / "run" / "latest.pt")["config"]
    assert (stored["images"], stored["ordinal_reading"]) == (4, "hinge")
    for wrong, message in (("batch", "KEY=VALUE"), ("batch=", "--set batch"), ("bach=4", "unknown key: bach")):
        assert main([*run, "--set", wrong]) == 1
        assert message in capsys.readouterr().err


def test_a_checkpoint_from_before_a_setting_had_its_default(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(toml(TINY))
    config = load_config(path)
    stored = {k: v for k, v in json.loads(json.dumps(config.to_dict())).items() if k != "autocrop"}
    assert changed_keys(stored, config) == []
    assert changed_keys(stored, load_config(path, autocrop="disc")) == ["autocrop"]
