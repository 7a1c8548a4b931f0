"""Sets of pictures: the studio's own texts, the same files however many shards and processes, and readable as data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from odm.__main__ import main
from odm.config import TrainConfig, parse_config
from odm.data import load_image_set
from odm.errors import ConfigError
from odm.generate import (
    Plan,
    labels_csv,
    latin1,
    number,
    parameters_text,
    parse_shard,
    picture_file,
    provenance,
    readme,
    record_text,
    xmp_packet,
)

from .conftest import ROOT, TINY

PHANTOM = ROOT / "models" / "phantom"
GOLDEN: dict[str, Any] = json.loads((ROOT / "src" / "exchange" / "golden" / "dataset.json").read_text(encoding="utf-8"))
ARGUMENTS = ["--bundle", str(PHANTOM), "--count", "2", "--seed", "7", "--steps", "3", "--sampler", "ddpm"]


def generate(out: Path, *more: str) -> None:
    assert main(["generate", *ARGUMENTS, "--out", str(out), *more]) == 0


def test_a_picture_says_at_which_times_it_was_guided() -> None:
    manifest = json.loads((ROOT / "models" / "fundus-idrid" / "manifest.json").read_text(encoding="utf-8"))
    manifest["diffusion"]["guidanceRange"] = [0, 0.6]
    request = {**GOLDEN["provenance"]["request"], "model": "fundus-idrid", "variant": "odm", "guidance": 4}
    record = provenance(manifest, request, "CPU", {})
    assert record["guidanceRange"] == [0, 0.6]
    assert "CFG scale: 4, CFG at t: 0 to 0.6, " in parameters_text(record)
    assert "guidanceRange" not in provenance(manifest, {**request, "guidance": 1}, "CPU", {})


def test_the_texts_are_the_studios() -> None:
    plan = Plan.of(GOLDEN["plan"])
    assert plan.text() == GOLDEN["planText"]
    assert labels_csv(plan, lambda _: True) == GOLDEN["labels"]
    assert readme(GOLDEN["manifest"], plan) == GOLDEN["readme"]
    assert record_text(GOLDEN["provenance"]) == GOLDEN["record"]
    assert parameters_text(GOLDEN["provenance"]) == GOLDEN["parameters"]
    assert xmp_packet("Ordinal Diffusion Studio", "Synthetic & such.", "Nobody – <“東京”>") == GOLDEN["xmp"]
    assert latin1("Nobody – “東京” (CC0-1.0)") == GOLDEN["copyright"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"),
        (0.1, "0.1"),
        (-0.0, "0"),
        (1e-7, "1e-7"),
        (0.00001, "0.00001"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
    ],
)
def test_numbers_are_written_as_javascript_writes_them(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    "change",
    [{"seed": 0xFFFFFFFF}, {"grades": [1, 1]}, {"grades": []}, {"count": 0}, {"sampler": "euler"}, {"x": 1}],
)
def test_a_plan_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Plan.of({**GOLDEN["plan"], **change})


def test_shards_are_read_as_people_write_them() -> None:
    assert parse_shard("2/4") == (2, 4)
    for text in ("0/4", "5/4", "1", "a/b"):
        with pytest.raises(ConfigError):
            parse_shard(text)


def test_a_set_is_a_data_set(tmp_path: Path) -> None:
    out = tmp_path / "set"
    generate(out)
    config: TrainConfig = replace(
        parse_config(TINY),
        path="set",
        data="labels-csv",
        label_column="grade",
        grades=(0.0, 1.0, 2.0, 3.0, 4.0),
        role="",
    )
    labelled = load_image_set(config, tmp_path)
    assert labelled.counts == [2] * 5
    folders = load_image_set(replace(config, data="class-folders", path="set/images"), tmp_path)
    order = np.argsort(labelled.names), np.argsort([f"images/{n}" for n in folders.names])
    assert np.array_equal(labelled.images[order[0]], folders.images[order[1]])
    assert np.array_equal(labelled.labels[order[0]], folders.labels[order[1]])
    with Image.open(out / "images" / "4" / "8.png") as image:
        record = json.loads(str(image.info["ordinal-diffusion-studio"]))
        assert "DigitalSourceType" in str(image.info["XML:com.adobe.xmp"])
    assert record["request"]["seed"] == 8 and record["request"]["severity"] == 4
    assert {p.name for p in out.iterdir()} == {
        "images",
        "labels.csv",
        "README.md",
        "manifest.json",
        "card.md",
        "plan.json",
    }


def pixels(folder: Path) -> dict[str, Any]:
    return {str(p.relative_to(folder)): np.asarray(Image.open(p)).astype(int) for p in folder.rglob("*.png")}


def same(a: Path, b: Path) -> None:
    left, right = pixels(a), pixels(b)
    assert left.keys() == right.keys()
    for name, picture in left.items():
        assert np.abs(picture - right[name]).max() <= 1, name
    for name in ("labels.csv", "README.md", "manifest.json", "card.md", "plan.json"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


def test_shards_and_a_second_start_make_the_same_set(tmp_path: Path) -> None:
    generate(tmp_path / "whole")
    for shard in ("3/3", "1/3", "2/3"):
        generate(tmp_path / "parts", "--shard", shard, "--batch", "1")
    same(tmp_path / "whole", tmp_path / "parts")

    again = tmp_path / "again"
    shutil.copytree(tmp_path / "whole", again)
    kept = again / picture_file({"severity": 0, "seed": 7})
    before = kept.stat().st_mtime_ns
    (again / picture_file({"severity": 1, "seed": 7})).unlink()
    broken = again / picture_file({"severity": 2, "seed": 7})
    broken.write_bytes(broken.read_bytes()[:200])
    generate(again)
    same(tmp_path / "whole", again)
    assert kept.stat().st_mtime_ns == before


def test_another_set_in_the_folder_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate(tmp_path)
    assert main(["generate", *ARGUMENTS, "--out", str(tmp_path), "--guidance", "3"]) == 1
    assert "another set" in capsys.readouterr().err


def test_several_processes_make_the_same_set(tmp_path: Path) -> None:
    generate(tmp_path / "one")
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command += ["-m", "odm", "generate", *ARGUMENTS, "--out", str(tmp_path / "two")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "training"), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=environment, cwd=tmp_path)
    same(tmp_path / "one", tmp_path / "two")


@pytest.mark.skipif(shutil.which("node") is None, reason="the studio's command line needs Node.js")
def test_the_studios_command_line_makes_the_same_set(tmp_path: Path) -> None:
    program = ROOT / "node_modules" / "tsx" / "dist" / "cli.mjs"
    if not program.is_file():
        pytest.skip("the Node packages are not installed")
    generate(tmp_path / "lab")
    arguments = ["--model", "phantom", *ARGUMENTS[2:], "--out", str(tmp_path / "studio")]
    subprocess.run(["node", str(program), "cli/generate.ts", *arguments], check=True, cwd=ROOT)
    same(tmp_path / "lab", tmp_path / "studio")
