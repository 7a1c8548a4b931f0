"""What is measured during training on held-out pictures: denoiser PSNR by t, and the order of the grades.

The noise is fixed by the seed, so two models, or one model at two times, are compared on the same noisy pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .config import TrainConfig
from .data import ImageSet, center_crop, to_float
from .losses import noise_loss, rms_distance, triple
from .schedule import alpha_sigma, expand

PSNR_TIMES = (0.01, 0.03, 0.06, 0.10, 0.20, 0.40, 0.70)
ORDER_TIMES = (0.3, 0.5, 0.7, 0.85, 0.95)

Model = Callable[[Tensor, Tensor, Tensor], Tensor]


def _noised(x0: Tensor, t: float, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    noise = torch.from_numpy(np.random.default_rng((seed, round(t * 1000), 7)).standard_normal(x0.shape, np.float32))
    times = torch.full((len(x0),), t, device=x0.device)
    alpha, sigma = alpha_sigma(times)
    return expand(alpha) * x0 + expand(sigma) * noise.to(x0.device), times, alpha, sigma


@torch.no_grad()
def denoiser_psnr(model: Model, images: ImageSet, size: int, device: torch.device, limit: int = 64, seed: int = 0) -> dict[str, float]:  # fmt: skip
    """PSNR in dB (peak 2, the range -1..1) of x0 estimates, mean over pictures, by t; the true grade is given."""
    pick = np.linspace(0, len(images) - 1, min(limit, len(images))).astype(int)
    x0 = torch.from_numpy(to_float(center_crop(images.images[pick], size))).to(device)
    y = torch.nn.functional.one_hot(torch.from_numpy(images.labels[pick]), len(images.grades) + 1).float().to(device)
    out: dict[str, float] = {}
    for t in PSNR_TIMES:
        x, times, _, _ = _noised(x0, t, seed)
        values: list[float] = []
        for k in range(0, len(x0), 16):
            estimate = model(x[k : k + 16], times[k : k + 16].to(device), y[k : k + 16]).float()
            mse = (estimate - x0[k : k + 16]).square().flatten(1).mean(1)
            values += (10 * torch.log10(4 / mse)).tolist()
        out[f"{t:g}"] = float(np.mean(values))
    return out


def training_times(config: TrainConfig, count: int) -> NDArray[np.float32]:
    """[count] times at the mid-quantiles of the distribution that training draws from: the same without any chance."""
    low, high = config.t_range
    uniform, faint = round(config.uniform_share * count), round(config.low_noise_share * count)
    normal = NormalDist(config.log_sigma_mean, config.log_sigma_std)
    rest = count - uniform - faint
    log_sigma = [normal.inv_cdf((k + 0.5) / rest) for k in range(rest)]
    log_low, log_high = np.log(config.low_noise_range)
    parts = [
        low + (high - low) * (np.arange(uniform) + 0.5) / max(1, uniform),
        2 / np.pi * np.arctan(np.exp(log_sigma)),
        np.exp(log_low + (log_high - log_low) * (np.arange(faint) + 0.5) / max(1, faint)),
    ]
    t = np.concatenate(parts)
    return np.clip(t, low, high).astype(np.float32)


@torch.no_grad()
def held_out_noise_loss(model: Model, images: ImageSet, config: TrainConfig, device: torch.device, seed: int = 0, draws: int = 4) -> float:  # fmt: skip
    """The training objective on ``images``: times as in training, ``draws`` a picture, true grades; fixed by ``seed``."""
    x0 = torch.from_numpy(to_float(center_crop(images.images, config.size))).to(device)
    y = torch.nn.functional.one_hot(torch.from_numpy(images.labels), len(images.grades) + 1).float().to(device)
    rng = np.random.default_rng((seed, 11))
    times = torch.from_numpy(rng.permutation(training_times(config, draws * len(x0))).reshape(draws, -1)).to(device)
    total = 0.0
    for row in times:
        for k in range(0, len(x0), 64):
            part, t = x0[k : k + 64], row[k : k + 64]
            noise = torch.from_numpy(rng.standard_normal(part.shape, np.float32)).to(device)
            alpha, sigma = alpha_sigma(t)
            estimate = model(expand(alpha) * part + expand(sigma) * noise, t, y[k : k + 64]).float()
            total += noise_loss(estimate, part, alpha, sigma).item() * len(part)
    return total / times.numel()


@torch.no_grad()
def ordinality(model: Model, images: ImageSet, size: int, device: torch.device, limit: int = 24, seed: int = 0) -> dict[str, dict[str, float]]:  # fmt: skip
    """By t: means over pictures and triples of slack, straightness, cosine, violations; lowest-highest distance."""
    classes = len(images.grades)
    pick = np.linspace(0, len(images) - 1, min(limit, len(images))).astype(int)
    x0 = torch.from_numpy(to_float(center_crop(images.images[pick], size))).to(device)
    out: dict[str, dict[str, float]] = {}
    for t in ORDER_TIMES:
        x, times, alpha, sigma = _noised(x0, t, seed)
        estimates = []
        for g in range(classes):
            y = torch.zeros(len(x0), classes + 1, device=device)
            y[:, g] = 1
            parts = [model(x[k : k + 16], times[k : k + 16].to(device), y[k : k + 16]).float() for k in range(0, len(x0), 16)]  # fmt: skip
            estimates.append(torch.cat(parts) * float(alpha[0] / sigma[0]))
        triples = [triple(estimates[p], estimates[q], estimates[r]) for p, q, r in combinations(range(classes), 3)]
        out[f"{t:g}"] = {
            "outer": float(rms_distance(estimates[0], estimates[-1]).mean()),
            "slack": float(torch.stack([g.slack for g in triples]).mean()),
            "straightness": float(torch.stack([g.straightness for g in triples]).mean()),
            "cosine": float(torch.stack([g.cosine for g in triples]).mean()),
            "violations": float(torch.stack([(~g.ordered).float() for g in triples]).mean()),
        }
    return out


def validation(model: Model, train: ImageSet, held: ImageSet, size: int, device: torch.device) -> dict[str, Any]:
    """The entry of a run's log: PSNR by t on held-out and training pictures, and the order of the grades."""
    held = held if len(held) else train
    entry: dict[str, Any] = {
        "psnr_held_out": denoiser_psnr(model, held, size, device),
        "psnr_train": denoiser_psnr(model, train, size, device, limit=32),
    }
    if len(held.grades) >= 3:
        entry["ordinality"] = ordinality(model, held, size, device)
    return entry
