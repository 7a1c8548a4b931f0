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
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from .checkpoint import load_latest, read_checkpoint, save_checkpoint
from .config import TrainConfig, changed_keys, plain
from .data import BatchSource, load_image_set, split_holdout
from .errors import CheckpointError, ConfigError
from .losses import Triple, anchor_loss, best_line, line_loss, noise_loss, ordinal_loss, time_weight
from .network import Denoiser, fit_augmentation
from .schedule import alpha_sigma, expand
from .validate import validation


def draw_times(rng: np.random.Generator, count: int, config: TrainConfig) -> Tensor:
    """[count] times: log-normal in sigma / alpha, a share uniform in ``t_range``, a share log-uniform near zero."""
    low, high = config.t_range
    log_sigma = rng.normal(config.log_sigma_mean, config.log_sigma_std, count)
    lognormal = np.arctan(np.exp(log_sigma)) * (2 / math.pi)
    uniform = rng.uniform(low, high, count)
    kind = rng.uniform(size=count)
    t = np.where(kind < config.uniform_share, uniform, lognormal)
    if config.low_noise_share > 0:
        first, last = np.log(config.low_noise_range)
        faint = np.exp(rng.uniform(first, last, count))
        t = np.where(kind >= 1 - config.low_noise_share, faint, t)
    return torch.from_numpy(np.clip(t, low, high).astype(np.float32))


def draw_triples(rng: np.random.Generator, count: int, classes: int) -> Tensor:
    """[count, 3] triples of three different grades in rising order, uniformly; zeros where there are fewer than three."""
    if classes < 3:
        return torch.zeros(count, 3, dtype=torch.int64)
    shuffled = rng.permuted(np.tile(np.arange(classes), (count, 1)), axis=1)
    return torch.from_numpy(np.sort(shuffled[:, :3], axis=1))


class Noisy(NamedTuple):
    """Noisy pictures of one step, one process's part."""

    x0: Tensor  # [n, 3, H, W]
    x: Tensor
    t: Tensor  # [n]
    alpha: Tensor
    sigma: Tensor
    y: Tensor  # [n, C + 1], the true grades' rows, or the null class's
    triples: Tensor  # [n, 3] grades for the ordinal loss
    told: tuple[Tensor, ...]  # how the pictures were changed, where the network is told

    def first(self, count: int) -> Noisy:
        """The first ``count`` pictures of these."""
        shorter = {name: part[:count] for name, part in self._asdict().items() if name != "told"}
        return Noisy(**shorter, told=tuple(a[:count] for a in self.told))


class TrainStep:
    """Loss of one global step, as seen by one process."""

    def __init__(self, config: TrainConfig, source: BatchSource, rank: int, world: int, device: torch.device) -> None:
        self.config, self.source, self.rank, self.world, self.device = config, source, rank, world, device
        self.classes = len(config.grades)
        self.generator = torch.Generator(device)
        # the trunk's averaged network, where the configuration holds on to it
        self.anchor: torch.nn.Module | None = None
        self.lines: dict[int, Tensor] = {}  # its lines through a pool's pictures, by step

    def share(self, whole: Tensor) -> Tensor:
        # never waits for the device: Python prepares the next batch while it computes
        part = whole[self.rank :: self.world].to(self.device, non_blocking=True)
        return part.contiguous(memory_format=torch.channels_last) if part.dim() == 4 else part

    def noisy(self, step: int) -> Noisy:
        """This process's part of the noisy pictures of global step ``step``."""
        c = self.config
        rng = np.random.default_rng((c.seed, step, 2))
        batch = self.source.batch(step)
        # seeded anew each step, so that nothing random is carried; on the device, where drawing it costs nothing
        self.generator.manual_seed(c.seed * 1_000_003 + step)
        noise = torch.randn(batch.x0.shape, generator=self.generator, device=self.device)
        times = draw_times(rng, c.batch, c)
        dropped = rng.uniform(size=c.batch) < c.null_probability
        rows = torch.nn.functional.one_hot(
            torch.from_numpy(np.where(dropped, self.classes, batch.labels)), self.classes + 1
        )
        # triples are drawn even when lambda is 0: the DM and the ODM then see the same data and noise
        triples = draw_triples(rng, c.batch, self.classes)
        x0, z, t = (self.share(part) for part in (batch.x0, noise, times))
        alpha, sigma = alpha_sigma(t)
        x = expand(alpha) * x0 + expand(sigma) * z
        told = () if batch.augmentation is None else (self.share(batch.augmentation),)
        return Noisy(x0, x, t, alpha, sigma, self.share(rows.float()), self.share(triples), told)

    def loss(self, model: torch.nn.Module, step: int, ordinal_scale: float = 1.0) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of global step ``step`` and its parts; ``ordinal_scale`` in 0..1 is where lambda's warm-up stands."""
        c = self.config
        b = self.noisy(step)
        torch.manual_seed((c.seed * 1_000_003 + step) * 64 + self.rank)  # dropout
        with torch.autocast(self.device.type, torch.bfloat16, enabled=c.precision == "bf16"):
            estimate = model(b.x, b.t, b.y, *b.told)
        total = noise_loss(estimate.float(), b.x0, b.alpha, b.sigma)
        figures = {"noise_loss": total.detach()}
        if c.ordinal_lambda > 0:
            count = max(1, round(c.ordinal_share * c.batch) // self.world)
            triples = b.triples[:count]
            # out of a pool, pictures come again with other triples of grades
            drawn_at = step % c.ordinal_pool if c.ordinal_pool else step
            o = (b if drawn_at == step else self.noisy(drawn_at)).first(count)
            graded = torch.nn.functional.one_hot(triples.T, self.classes + 1).float()  # [3, n, C + 1]
            # never in bfloat16: its rounding is as large as the distances between grades at low noise, and a ratio of
            # distances that are mostly rounding falls by driving the outer grades apart
            estimates = model(
                o.x.repeat(3, 1, 1, 1), o.t.repeat(3), graded.flatten(0, 1), *(a.repeat(3, 1) for a in o.told)
            )
            e = estimates.unflatten(0, (3, count))
            extra, g = ordinal_loss(
                e[0], e[1], e[2], o.alpha, o.sigma, c.ordinal_reading, c.ordinal_weight, c.ordinal_gradient
            )
            total = total + ordinal_scale * c.ordinal_lambda * extra
            if self.anchor is not None:
                held = self.held(o, drawn_at, triples, e)
                total = total + ordinal_scale * c.ordinal_anchor * held
                figures["anchor"] = held.detach()
            figures |= triple_figures(g)
        return total, figures

    def held(self, o: Noisy, step: int, triples: Tensor, e: Tensor) -> Tensor:
        """The anchor's loss of estimates ``e`` [3, n, ...] for the grades ``triples`` [n, 3] of ``step``'s pictures ``o``."""
        c = self.config
        if c.ordinal_anchor_to == "distance":
            before_p, before_r = self.before(o, triples.T[::2])
            return anchor_loss(e[0], e[2], before_p, before_r, c.ordinal_anchor_play)
        line = self.lines.get(step)
        if line is None:
            grades = torch.arange(self.classes, device=o.x.device).unsqueeze(1).expand(-1, len(o.x))
            line = best_line(self.before(o, grades), c.grades)
            if c.ordinal_pool:
                self.lines[step] = line
        outer = (line[-1] - line[0]).flatten(1).square().mean(1)
        own = line[triples.T, torch.arange(len(o.x), device=line.device)]  # [3, n, ...]
        return line_loss(e, own, outer, time_weight(c.ordinal_weight, o.alpha, o.sigma))

    @torch.no_grad()
    def before(self, o: Noisy, grades: Tensor) -> Tensor:
        """[k, n, ...]: what the network that is held on to estimates for the ``grades`` [k, n]."""
        assert self.anchor is not None
        k, n = grades.shape
        rows = torch.nn.functional.one_hot(grades, self.classes + 1).float().flatten(0, 1)
        out: Tensor = self.anchor(o.x.repeat(k, 1, 1, 1), o.t.repeat(k), rows, *(a.repeat(k, 1) for a in o.told))
        return out.reshape(k, n, *out.shape[1:])


def triple_figures(g: Triple) -> dict[str, Tensor]:
    """Means over a batch, for the log; left on the device, since fetching a number waits for it."""
    return {
        "slack": g.slack.detach().mean(),
        "violations": (~g.ordered).float().mean(),
        "cosine": g.cosine.detach().mean(),
        "outer": g.pr.detach().mean(),
    }


def ema_decay(config: TrainConfig, images: int) -> float:
    """Decay of one step for a half-life in images that grows with the run (Karras et al. 2022, their training code's idea)."""
    halflife = min(config.ema_halflife_images, max(1.0, config.ema_rampup * images))
    return float(0.5 ** (config.batch / halflife))


def learning_rate(config: TrainConfig, images: int, began_at: int = 0) -> float:
    """At ``images`` of a run whose optimiser began at ``began_at``: a linear warm-up, then constant (the moving average does
    what a decay would), and over the last ``decay_images`` linearly down to nothing."""
    warmth = (images - began_at + config.batch) / max(1, config.warmup_images)
    left = (config.images - images) / config.decay_images if config.decay_images else 1.0
    return config.learning_rate * max(0.0, min(1.0, warmth, left))


class Run:
    """A run in a folder: config.json, log.jsonl, latest.pt, previous.pt, samples/."""

    def __init__(
        self, config: TrainConfig, folder: Path, data_root: Path | None, resume: bool, compiled: bool = False
    ) -> None:
        self.config, self.folder = config, folder
        # accelerate moves the model and averages gradients; the precision is ours (autocast in TrainStep)
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available())
        self.main = self.accelerator.is_main_process
        self.device = self.accelerator.device
        self.train_set, self.held_set = split_holdout(load_image_set(config, data_root), config.holdout)

        torch.manual_seed(config.seed)
        model = Denoiser(config.network())
        self.ema = Denoiser(config.network()).eval().requires_grad_(False)
        self.step, self.seconds = 0, 0.0
        self.branched_at = 0  # images when the ordinal loss could begin to tell this run from the trunk
        self.began_at = 0  # images when this run began: a branch may come in parts
        optimizer_state: dict[str, Any] | None = None
        anchor: dict[str, Any] | None = None
        if resume and any(folder.glob("*.pt")):
            state, problem = load_latest(folder)
            if problem and self.main:
                print(f"warning: {problem}; the previous checkpoint is used", file=sys.stderr)
            changed = changed_keys(state["config"], config)
            if fixed := sorted(set(changed) - MAY_CHANGE):
                raise CheckpointError(f"{folder}: the checkpoint belongs to another configuration: {', '.join(fixed)}")
            self.step, self.seconds, self.branched_at = state["step"], state["seconds"], state["branched_at"]
            self.began_at = state.get("began_at", self.branched_at)
            if changed:
                self.log({"settings_changed": {k: plain(config.to_dict())[k] for k in changed}})
            optimizer_state, anchor = state["optimizer"], state.get("anchor")
        elif config.init_from:
            # a branch goes on just as its trunk would have, on the same pictures and noise, but for the changed settings
            state = read_checkpoint(Path(config.init_from))
            trunk = state["config"]["batch"]
            if trunk != config.batch and not config.init_average:
                raise CheckpointError(f"{config.init_from}: a branch keeps its trunk's batch, {trunk}")
            # a fresh optimiser may have another batch; what the trunk saw is rounded down to whole ones of it
            self.step, self.seconds = state["step"] * trunk // config.batch, state["seconds"]
            self.began_at = self.images
            self.branched_at = state["branched_at"] if config.init_continues else self.images
            if config.init_average:
                # all that is needed of the trunk is its average, so a checkpoint thinned to that serves too
                average = fit_augmentation(state["ema"], config.network())
                state, optimizer_state = {**state, "model": average, "ema": average}, None
            else:
                optimizer_state = state["optimizer"]
            anchor = state["ema"] if config.ordinal_anchor > 0 else None
        else:
            state = {"model": model.state_dict(), "ema": model.state_dict()}
        try:
            model.load_state_dict(state["model"])
            self.ema.load_state_dict(state["ema"])
        except RuntimeError as e:
            raise CheckpointError(f"the checkpoint does not fit the network of this configuration ({e})") from e
        model.train_only(config.trains == "conditioning")
        model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay, fused=self.device.type == "cuda")  # type: ignore[arg-type]  # fmt: skip
        if optimizer_state is not None:
            optimizer.load_state_dict(optimizer_state)
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        world = self.accelerator.num_processes
        if config.batch % world:
            raise CheckpointError(f"batch {config.batch} is not divisible by {world} processes")
        # the compiled module shares the parameters; it serves the loss alone
        self.trained: torch.nn.Module = torch.compile(self.model) if compiled else self.model  # type: ignore[assignment]
        source = BatchSource(self.train_set, config, self.device)
        self.train_step = TrainStep(config, source, self.accelerator.process_index, world, self.device)
        self.anchor = anchor
        if anchor is not None:
            held = Denoiser(config.network()).eval().requires_grad_(False)
            held.load_state_dict(anchor)
            self.train_step.anchor = held.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.main:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "config.json").write_text(json.dumps(config.to_dict(), indent=2) + "\n", encoding="utf-8")

    @property
    def images(self) -> int:
        return self.step * self.config.batch

    def ordinal_scale(self) -> float:
        """Lambda's warm-up since the run, or its branch, began: the first ordinal gradients are large and all alike."""
        since = self.images - self.began_at + self.config.batch
        return min(1.0, since / max(1, self.config.ordinal_warmup_images))

    def advance(self) -> dict[str, Tensor]:
        """One optimiser step; returns the figures of this process."""
        c = self.config
        for group in self.optimizer.param_groups:
            # a fresh optimiser warms up anew: its first steps are all alike in size, and would throw a trained network about
            group["lr"] = learning_rate(c, self.images, self.began_at if c.init_average else 0)
        total, figures = self.train_step.loss(self.trained, self.step, self.ordinal_scale())
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(total)
        self.accelerator.clip_grad_norm_(self.model.parameters(), c.gradient_clip)
        self.optimizer.step()
        decay = ema_decay(c, self.images)
        with torch.no_grad():
            bare = self.accelerator.unwrap_model(self.model)
            torch._foreach_lerp_(list(self.ema.parameters()), list(bare.parameters()), 1 - decay)
        self.step += 1
        return figures

    def state(self) -> dict[str, Any]:
        return {
            "config": plain(self.config.to_dict()),
            "step": self.step,
            "seconds": self.seconds,
            "branched_at": self.branched_at,
            "began_at": self.began_at,
            "counts": self.train_set.counts,
            "model": self.accelerator.unwrap_model(self.model).state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "anchor": self.anchor,
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
        """PSNR by t and ordinality of the EMA on held-out and training pictures, in float32, into the log."""
        self.log(validation(self.ema, self.train_set, self.held_set, self.config.size, self.device))

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

    def train(self, quiet: bool = False, minutes: float | None = None) -> None:
        """Runs to ``config.images``, or for ``minutes`` of wall-clock time; SIGTERM and SIGINT end the run after the step at
        hand. The end is a checkpoint. Raises ``ConfigError`` when several processes are to agree on a time."""
        if minutes is not None and self.accelerator.num_processes > 1:
            raise ConfigError("--minutes is for one process; give several the number of images (--images)")
        stop: list[int] = []
        before = {n: signal.signal(n, lambda got, _frame: stop.append(got)) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._loop(quiet, None if minutes is None else time.monotonic() + 60 * minutes, stop)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if stop:
            self.save()
        self.close()

    def close(self) -> None:
        """Leaves the group of processes; call it when the run is over.

        Whoever has nothing left to write waits here for the others: a process that exits while gloo's thread is still
        dropping the tensors of the last step's gradients is aborted, since that thread asks for the interpreter's lock while
        the interpreter shuts down (pytorch issue 190489).
        """
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()

    def _loop(self, quiet: bool, deadline: float | None, stop: list[int]) -> None:
        """Steps with checkpoints, log, validation and sample sheets on the way, until done, past ``deadline``, or ``stop`` has something."""
        c = self.config
        bar = tqdm(total=c.images, initial=self.images, unit="img", unit_scale=True, disable=quiet or not self.main)
        window: list[dict[str, Tensor]] = []
        last_save = last_sheet = mark = time.monotonic()
        while self.images < c.images and not stop:
            window.append(self.advance())
            bar.update(c.batch)
            now = time.monotonic()
            self.seconds += now - mark
            mark = now
            if self.images % c.log_images < c.batch:
                means = {k: torch.stack([w[k] for w in window]).mean().item() for k in window[-1]}
                if not math.isfinite(means["noise_loss"]):
                    raise CheckpointError(
                        f"the loss is not finite before step {self.step}; resume with a lower learning_rate"
                    )
                self.log(means)
                bar.set_postfix({k: f"{v:.4f}" for k, v in means.items()})
                window.clear()
            late = deadline is not None and now > deadline
            done = late or self.images >= c.images
            if self.main and (self.images % c.validate_images < c.batch or done):
                self.validate()
            if now - last_save > 60 * c.checkpoint_minutes or done:
                self.save()
                last_save = now
            if self.main and c.samples_minutes > 0 and (now - last_sheet > 60 * c.samples_minutes or done):
                self.sample_sheet()
                last_sheet = now
            if late:
                break
            # what was spent on looking is not training time
            mark = time.monotonic()
        bar.close()


# on resume; all else is what the checkpoint is a checkpoint of
MAY_CHANGE = frozenset(
    ["images", "learning_rate", "decay_images", "log_images", "validate_images", "checkpoint_minutes", "samples_minutes", "init_from"]
)  # fmt: skip
