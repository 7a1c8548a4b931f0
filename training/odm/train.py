"""The training loop: any number of processes, every step a pure function of (seed, step), exact to resume.

Each process draws the whole global batch of a step and keeps every ``world``-th item from its rank on, so that the
gradient of N processes is that of one on the same batch. Nothing random is carried from step to step.
"""

from __future__ import annotations

import json
import math
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from .checkpoint import load_latest, read_checkpoint, save_checkpoint
from .config import TrainConfig
from .data import BatchSource, load_image_set, split_holdout, to_float
from .errors import CheckpointError
from .losses import Triple, noise_loss, ordinal_loss
from .network import Denoiser
from .schedule import alpha_sigma, expand
from .validate import denoiser_psnr, ordinality


def draw_times(rng: np.random.Generator, count: int, config: TrainConfig) -> Tensor:
    """[count] times: log-normal in sigma / alpha, and a share uniform in ``t_range``."""
    low, high = config.t_range
    log_sigma = rng.normal(config.log_sigma_mean, config.log_sigma_std, count)
    lognormal = np.arctan(np.exp(log_sigma)) * (2 / math.pi)
    uniform = rng.uniform(low, high, count)
    t = np.where(rng.uniform(size=count) < config.uniform_share, uniform, lognormal)
    return torch.from_numpy(np.clip(t, low, high).astype(np.float32))


def draw_triple(rng: np.random.Generator, classes: int) -> list[int]:
    """Three different grades in rising order, uniformly."""
    return sorted(rng.choice(classes, 3, replace=False).tolist())


class TrainStep:
    """Loss of one global step, as seen by one process."""

    def __init__(self, config: TrainConfig, source: BatchSource, rank: int, world: int, device: torch.device) -> None:
        self.config, self.source, self.rank, self.world, self.device = config, source, rank, world, device
        self.classes = len(config.grades)

    def share(self, whole: Tensor) -> Tensor:
        part = whole[self.rank :: self.world].to(self.device)
        return part.contiguous(memory_format=torch.channels_last) if part.dim() == 4 else part

    def loss(self, model: torch.nn.Module, step: int) -> tuple[Tensor, dict[str, float]]:
        c = self.config
        rng = np.random.default_rng((c.seed, step, 2))
        pictures, labels = self.source.batch(step)
        noise = torch.from_numpy(rng.standard_normal((c.batch, 3, c.size, c.size), np.float32))
        times = draw_times(rng, c.batch, c)
        dropped = rng.uniform(size=c.batch) < c.null_probability
        rows = torch.nn.functional.one_hot(torch.from_numpy(np.where(dropped, self.classes, labels)), self.classes + 1)
        # triples are drawn even when lambda is 0: the DM and the ODM then see the same data and noise
        triples = torch.tensor([draw_triple(rng, self.classes) if self.classes >= 3 else [0, 0, 0] for _ in range(c.batch)])  # fmt: skip
        torch.manual_seed((c.seed * 1_000_003 + step) * 64 + self.rank)  # dropout

        x0, z, t = self.share(torch.from_numpy(to_float(pictures))), self.share(noise), self.share(times)
        y = self.share(rows.float())
        alpha, sigma = alpha_sigma(t)
        x = expand(alpha) * x0 + expand(sigma) * z
        count = max(1, round(c.ordinal_share * c.batch) // self.world) if c.ordinal_lambda > 0 else 0
        graded = torch.nn.functional.one_hot(self.share(triples)[:count], self.classes + 1).float()  # [n, 3, C + 1]
        xs = torch.cat([x] + [x[:count]] * 3) if count else x
        ts = torch.cat([t] + [t[:count]] * 3) if count else t
        ys = torch.cat([y] + [graded[:, k] for k in range(3)]) if count else y
        with torch.autocast(self.device.type, torch.bfloat16, enabled=c.precision == "bf16"):
            estimate = model(xs, ts, ys)
        estimate = estimate.float()
        n = len(x)
        total = noise_loss(estimate[:n], x0, alpha, sigma)
        figures = {"noise_loss": total.item()}
        if count:
            e_p, e_q, e_r = estimate[n:].chunk(3)
            extra, g = ordinal_loss(e_p, e_q, e_r, alpha[:count], sigma[:count], c.ordinal_reading, c.ordinal_weight)
            total = total + c.ordinal_lambda * extra
            figures |= triple_figures(g)
        return total, figures


def triple_figures(g: Triple) -> dict[str, float]:
    """Means over a batch, for the log."""
    return {
        "slack": g.slack.mean().item(),
        "violations": (~g.ordered).float().mean().item(),
        "cosine": g.cosine.mean().item(),
        "outer": g.pr.mean().item(),
    }


def ema_decay(config: TrainConfig, images: int) -> float:
    """Decay of one step for a half-life in images that grows with the run (Karras et al. 2022, their training code's idea)."""
    halflife = min(config.ema_halflife_images, max(1.0, config.ema_rampup * images))
    return float(0.5 ** (config.batch / halflife))


def learning_rate(config: TrainConfig, images: int) -> float:
    """Linear warm-up, then constant: the moving average does what a decay would."""
    return config.learning_rate * min(1.0, (images + config.batch) / max(1, config.warmup_images))


class Run:
    """A run in a folder: config.json, log.jsonl, latest.pt, previous.pt, samples/."""

    def __init__(self, config: TrainConfig, folder: Path, data_root: Path | None, resume: bool) -> None:
        self.config, self.folder = config, folder
        # accelerate moves the model and averages gradients; the precision is ours (autocast in TrainStep)
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available())
        self.main = self.accelerator.is_main_process
        self.device = self.accelerator.device
        self.train_set, self.held_set = split_holdout(load_image_set(config, data_root), config.holdout)

        torch.manual_seed(config.seed)
        model = Denoiser(config.network())
        self.ema = Denoiser(config.network()).eval().requires_grad_(False)
        self.step, self.seconds, self.branched_at = 0, 0.0, 0
        optimizer_state: dict[str, Any] | None = None
        if resume and any(folder.glob("*.pt")):
            state, problem = load_latest(folder)
            if problem and self.main:
                print(f"warning: {problem}; the previous checkpoint is used", file=sys.stderr)
            changed = changed_keys(state["config"], config)
            if fixed := sorted(set(changed) - MAY_CHANGE):
                raise CheckpointError(f"{folder}: the checkpoint belongs to another configuration: {', '.join(fixed)}")
            self.step, self.seconds, self.branched_at = state["step"], state["seconds"], state["branched_at"]
            if changed:
                self.log({"settings_changed": {k: _plain(config.to_dict())[k] for k in changed}})
            optimizer_state = state["optimizer"]
        elif config.init_from:
            # a branch goes on just as its trunk would have, on the same pictures and noise, but for the changed settings
            state = read_checkpoint(Path(config.init_from))
            if state["config"]["batch"] != config.batch:
                raise CheckpointError(
                    f"{config.init_from}: a branch keeps its trunk's batch, {state['config']['batch']}"
                )
            self.step, self.seconds, optimizer_state = state["step"], state["seconds"], state["optimizer"]
            self.branched_at = self.images
        else:
            state = {"model": model.state_dict(), "ema": model.state_dict()}
        try:
            model.load_state_dict(state["model"])
            self.ema.load_state_dict(state["ema"])
        except RuntimeError as e:
            raise CheckpointError(f"the checkpoint does not fit the network of this configuration ({e})") from e
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay)  # type: ignore[arg-type]  # fmt: skip
        if optimizer_state is not None:
            optimizer.load_state_dict(optimizer_state)
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        world = self.accelerator.num_processes
        if config.batch % world:
            raise CheckpointError(f"batch {config.batch} is not divisible by {world} processes")
        source = BatchSource(self.train_set, config)
        self.train_step = TrainStep(config, source, self.accelerator.process_index, world, self.device)
        if self.main:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "config.json").write_text(json.dumps(config.to_dict(), indent=2) + "\n", encoding="utf-8")

    @property
    def images(self) -> int:
        return self.step * self.config.batch

    def advance(self) -> dict[str, float]:
        """One optimiser step; returns the figures of this process."""
        c = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(c, self.images)
        total, figures = self.train_step.loss(self.model, self.step)
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(total)
        self.accelerator.clip_grad_norm_(self.model.parameters(), c.gradient_clip)
        self.optimizer.step()
        decay = ema_decay(c, self.images)
        with torch.no_grad():
            bare = self.accelerator.unwrap_model(self.model)
            for average, now in zip(self.ema.parameters(), bare.parameters(), strict=True):
                average.lerp_(now, 1 - decay)
        self.step += 1
        if not math.isfinite(figures["noise_loss"]):
            raise CheckpointError(f"the loss is not finite at step {self.step}; resume with a lower learning_rate")
        return figures

    def state(self) -> dict[str, Any]:
        return {
            "config": _plain(self.config.to_dict()),
            "step": self.step,
            "seconds": self.seconds,
            "branched_at": self.branched_at,
            "counts": self.train_set.counts,
            "model": self.accelerator.unwrap_model(self.model).state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def save(self) -> None:
        if self.main:
            save_checkpoint(self.folder, self.state())

    def log(self, entry: dict[str, Any]) -> None:
        if self.main:
            line = {"images": self.images, "seconds": round(self.seconds, 1), **entry}
            with (self.folder / "log.jsonl").open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(line) + "\n")

    def validate(self) -> None:
        """PSNR by t and ordinality of the EMA on held-out and training pictures, into the log."""
        held = self.held_set if len(self.held_set) else self.train_set
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            entry = {
                "psnr_held_out": denoiser_psnr(self.ema, held, self.config.size, self.device),
                "psnr_train": denoiser_psnr(self.ema, self.train_set, self.config.size, self.device, limit=32),
            }
            if len(self.config.grades) >= 3:
                entry["ordinality"] = ordinality(self.ema, held, self.config.size, self.device)  # type: ignore[assignment]
        self.log(entry)

    def sample_sheet(self, columns: int = 4, steps: int = 16) -> None:
        """A PNG of EMA samples, one row a grade, one column a seed (the same seeds every time)."""
        from .sampling import CosineSchedule, conditioning_plan, from_torch, sample, sampler_table, to_uint8

        c = self.config
        table = sampler_table(CosineSchedule(), "dpmpp-2m", steps, (c.t_range[0], c.t_range[1]))
        predict, shape = from_torch(self.ema, self.device), (3, c.size, c.size)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=c.precision == "bf16"):
            rows = [
                np.concatenate(
                    [
                        to_uint8(sample(predict, conditioning_plan(g, c.grades), table, seed, shape))
                        for seed in range(columns)
                    ],
                    axis=1,
                )
                for g in c.grades
            ]
        folder = self.folder / "samples"
        folder.mkdir(exist_ok=True)
        Image.fromarray(np.concatenate(rows)).save(folder / f"{self.images:08d}.png")

    def train(self, quiet: bool = False) -> None:
        """Runs to ``config.images``; SIGTERM and SIGINT end the run after the step at hand, with a checkpoint."""
        stop: list[int] = []
        before = {n: signal.signal(n, lambda got, _frame: stop.append(got)) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._loop(quiet, stop)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if stop:
            self.save()
        self.accelerator.end_training()

    def _loop(self, quiet: bool, stop: list[int]) -> None:
        """Steps with checkpoints, log, validation and sample sheets on the way, until done or ``stop`` has something."""
        c = self.config
        bar = tqdm(total=c.images, initial=self.images, unit="img", unit_scale=True, disable=quiet or not self.main)
        window: list[dict[str, float]] = []
        last_save = last_sheet = mark = time.monotonic()
        while self.images < c.images and not stop:
            window.append(self.advance())
            bar.update(c.batch)
            now = time.monotonic()
            self.seconds += now - mark
            mark = now
            if self.images % c.log_images < c.batch:
                means = {k: float(np.mean([w[k] for w in window if k in w])) for k in window[-1]}
                self.log(means)
                bar.set_postfix({k: f"{v:.4f}" for k, v in means.items()})
                window.clear()
            done = self.images >= c.images
            if self.main and (self.images % c.validate_images < c.batch or done):
                self.validate()
            if now - last_save > 60 * c.checkpoint_minutes or done:
                self.save()
                last_save = now
            if self.main and c.samples_minutes > 0 and (now - last_sheet > 60 * c.samples_minutes or done):
                self.sample_sheet()
                last_sheet = now
            # what was spent on looking is not training time
            mark = time.monotonic()
        bar.close()


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    """Tuples as lists, so that a stored configuration compares equal to a fresh one."""
    return json.loads(json.dumps(config))  # type: ignore[no-any-return]


# on resume; all else is what the checkpoint is a checkpoint of
MAY_CHANGE = frozenset(
    ["images", "learning_rate", "log_images", "validate_images", "checkpoint_minutes", "samples_minutes", "init_from"]
)


def changed_keys(stored: dict[str, Any], config: TrainConfig) -> list[str]:
    """Keys whose value in a checkpoint's configuration is not that of ``config``."""
    now = _plain(config.to_dict())
    return sorted(k for k in set(stored) | set(now) if stored.get(k) != now.get(k))
