"""How straight and how ordered the grades' noise estimates are, at given noisy pictures; and how well a model denoises.

All grades are evaluated, unguided, from the same x_t. ``eps_hat = (x_t - alpha x0_hat) / sigma``, so distances of noise
estimates are those of x0 estimates times ``alpha / sigma``. Figures are means over triples p < q < r for each picture,
then over pictures; intervals resample pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..losses import rms_distance, triple
from ..noise import Purpose
from ..sampling import Row, Schedule
from . import draw, statistics
from .draw import Model
from .statistics import Floats

PSNR_TIMES = (0.01, 0.03, 0.06, 0.10, 0.20, 0.40, 0.70)
ORDER_TIMES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
QUANTITIES = ("straightness", "slack", "violations", "cosine")


@dataclass
class OrderPoint:
    """At one t, for each picture [N]: means over triples, and the distance of the outer grades."""

    t: float
    straightness: Floats
    slack: Floats
    violations: Floats
    cosine: Floats
    outer: Floats

    @staticmethod
    def joined(points: Sequence[OrderPoint]) -> OrderPoint:
        """The same t on more pictures."""
        fields = (*QUANTITIES, "outer")
        return OrderPoint(points[0].t, *(np.concatenate([getattr(p, f) for p in points]) for f in fields))


@torch.no_grad()
def order_at(model: Model, x: Tensor, t: float, alpha: float, sigma: float, classes: int) -> OrderPoint:
    """The geometry at x_t [B, 3, H, W]."""
    times = torch.full((len(x),), t, dtype=torch.float32, device=x.device)
    estimates = []
    for g in range(classes):
        y = torch.zeros(len(x), classes + 1, device=x.device)
        y[:, g] = 1
        estimates.append(model(x, times, y) * (alpha / sigma))
    triples = [triple(estimates[p], estimates[q], estimates[r]) for p, q, r in combinations(range(classes), 3)]

    def per_picture(values: list[Tensor]) -> Floats:
        out: Floats = torch.stack(values).double().mean(0).cpu().numpy()
        return out

    return OrderPoint(
        t,
        per_picture([g.straightness for g in triples]),
        per_picture([g.slack for g in triples]),
        per_picture([(~g.ordered).float() for g in triples]),
        per_picture([g.cosine for g in triples]),
        rms_distance(estimates[0], estimates[-1]).double().cpu().numpy(),
    )


def noised(x0: Tensor, alpha: float, sigma: float, seeds: Sequence[int], step: int) -> Tensor:
    """x_t of real pictures; the noise is that of (seed, FORWARD, step), the same for every model."""
    noise = draw.images(seeds, Purpose.FORWARD, step, (x0.shape[1], x0.shape[2], x0.shape[3]), x0.device)
    return alpha * x0 + sigma * noise


def on_noised(
    model: Model, pictures: NDArray[np.uint8], schedule: Schedule, classes: int, seed: int, device: torch.device, batch: int
) -> list[OrderPoint]:  # fmt: skip
    out = []
    for k, t in enumerate(ORDER_TIMES):
        alpha, sigma = schedule.alpha_sigma(t)
        parts = []
        for s in draw.batches(len(pictures), batch):
            x0 = draw.to_float(pictures[s], device)
            x = noised(x0, alpha, sigma, [seed + i for i in range(s.start, s.stop)], k)
            parts.append(order_at(model, x, t, alpha, sigma, classes))
        out.append(OrderPoint.joined(parts))
    return out


def along_trajectories(
    model: Model, plans: Sequence[Any], table: Sequence[Row], seeds: Sequence[int], shape: tuple[int, int, int],
    classes: int, device: torch.device, batch: int,
) -> list[OrderPoint]:  # fmt: skip
    """At every x_t that the sampler passes through, latest (noisiest) first; the trajectory itself may be guided."""
    parts: list[list[OrderPoint]] = [[] for _ in table]

    def look(i: int, row: Row, x: Tensor, _x0: Tensor) -> None:
        parts[i].append(order_at(model, x, row.t, row.alpha, row.sigma, classes))

    for s in draw.batches(len(seeds), batch):
        draw.draw(model, plans[s], table, seeds[s], shape, device, look)
    return [OrderPoint.joined(p) for p in parts]


def order_json(points: Sequence[OrderPoint], reference: Sequence[OrderPoint] | None, seed: int) -> list[dict[str, Any]]:
    """The schema's ``orderPoint``s; ``reference`` is the other variant's at the same times and pictures (or seeds)."""
    out = []
    for k, p in enumerate(points):
        ratio = None
        if reference is not None:
            assert reference[k].t == p.t
            ratio = statistics.ratio_of_means(p.outer, reference[k].outer, seed).json()
        row = {q: statistics.mean(getattr(p, q), seed).json() for q in (*QUANTITIES, "outer")}
        out.append({"t": p.t, **row, "outerRatio": ratio})
    return sorted(out, key=lambda r: r["t"])


@torch.no_grad()
def denoiser_psnr(
    model: Model, pictures: NDArray[np.uint8], labels: NDArray[np.int64], schedule: Schedule, classes: int, seed: int,
    device: torch.device, batch: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """The schema's ``psnr``: dB (peak 2), mean over pictures, the true grade given."""
    out = []
    for k, t in enumerate(PSNR_TIMES):
        alpha, sigma = schedule.alpha_sigma(t)
        errors: list[float] = []
        inputs: list[float] = []
        for s in draw.batches(len(pictures), batch):
            x0 = draw.to_float(pictures[s], device)
            x = noised(x0, alpha, sigma, [seed + i for i in range(s.start, s.stop)], 100 + k)
            y = torch.nn.functional.one_hot(torch.from_numpy(labels[s]).to(device), classes + 1).float()
            estimate = model(x, torch.full((len(x),), t, dtype=torch.float32, device=device), y)
            for found, into in ((estimate, errors), (x, inputs)):
                into += (10 * torch.log10(4 / (found - x0).square().flatten(1).mean(1))).tolist()
        out.append({"t": t, "psnr": statistics.mean(np.asarray(errors), seed).json(), "input": float(np.mean(inputs))})
    return out
