"""Training of StyleGAN2 on one device: pictures stay there, every step is a pure function of (seed, step), exact to resume.

One step is: a batch of generated pictures; the generator's step through the discriminator; the discriminator's step on the
same generated pictures, augmented as they were, and a batch of real ones; now and then the gradient penalty (R1, Mescheder
et al. 2018) and, if asked for, path-length regularisation, each as a step of its own (lazy, Karras et al. 2020). All
pictures the discriminator sees pass DiffAugment. With few pictures a conditional GAN draws one picture a class, an unconditional one need not; so the class
can be given to both networks late and little by little (Shahbazi et al. 2022, "Collapse by Conditioning", arXiv 2201.06578;
their second loss, without the class, is left out). The generator can be asked for layouts that differ with z by one more
loss (``mode_seeking_loss``). Figures stay on the device until a log line is due, so that a GPU never
waits for Python.
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
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from .checkpoint import load_latest, read_checkpoint, save_checkpoint
from .config import GanConfig, changed_keys, parse_settings, plain
from .data import BatchSource, ImageSet, center_crop, load_image_set, split_holdout, to_float
from .diffaugment import diff_augment
from .efficientnet import open_network
from .errors import CheckpointError
from .noise import Purpose, normals
from .projected import ProjectedDiscriminator
from .sampling import to_uint8
from .stylegan import Discriminator, Generator

KIND = "stylegan2"
EXAMPLES = 64  # real pictures that a projected discriminator takes its scales from
_FIGURES = ("loss_g", "loss_d", "real_sign", "fake_sign")


def latents(seeds: NDArray[np.int64] | list[int], width: int) -> NDArray[np.float32]:
    """[N, width]: the z of each seed, the same here and in the browser."""
    return np.stack([normals(int(seed), Purpose.LATENT, 0, width) for seed in seeds])


def r1_penalty(discriminator: torch.nn.Module, pictures: Tensor, y: Tensor) -> Tensor:
    """Mean squared norm of the logit's gradient with respect to real pictures [B, 3, S, S] as the discriminator sees them."""
    x = pictures.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(x, y).sum(), x, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def path_lengths(generator: Generator, z: Tensor, y: Tensor, noise: Tensor) -> Tensor:
    """[B] norms of ``J_w^T noise``, the noise scaled by one over the side (Karras et al. 2020, section 3.2)."""
    w = generator.mapping(z, y)
    pictures = generator.synthesis(w)
    (gradient,) = torch.autograd.grad((pictures * noise / pictures.shape[2]).sum(), w, create_graph=True)
    # every layer is fed the same w: the sum of the layers' gradients, as one row
    return gradient.square().sum(dim=1).sqrt()


def layout(pictures: Tensor) -> Tensor:
    """Brightness of pictures [B, 3, S, S], averaged to 16x16, each less its own mean: [B, 1, 16, 16]. Hues are no layout."""
    small = F.adaptive_avg_pool2d(pictures.float().mean(dim=1, keepdim=True), min(16, pictures.shape[-1]))
    return small - small.mean(dim=(2, 3), keepdim=True)


def mode_seeking_loss(layouts: list[Tensor], z: Tensor) -> Tensor:
    """Distance of latents over distance of layouts, of the first half of the batch from the second; one class a pair.

    After Mao et al. 2019, "Mode Seeking Generative Adversarial Networks" (arXiv 1903.05628), who compare whole pictures; here
    it is one or several grids [B, c, h, h] that tell how pictures are laid out (``layout``, or a projected discriminator's).
    """
    za, zb = z.chunk(2)
    apart = torch.stack([(a - b).abs().mean() for a, b in (grid.chunk(2) for grid in layouts)]).mean()
    return (za - zb).abs().mean() / (apart + 1e-5)


def ema_decay(config: GanConfig, images: int) -> float:
    """Decay of one step for a half-life in images that grows with the run."""
    halflife = min(config.ema_halflife_images, max(1.0, config.ema_rampup * images))
    return float(0.5 ** (config.batch / halflife))


def _adam(parameters: list[torch.nn.Parameter], rate: float, config: GanConfig, every: int | None) -> torch.optim.Adam:
    """Adam without momentum; a regulariser's extra steps are taken back from the rate and the memory, as in the paper."""
    share = 1.0 if every is None else every / (every + 1)
    return torch.optim.Adam(
        parameters,
        lr=rate * share,
        betas=(0.0, config.beta2**share),
        eps=1e-8,
        fused=parameters[0].is_cuda,
    )


class GanTrainer:
    """Both networks, their optimisers and the moving average; ``advance`` is one step."""

    def __init__(self, config: GanConfig, source: BatchSource, device: torch.device) -> None:
        self.config, self.source, self.device = config, source, device
        self.dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
        torch.manual_seed(config.seed)
        shape = config.shape()
        self.generator, self.ema = Generator(shape).to(device), Generator(shape).to(device)
        self.discriminator = self._critic().to(device)
        for network in (self.generator, self.ema, self.discriminator):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema.eval().requires_grad_(False)
        self.ema.load_state_dict(self.generator.state_dict())
        (rate_g, path), (rate_d, r1) = self._pace()
        self.optimizer_g = _adam(list(self.generator.parameters()), rate_g, config, path)
        self.optimizer_d = _adam(list(self.discriminator.parameters()), rate_d, config, r1)
        self.path_mean = torch.zeros((), device=device)
        self.random = torch.Generator(device)
        self.step = 0
        self._give_class()

    def _pace(self) -> tuple[tuple[float, int | None], tuple[float, int | None]]:
        """Learning rate and steps between two regularisations, of the generator and of the discriminator."""
        c = self.config
        return (
            (c.learning_rate, c.path_every if c.path_weight > 0 else None),
            (c.critic_learning_rate or c.learning_rate, c.r1_every if c.r1_gamma > 0 else None),
        )

    def _critic(self) -> Discriminator | ProjectedDiscriminator:
        c = self.config
        if c.critic == "stylegan2":
            return Discriminator(c.shape())
        network = open_network("lite1").to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        images = self.source.images
        some = np.linspace(0, len(images) - 1, EXAMPLES).astype(np.int64)
        pictures = torch.from_numpy(to_float(center_crop(images.images[some], c.size)))
        rows = F.one_hot(torch.from_numpy(images.labels[some]), len(c.grades)).float()
        critic = ProjectedDiscriminator(network, c.critic_side or c.size, (pictures, rows), len(c.grades), c.seed)
        network.to(self.device)
        return critic

    @property
    def images(self) -> int:
        return self.step * self.config.batch

    def _give_class(self) -> None:
        given = self.config.class_given(self.images)
        self.generator.mapping.given = self.ema.mapping.given = self.discriminator.given = given

    def _augmented(self, pictures: Tensor) -> Tensor:
        return (
            diff_augment(pictures, self.random, self.config.diff_augment) if self.config.diff_augment > 0 else pictures
        )

    def _rows(self, labels: NDArray[np.int64]) -> Tensor:
        """[B, C] one-hot grades on the device."""
        return F.one_hot(torch.from_numpy(labels), len(self.config.grades)).float().to(self.device, non_blocking=True)

    def _fake_rows(self, purpose: int) -> Tensor:
        """One-hot grades to generate, as often as the real batches' own."""
        rng = np.random.default_rng((self.config.seed, self.step, purpose))
        source = self.source
        return self._rows(source.images.labels[rng.choice(len(source.images), self.config.batch, p=source.weights)])

    def _z(self, count: int) -> Tensor:
        return torch.randn(count, self.config.latent, device=self.device, generator=self.random)

    def advance(self) -> Tensor:
        """One step; returns the figures of ``_FIGURES`` on the device."""
        c, step = self.config, self.step
        self.random.manual_seed(c.seed * 1_000_003 + step)

        # the generator's step
        y_fake, z = self._fake_rows(2), self._z(c.batch)
        if c.mode_seeking > 0:
            y_fake = y_fake[: c.batch // 2].repeat(2, 1)
        fake = self.generator(z, y_fake, self.dtype)
        self.discriminator.requires_grad_(False)
        seen = self.discriminator.look(self._augmented(fake))
        logits = self.discriminator.judge(seen, y_fake, self.dtype)
        critic = self.discriminator
        layouts = critic.layouts(seen) if isinstance(critic, ProjectedDiscriminator) else [layout(fake)]
        loss_g = F.softplus(-logits).mean()
        whole = loss_g
        if c.mode_seeking > 0:
            whole = whole + c.mode_seeking_after(self.images) * mode_seeking_loss(layouts, z)
        if c.range_weight > 0:  # an ImageNet network tells little of pictures that are out of range
            whole = whole + c.range_weight * F.relu(fake.abs() - 1).square().mean()
        self.optimizer_g.zero_grad(set_to_none=True)
        whole.backward()  # type: ignore[no-untyped-call]
        self.optimizer_g.step()
        if c.path_weight > 0 and step % c.path_every == 0:
            self._path_step()

        # the discriminator's step
        self.discriminator.requires_grad_(True)
        batch = self.source.batch(step)
        real, y_real = self._augmented(batch.x0), self._rows(batch.labels)
        logits_real = self.discriminator(real, y_real, self.dtype)
        logits_fake = self.discriminator.judge([part.detach() for part in seen], y_fake, self.dtype)
        loss_d = F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
        self.optimizer_d.zero_grad(set_to_none=True)
        loss_d.backward()  # type: ignore[no-untyped-call]
        self.optimizer_d.step()
        if c.r1_gamma > 0 and step % c.r1_every == 0:
            self.optimizer_d.zero_grad(set_to_none=True)
            penalty = self._penalty(real, y_real) * (c.r1_gamma / 2 * c.r1_every)
            penalty.backward()  # type: ignore[no-untyped-call]
            self.optimizer_d.step()

        self.step += 1
        self._give_class()
        with torch.no_grad():
            weight = 1 - ema_decay(c, self.images)
            torch._foreach_lerp_(list(self.ema.parameters()), list(self.generator.parameters()), weight)
            return torch.stack(
                [loss_g.detach(), loss_d.detach(), logits_real.sign().mean(), logits_fake.sign().mean()]
            ).double()

    def _penalty(self, real: Tensor, y: Tensor) -> Tensor:
        if isinstance(self.discriminator, ProjectedDiscriminator):
            return self.discriminator.penalty(real, y)
        return r1_penalty(self.discriminator, real, y)

    def _path_step(self) -> None:
        """Path lengths of half a batch towards their running mean."""
        c = self.config
        count = max(1, c.batch // 2)
        noise = torch.randn(count, 3, c.size, c.size, device=self.device, generator=self.random)
        lengths = path_lengths(self.generator, self._z(count), self._fake_rows(3)[:count], noise)
        self.path_mean = self.path_mean.lerp(lengths.detach().mean(), 0.01)
        penalty = (lengths - self.path_mean).square().mean() * (c.path_weight * c.path_every)
        self.optimizer_g.zero_grad(set_to_none=True)
        penalty.backward()  # type: ignore[no-untyped-call]
        self.optimizer_g.step()

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "path_mean": self.path_mean,
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer_g": self.optimizer_g.state_dict(),
            "optimizer_d": self.optimizer_d.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        self._give_class()
        self.path_mean = state["path_mean"].to(self.device)
        for name in ("generator", "discriminator", "ema", "optimizer_g", "optimizer_d"):
            getattr(self, name).load_state_dict(state[name])
        for optimizer, (rate, every) in zip((self.optimizer_g, self.optimizer_d), self._pace(), strict=True):
            for group in optimizer.param_groups:  # the rate may have been changed for the rest of the run
                group["lr"] = rate * (1.0 if every is None else every / (every + 1))

    @torch.no_grad()
    def held_out_sign(self, held: ImageSet, batch: int = 64) -> float | None:
        """Mean sign of the logits of held-out pictures: far below ``real_sign``, the discriminator knows its set by heart."""
        if not len(held):
            return None
        pictures = torch.from_numpy(to_float(center_crop(held.images, self.config.size))).to(self.device)
        y = self._rows(held.labels)
        pieces = zip(torch.split(pictures, batch), torch.split(y, batch))  # type: ignore[no-untyped-call]
        self.random.manual_seed(self.config.seed)  # augmented as the training pictures are; a step seeds it anew
        self.discriminator.eval()  # a spectral norm goes on with every call in training, and a look is at no certain step
        parts = [self.discriminator(self._augmented(x), r, self.dtype) for x, r in pieces]
        self.discriminator.train()
        return float(torch.cat(parts).sign().mean())

    @torch.no_grad()
    def sheet(self, columns: int = 8) -> NDArray[np.uint8]:
        """Pictures of the moving average, one row a grade, one column a seed (the same seeds every time)."""
        c = self.config
        z = torch.from_numpy(latents(list(range(columns)), c.latent)).to(self.device)
        rows = []
        for grade in range(len(c.grades)):
            y = self._rows(np.full(columns, grade))
            rows.append(np.concatenate([to_uint8(p) for p in self.ema(z, y).cpu().numpy()], axis=1))
        return np.concatenate(rows)


class GanRun:
    """A run in a folder: config.json, log.jsonl, latest.pt, previous.pt, samples/."""

    def __init__(self, config: GanConfig, folder: Path, data_root: Path | None, resume: bool) -> None:
        self.config, self.folder = config, folder
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if device.type == "cuda":
            torch.set_float32_matmul_precision("high")
            torch.backends.cudnn.benchmark = True
        self.train_set, self.held_set = split_holdout(load_image_set(config, data_root), config.holdout)
        self.trainer = GanTrainer(config, BatchSource(self.train_set, config, device), device)
        self.seconds = 0.0
        if resume and any(folder.glob("*.pt")):
            state, problem = load_latest(folder)
            if problem:
                print(f"warning: {problem}; the previous checkpoint is used", file=sys.stderr)
            if state.get("kind") != KIND:
                raise CheckpointError(f"{folder}: the checkpoint is not of a StyleGAN2 run")
            changed = changed_keys(state["config"], config)
            if fixed := sorted(set(changed) - MAY_CHANGE):
                raise CheckpointError(f"{folder}: the checkpoint belongs to another configuration: {', '.join(fixed)}")
            self.trainer.load(state)
            self.seconds = state["seconds"]
            if changed:
                self.log({"settings_changed": {k: plain(config.to_dict())[k] for k in changed}})
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config.to_dict(), indent=2) + "\n", encoding="utf-8")

    def save(self) -> None:
        state = {
            "kind": KIND,
            "config": plain(self.config.to_dict()),
            "seconds": self.seconds,
            "counts": self.train_set.counts,
            **self.trainer.state(),
        }
        save_checkpoint(self.folder, state)

    def log(self, entry: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        line = {"images": self.trainer.images, "seconds": round(self.seconds, 1), **entry}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")

    def look(self) -> None:
        """A sample sheet, and how the discriminator takes held-out pictures."""
        folder = self.folder / "samples"
        folder.mkdir(exist_ok=True)
        Image.fromarray(self.trainer.sheet()).save(folder / f"{self.trainer.images:08d}.png")
        held = self.trainer.held_out_sign(self.held_set)
        if held is not None:
            self.log({"held_out_sign": held})

    def train(self, quiet: bool = False, minutes: float | None = None) -> None:
        """Runs to ``config.images``, or for ``minutes`` of wall-clock time, or to SIGTERM; the end is a checkpoint and a sheet."""
        stop: list[int] = []
        before = {n: signal.signal(n, lambda got, _frame: stop.append(got)) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._loop(quiet, None if minutes is None else time.monotonic() + 60 * minutes, stop)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _loop(self, quiet: bool, deadline: float | None, stop: list[int]) -> None:
        c, trainer = self.config, self.trainer
        bar = tqdm(total=c.images, initial=trainer.images, unit="img", unit_scale=True, disable=quiet)
        total: Tensor | None = None
        since, spent = trainer.images, self.seconds
        last_save = last_sheet = mark = time.monotonic()
        # Python may run ahead of a GPU by at most these steps, or a deadline would be noticed long after it has passed
        marks: list[torch.cuda.Event] = []
        while trainer.images < c.images and not stop and (deadline is None or time.monotonic() < deadline):
            figures = trainer.advance()
            total = figures if total is None else total + figures
            if trainer.device.type == "cuda":
                marks.append(torch.cuda.Event())  # type: ignore[no-untyped-call]
                marks[-1].record()
                if len(marks) > 16:
                    marks.pop(0).synchronize()
            bar.update(c.batch)
            due = trainer.images % c.log_images < c.batch
            if due:
                means = (total * (c.batch / (trainer.images - since))).tolist()  # waits for the device
                self.seconds, mark = self.seconds + time.monotonic() - mark, time.monotonic()
                speed = (trainer.images - since) / max(1e-9, self.seconds - spent)
                self.log(dict(zip(_FIGURES, means, strict=True)) | {"images_per_second": round(speed, 1)})
                bar.set_postfix({k: f"{v:.3f}" for k, v in zip(_FIGURES, means, strict=True)})
                if not all(map(math.isfinite, means)):
                    raise CheckpointError(f"the loss is not finite at step {trainer.step}; lower learning_rate")
                total, since, spent = None, trainer.images, self.seconds
            now = time.monotonic()
            self.seconds, mark = self.seconds + now - mark, now
            if now - last_save > 60 * c.checkpoint_minutes:
                self.save()
                last_save = now
            if c.samples_minutes > 0 and now - last_sheet > 60 * c.samples_minutes:
                self.look()
                last_sheet = now
            # what was spent on looking is not training time
            mark = time.monotonic()
        bar.close()
        self.save()
        self.look()


# on resume; all else is what the checkpoint is a checkpoint of
MAY_CHANGE = frozenset(
    [
        "images",
        "learning_rate",
        "critic_learning_rate",
        "diff_augment",
        "r1_gamma",
        "range_weight",
        "mode_seeking",
        "mode_seeking_halflife",
        "class_from",
        "class_until",
        "log_images",
        "checkpoint_minutes",
        "samples_minutes",
    ]
)


def load_generator(path: Path) -> tuple[Generator, GanConfig, dict[str, Any]]:
    """The averaged generator of a checkpoint, ready to evaluate, its configuration, and the whole state."""
    state = read_checkpoint(path)
    if state.get("kind") != KIND:
        raise CheckpointError(f"{path}: the checkpoint is not of a StyleGAN2 run")
    config = parse_settings(GanConfig, state["config"])
    model = Generator(config.shape()).eval()
    model.load_state_dict(state["ema"])
    model.mapping.given = config.class_given(state["step"] * config.batch)
    return model, config, state
