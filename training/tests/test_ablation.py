"""The ablation runner: plans, statistics against independent computations, and one tiny ablation from end to end."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from odm.__main__ import main
from odm.ablation import (
    Plan,
    cell_folder,
    concordance,
    finished,
    groups_of,
    load_plan,
    rank_correlation,
    ranks,
    run_cell,
    truth_figures,
)
from odm.ablation_report import collect, estimate, markdown, svg, write_report
from odm.checkpoint import read_checkpoint
from odm.errors import AblationError, ConfigError

from .conftest import ROOT, TINY

SHIPPED = ROOT / "training" / "configs" / "phantom-ablation.toml"


def plan_file(folder: Path, **changes: Any) -> Path:
    """A plan of two settings and one with a network of its own, seconds to run."""
    base = {k: v for k, v in TINY.items() if k not in ("images", "ordinal_lambda", "ordinal_share")}
    base |= {"batch": 4, "checkpoint_minutes": 10.0, "ordinal_share": 0.5}
    top = {
        "baseline": "dm",
        "trunk_images": 8,
        "branch_images": 8,
        "seeds": 1,
        "pictures": 2,
        "steps": 2,
        "asked": [0, 1.5, 4, 5],
    }
    top |= changes
    lines = (
        [f"{k} = {json.dumps(v)}" for k, v in top.items()]
        + ["[base]"]
        + [f"{k} = {json.dumps(v)}" for k, v in base.items()]
    )
    lines += ["[settings.dm]", "[settings.odm]", "ordinal_lambda = 0.05"]
    lines += ["[settings.additive]", "ordinal_lambda = 0.05", "ordinal_embedding = true"]
    path = folder / "plan.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_shipped_plan_is_sound() -> None:
    plan = load_plan(SHIPPED)
    assert plan.seeds == 5
    assert len(plan.trunks()) == 2
    configs = {name: plan.config(0, name, Path("runs")) for name in plan.settings}
    assert len({c.images for c in configs.values()}) == 1, "equal budgets"
    assert {c.ordinal_reading for c in configs.values()} == {"slack", "absolute", "hinge", "cosine"}
    assert {c.ordinal_weight for c in configs.values()} == {"constant", "snr", "late", "latest", "early"}
    assert any(c.ordinal_embedding for c in configs.values()) and any(c.grade_line for c in configs.values())
    # every setting but another embedding shares the trunk (a line is made of the trunk's own vectors), and a trunk never has the ordinal loss
    assert (
        plan.trunk_of("cosine") == plan.trunk_of("line") == plan.trunk_of("dm") == "trunk" != plan.trunk_of("additive")
    )
    assert all(plan.config(0, name, Path("runs")).ordinal_lambda == 0 for name in plan.trunks())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baseline": "nothing"}, "no setting 'nothing'"),
        ({"baseline": "odm"}, "standard diffusion model"),
        ({"pictures": 0}, "at least 1"),
        ({"asked": [-1, 0]}, "no truth"),
        ({"colour": 1}, "unknown key: colour"),
        ({"seeds": "five"}, "seeds: int is needed"),
    ],
)
def test_a_wrong_plan_names_its_key(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_plan(plan_file(tmp_path, **changes))


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    path = plan_file(tmp_path)
    path.write_text(path.read_text() + "[settings.typo]\nordinal_lamda = 1\n")
    with pytest.raises(ConfigError, match="settings.typo: unknown key: ordinal_lamda"):
        load_plan(path)


def test_ranks_and_correlation() -> None:
    assert ranks(np.array([10.0, 20.0, 20.0, 5.0])).tolist() == [2, 3.5, 3.5, 1]
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, 50).astype(float), rng.normal(size=50)
    # Pearson's r of the ranks, from NumPy
    assert rank_correlation(a, b) == pytest.approx(np.corrcoef(ranks(a), ranks(b))[0, 1])
    assert rank_correlation(np.arange(9.0), np.exp(np.arange(9.0))) == pytest.approx(1)
    assert rank_correlation(np.arange(9.0), -np.arange(9.0)) == pytest.approx(-1)
    assert rank_correlation(np.arange(9.0), np.ones(9)) == 0


def test_truth_of_pictures_that_are_right_and_of_pictures_that_are_not() -> None:
    asked, grades = (0.0, 0.5, 1.0, 2.0, 2.5), (0.0, 1.0, 2.0)
    assert groups_of(asked, grades) == {"whole": [0, 2, 3], "between": [1], "beyond": [4], "all": [0, 1, 2, 3, 4]}
    right = np.asarray(asked)[:, None].repeat(3, axis=1)
    figures = truth_figures(asked, right, grades)
    assert figures["mae"] == {"whole": 0, "between": 0, "beyond": 0, "all": 0}
    assert figures["rank"]["whole"] == pytest.approx(1) and figures["concordance"]["all"] == 1
    shifted = truth_figures(asked, right + 0.25, grades)
    assert shifted["mae"]["whole"] == pytest.approx(0.25) and shifted["bias"]["beyond"] == pytest.approx(0.25)
    assert shifted["rank"]["all"] == pytest.approx(1)
    assert truth_figures(asked, right[::-1].copy(), grades)["concordance"]["all"] == 0
    assert concordance(np.zeros((4, 2))) == 0.5


def test_interval_is_students() -> None:
    got = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    # mean 3, standard deviation sqrt(2.5); t(4 degrees of freedom, 97.5 %) = 2.776
    assert got.mean == 3
    assert got.half == pytest.approx(2.776 * np.sqrt(2.5) / np.sqrt(5))
    single = estimate([2.0])
    assert (single.low, single.high) == (2, 2)


def test_a_tiny_ablation_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "training"))
    path, out = plan_file(tmp_path), tmp_path / "out"
    command = ["ablate", str(path), "--out", str(out), "--workers", "2"]
    assert main(command) == 0, capsys.readouterr()
    report = json.loads((out / "ablation.json").read_text())
    assert set(report["settings"]) == {"dm", "odm", "additive"}
    assert report["settings"]["dm"]["metrics"]["outer_ratio"]["mean"] == 1
    assert report["settings"]["odm"]["metrics"]["mae_whole"]["mean"] > 0
    # both branches saw as many images, from the same trunk
    trunk = read_checkpoint(cell_folder(out, 0, "trunk") / "latest.pt")
    for name in ("dm", "odm"):
        state = read_checkpoint(cell_folder(out, 0, name) / "latest.pt")
        assert (state["step"], state["branched_at"], trunk["step"]) == (4, 8, 2)
    assert not torch.equal(state["model"]["head.weight"], trunk["model"]["head.weight"])
    ET.parse(out / "ablation.svg")
    assert "| odm |" in (out / "ablation.md").read_text()

    # done cells are skipped: their files stay as they are
    plan = load_plan(path)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("figures.json")}
    assert len(before) == 5
    capsys.readouterr()
    assert main(command) == 0
    assert "0 cells to run, 5 done already" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in out.rglob("figures.json")} == before

    # a cell taken away is made again, alike; another plan does not take over these cells
    figures = cell_folder(out, 0, "odm") / "figures.json"
    old = json.loads(figures.read_text())
    figures.unlink()
    assert finished(plan, out, 0, "odm") is None
    run_cell(plan, out, 0, "odm")
    again = json.loads(figures.read_text())
    assert again["truth"] == old["truth"] and again["noise_loss"] == pytest.approx(old["noise_loss"], rel=1e-5)
    with pytest.raises(AblationError, match="other settings"):
        finished(dataclasses.replace(plan, steps=3), out, 0, "odm")
    # a cell from before a setting was invented is one at that setting's default, and at no other
    older = json.loads(figures.read_text())
    del older["fingerprint"]["settings"]["grade_line"]
    figures.write_text(json.dumps(older))
    assert finished(plan, out, 0, "odm") is not None
    lined = dataclasses.replace(plan, settings=plan.settings | {"odm": plan.settings["odm"] | {"grade_line": True}})
    with pytest.raises(AblationError, match="other settings"):
        finished(lined, out, 0, "odm")


def test_failing_cells_are_named_with_their_log(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "training"))
    if torch.cuda.is_available():
        pytest.skip("needs a machine without CUDA")
    path = plan_file(tmp_path)
    assert main(["ablate", str(path), "--out", str(tmp_path / "out"), "--device", "cuda", "--quiet"]) == 1
    message = capsys.readouterr().err
    assert "5 of 5 cells failed" in message and "PyTorch sees no CUDA device" in message


def _made_up(plan: Plan, out: Path, noise: float) -> None:
    """Finished cells with chosen figures, to see the report's arithmetic."""
    from odm.ablation import fingerprint

    for seed in range(plan.seeds):
        for name, shift in (("dm", 0.0), ("odm", -0.2)):
            wobble = noise * (seed - (plan.seeds - 1) / 2)
            measured = np.asarray(plan.asked)[:, None].repeat(2, axis=1) + 0.5 + shift + wobble
            row = {
                "outer": 2.0 if name == "dm" else 3.0,
                "straightness": 0.9,
                "violations": 0.0,
                "cosine": 0.5,
                "slack": 0,
            }
            figures = {
                "fingerprint": fingerprint(plan, seed, name),
                "noise_loss": 0.1 + wobble,
                "psnr": {"0.1": 30.0 + seed},
                "ordinality": {"0.5": row},
                "measured": measured.tolist(),
                "truth": truth_figures(plan.asked, measured, (0.0, 1.0, 2.0, 3.0, 4.0)),
            }
            folder = cell_folder(out, seed, name)
            folder.mkdir(parents=True)
            (folder / "figures.json").write_text(json.dumps(figures))


def test_report_pairs_seeds(tmp_path: Path) -> None:
    plan = load_plan(plan_file(tmp_path, seeds=3))
    _made_up(plan, tmp_path / "out", noise=0.05)
    report = collect(plan, tmp_path / "out")
    odm = report["settings"]["odm"]["metrics"]
    assert odm["outer_ratio"]["mean"] == pytest.approx(1.5)
    assert odm["mae_whole"]["mean"] == pytest.approx(0.3)
    # seeds differ, the difference within a seed does not: the paired interval is a point
    assert odm["mae_whole"]["high"] - odm["mae_whole"]["low"] > 0.1
    assert odm["mae_whole"]["difference"]["mean"] == pytest.approx(-0.2)
    assert odm["mae_whole"]["difference"]["high"] == pytest.approx(-0.2)
    assert "additive" not in report["settings"], "cells that are not there are not reported"
    table = markdown(report)
    assert "| odm | " in table and "0.300 ± " in table and " +" in table
    assert svg(report).count("<circle") == 2 * 8
    assert write_report(plan, tmp_path / "out") == report
