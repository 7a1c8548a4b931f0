"""Ablations on the phantom: the same start, the same budget, one setting changed, and a truth to hold it against.

A plan (a TOML file) names common settings, and what each setting changes. For every seed a trunk is trained without the
ordinal loss; every setting goes on from it for the same number of images. A setting that changes more than the ordinal loss
(the network, say) gets a trunk of its own. Each (seed, setting) is a *cell*: a folder with a run and ``figures.json``.

The phantom's severity is measured back from a picture (``phantom.measure_severity``), so that a cell answers what no real
data set can: whether a picture asked for at severity s has severity s, at the grades, between them, and beyond the highest.
(Below the lowest there is no truth: a phantom has no less than no lesion.)
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .config import TrainConfig, changed_keys, parse_config, read_toml
from .errors import AblationError, ConfigError

# what a branch can change on the common trunk's weights: the ordinal loss, and whether the grades' vectors are put on a line
BRANCH_KEYS = frozenset(
    k for k in TrainConfig.__dataclass_fields__ if k.startswith("ordinal_") and k != "ordinal_embedding"
) | {"grade_line"}
RESERVED = frozenset(["seed", "images", "init_from"])  # the plan's own business
# paths and bookkeeping, which a cell's figures do not depend on
UNCOMPARED = frozenset(["init_from", "log_images", "validate_images", "checkpoint_minutes", "samples_minutes"])
FIGURES = "figures.json"


@dataclass(frozen=True)
class Plan:
    """What is compared, with which budgets."""

    base: dict[str, Any]  # settings that all cells share (keys of TrainConfig)
    settings: dict[str, dict[str, Any]]  # name -> what it changes
    baseline: str  # the setting that others are compared with, a DM
    trunk_images: int  # images a trunk sees
    branch_images: int  # images every branch sees after it
    seeds: int
    pictures: int  # generated pictures per asked severity
    steps: int  # of DPM-Solver++(2M)
    asked: tuple[float, ...]  # severities that pictures are asked for

    def changes(self, setting: str) -> dict[str, Any]:
        return self.settings[setting]

    def trunk_of(self, setting: str) -> str:
        """Name of the trunk that ``setting`` branches from: ``trunk``, or one that carries its other changes."""
        own = sorted((k, v) for k, v in self.settings[setting].items() if k not in BRANCH_KEYS)
        return "trunk" + "".join(f"-{k}-{json.dumps(v).strip(chr(34))}" for k, v in own)

    def trunks(self) -> dict[str, dict[str, Any]]:
        """Every trunk with what it changes."""
        out: dict[str, dict[str, Any]] = {}
        for setting, changes in self.settings.items():
            out[self.trunk_of(setting)] = {k: v for k, v in changes.items() if k not in BRANCH_KEYS}
        return out

    def config(self, seed: int, name: str, out: Path) -> TrainConfig:
        """The configuration of a cell (a setting's or a trunk's name) below ``out``."""
        raw = dict(self.base)
        if name in self.settings:
            trunk = cell_folder(out, seed, self.trunk_of(name)) / "latest.pt"
            raw |= self.settings[name] | {"init_from": str(trunk), "images": self.trunk_images + self.branch_images}
        else:
            raw |= self.trunks()[name] | {"images": self.trunk_images}
        return parse_config({**raw, "seed": seed})


def cell_folder(out: Path, seed: int, name: str) -> Path:
    return out / f"seed-{seed}" / name


_TOP = {
    "baseline": str,
    "trunk_images": int,
    "branch_images": int,
    "seeds": int,
    "pictures": int,
    "steps": int,
    "asked": list,
    "base": dict,
    "settings": dict,
}


def load_plan(path: Path) -> Plan:
    """Reads a plan; raises ``ConfigError`` naming the key."""
    raw = read_toml(path)
    if unknown := sorted(set(raw) - set(_TOP)):
        raise ConfigError(f"{path}: unknown key{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)}")
    if missing := sorted(set(_TOP) - set(raw)):
        raise ConfigError(f"{path}: missing key{'s' if len(missing) > 1 else ''}: {', '.join(missing)}")
    for key, kind in _TOP.items():
        if not isinstance(raw[key], kind) or isinstance(raw[key], bool):
            raise ConfigError(f"{path}: {key}: {kind.__name__} is needed, not {raw[key]!r}")
    settings: dict[str, dict[str, Any]] = raw["settings"]
    plan = Plan(**{**raw, "asked": tuple(float(v) for v in raw["asked"])})
    checks = [
        (raw["base"].get("data") == "phantom", 'base.data must be "phantom": only the phantom has a truth'),
        (plan.baseline in settings, f"baseline: there is no setting {plan.baseline!r}"),
        (min(plan.trunk_images, plan.branch_images, plan.seeds, plan.pictures, plan.steps) >= 1, "budgets must be at least 1"),
        (all(isinstance(v, dict) for v in settings.values()), "settings: each is a table of changes"),
        (not any(RESERVED & set(v) for v in (*settings.values(), raw["base"])), f"{', '.join(sorted(RESERVED))} are the plan's to set"),
        (not any(name.startswith("trunk") for name in settings), 'settings: a name must not begin with "trunk"'),
    ]  # fmt: skip
    for ok, message in checks:
        if not ok:
            raise ConfigError(f"{path}: {message}")
    for name in settings:
        try:
            config = plan.config(0, name, Path("."))
        except ConfigError as e:
            raise ConfigError(f"{path}: settings.{name}: {e}") from e
        if name == plan.baseline and config.ordinal_lambda != 0:
            raise ConfigError(f"{path}: the baseline must be a standard diffusion model, ordinal_lambda = 0")
    if not all(plan.config(0, plan.baseline, Path(".")).grades[0] <= s for s in plan.asked):
        raise ConfigError(f"{path}: asked: below the lowest grade the phantom has no truth")
    return plan


# --- one cell -----------------------------------------------------------------------------------------------------------


def groups_of(asked: tuple[float, ...], grades: tuple[float, ...]) -> dict[str, list[int]]:
    """Indices of ``asked`` at the grades (``whole``), between them (``between``), beyond the highest (``beyond``), and ``all``."""
    where = {
        "whole": [i for i, s in enumerate(asked) if s in grades],
        "between": [i for i, s in enumerate(asked) if s not in grades and grades[0] < s < grades[-1]],
        "beyond": [i for i, s in enumerate(asked) if s > grades[-1]],
        "all": list(range(len(asked))),
    }
    return {name: members for name, members in where.items() if members}


def ranks(values: np.ndarray) -> np.ndarray:
    """[N] -> [N]: ranks from 1, ties given their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rho of two samples [N]; 0 when one of them is constant."""
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum()) / norm if norm > 0 else 0.0


def concordance(measured: np.ndarray) -> float:
    """Share of pairs from one seed in which more was asked for and more is there; ``measured`` [severities, seeds], rising.

    Ties count a half; 0.5 is chance.
    """
    n = len(measured)
    low, high = np.triu_indices(n, 1)
    difference = measured[high] - measured[low]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean()) if n > 1 else 1.0


def truth_figures(
    asked: tuple[float, ...], measured: np.ndarray, grades: tuple[float, ...]
) -> dict[str, dict[str, float]]:
    """By figure and group: ``mae`` and ``bias`` in grades, Spearman's ``rank``, ``concordance``; ``measured`` [asked, seeds]."""
    want = np.asarray(asked)[:, None].repeat(measured.shape[1], axis=1)
    out: dict[str, dict[str, float]] = {"mae": {}, "bias": {}, "rank": {}, "concordance": {}}
    for group, members in groups_of(asked, grades).items():
        error = measured[members] - want[members]
        out["mae"][group] = float(np.abs(error).mean())
        out["bias"][group] = float(error.mean())
        if len(members) > 1:
            out["rank"][group] = rank_correlation(want[members].ravel(), measured[members].ravel())
            out["concordance"][group] = concordance(measured[members])
    return out


def run_cell(plan: Plan, out: Path, seed: int, name: str) -> None:
    """Trains a cell and, if it is a setting's, measures it; what is there already is gone on with. Needs PyTorch."""
    from .train import Run

    folder = cell_folder(out, seed, name)
    config = plan.config(seed, name, out)
    run = Run(config, folder, None, resume=True)
    run.train(quiet=True)
    if run.images < config.images:
        raise AblationError(f"{folder}: stopped at {run.images:,} of {config.images:,} images; run again to go on")
    figures: dict[str, Any] = {"fingerprint": fingerprint(plan, seed, name), "config": config.to_dict()}
    figures |= {"images": run.images, "seconds": round(run.seconds, 1)}
    if name in plan.settings:
        figures |= _measure(plan, run)
    temporary = folder / (FIGURES + ".tmp")
    temporary.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, folder / FIGURES)


def _measure(plan: Plan, run: Any) -> dict[str, Any]:
    from .phantom import measure_severity
    from .sampling import CosineSchedule, conditioning_plan, from_torch, sample_many, sampler_table
    from .validate import denoiser_psnr, held_out_noise_loss, ordinality

    c: TrainConfig = run.config
    held = run.held_set
    if not len(held):
        raise ConfigError("holdout: the ablation measures on held-out pictures")
    table = sampler_table(CosineSchedule(), "dpmpp-2m", plan.steps, (c.t_range[0], c.t_range[1]))
    predict = from_torch(run.ema, run.device)
    measured = np.empty((len(plan.asked), plan.pictures))
    for k, severity in enumerate(plan.asked):
        # the same starting noise at every severity: pairs of one seed differ in what was asked for alone
        condition = conditioning_plan(severity, c.grades)
        pictures = sample_many(
            predict, [condition] * plan.pictures, table, range(plan.pictures), (3, c.size, c.size), chunk=64
        )
        measured[k] = [measure_severity(np.clip(p, -1, 1)) for p in pictures]
    return {
        "noise_loss": held_out_noise_loss(run.ema, held, c, run.device),
        "psnr": denoiser_psnr(run.ema, held, c.size, run.device, limit=100),
        "ordinality": ordinality(run.ema, held, c.size, run.device, limit=60),
        "measured": np.round(measured, 4).tolist(),
        "truth": truth_figures(plan.asked, measured, c.grades),
    }


def fingerprint(plan: Plan, seed: int, name: str) -> dict[str, Any]:
    """What a finished cell must agree with to be taken over: its configuration, free of paths, and the measuring."""
    config = plan.config(seed, name, Path("."))
    settings = {k: v for k, v in config.to_dict().items() if k not in UNCOMPARED}
    budget = {"trunk_images": plan.trunk_images, "pictures": plan.pictures, "steps": plan.steps, "asked": plan.asked}
    return json.loads(json.dumps({"settings": settings, **(budget if name in plan.settings else {})}))  # type: ignore[no-any-return]


def finished(plan: Plan, out: Path, seed: int, name: str) -> dict[str, Any] | None:
    """The figures of a finished cell, or None. Raises ``AblationError`` when they belong to another plan."""
    path = cell_folder(out, seed, name) / FIGURES
    if not path.is_file():
        return None
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    kept, wanted = dict(figures["fingerprint"]), fingerprint(plan, seed, name)
    changed = set(changed_keys(kept.pop("settings"), plan.config(seed, name, Path(".")))) - UNCOMPARED
    wanted.pop("settings")
    if changed or kept != wanted:
        raise AblationError(f"{path} was made with other settings; give this plan another --out, or remove that folder")
    return figures


# --- all cells ------------------------------------------------------------------------------------------------------------


@dataclass
class _Job:
    seed: int
    name: str
    needs: tuple[int, str] | None
    process: subprocess.Popen[bytes] | None = None


def run_all(plan_path: Path, plan: Plan, out: Path, workers: int, device: str, quiet: bool = False) -> None:
    """Runs every cell that is not finished, ``workers`` processes of one thread at a time; trunks first.

    Each cell is a process of its own (``odm ablate … --cell SEED/NAME``). SIGINT and SIGTERM reach the cells, which end with a
    checkpoint. Raises ``AblationError`` when cells failed, after all others are done.
    """
    out.mkdir(parents=True, exist_ok=True)
    done: set[tuple[int, str]] = set()
    waiting: list[_Job] = []
    for seed in range(plan.seeds):
        for name in plan.trunks():
            waiting.append(_Job(seed, name, None))
    for name in plan.settings:
        waiting += [_Job(seed, name, (seed, plan.trunk_of(name))) for seed in range(plan.seeds)]
    for job in list(waiting):
        if finished(plan, out, job.seed, job.name) is not None:
            done.add((job.seed, job.name))
            waiting.remove(job)
    total = len(waiting)
    if not quiet:
        print(f"{total} cells to run, {len(done)} done already, {workers} at a time on {device}", flush=True)

    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""  # the training loop takes what it sees
    running: list[_Job] = []
    failed: list[str] = []
    stop: list[int] = []

    def forward(number: int, _frame: object) -> None:
        stop.append(number)
        for job in running:
            if job.process is not None and job.process.poll() is None:
                job.process.send_signal(signal.SIGTERM)

    before = {n: signal.signal(n, forward) for n in (signal.SIGINT, signal.SIGTERM)}
    start = time.monotonic()
    try:
        while running or (waiting and not stop):
            ready = [j for j in waiting if j.needs is None or j.needs in done]
            while ready and len(running) < workers and not stop:
                job = ready.pop(0)
                waiting.remove(job)
                folder = cell_folder(out, job.seed, job.name)
                folder.mkdir(parents=True, exist_ok=True)
                command = [sys.executable, "-m", "odm", "ablate", str(plan_path), "--out", str(out), "--cell"]
                command += [f"{job.seed}/{job.name}", "--device", device, "--seeds", str(plan.seeds)]
                with (folder / "cell.log").open("wb") as log:
                    # a session of its own: a terminal's Ctrl-C comes once, from here
                    job.process = subprocess.Popen(
                        command, stdout=log, stderr=log, env=environment, start_new_session=True
                    )
                running.append(job)
            for job in list(running):
                assert job.process is not None
                code = job.process.poll()
                if code is None:
                    continue
                running.remove(job)
                cell = f"seed-{job.seed}/{job.name}"
                if code == 0:
                    done.add((job.seed, job.name))
                else:
                    failed.append(cell)
                    dependants = [j for j in waiting if j.needs == (job.seed, job.name)]
                    failed += [f"seed-{j.seed}/{j.name}" for j in dependants]
                    waiting = [j for j in waiting if j not in dependants]
                if not quiet:
                    left = len(waiting) + len(running)
                    print(
                        f"{time.monotonic() - start:6.0f} s  {total - left}/{total}  {cell}{'' if code == 0 else ' FAILED'}",
                        flush=True,
                    )
            time.sleep(0.05)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stop:
        raise AblationError(f"stopped; run the same command again to go on ({len(done)} cells are done)")
    if failed:
        log_file = out / failed[0] / "cell.log"
        last = (
            log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            if log_file.is_file()
            else []
        )
        raise AblationError(f"{len(failed)} of {total} cells failed: {', '.join(failed)}; {log_file}: {''.join(last)}")
