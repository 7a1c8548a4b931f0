"""Figures with their intervals: bootstrap of means, KID, Frechet distance, agreement of grades, Mann-Whitney.

An ``Estimate`` is what ``metrics.json`` stores: a value, a 95 % interval, and n. All resampling is seeded.

KID (Binkowski et al. 2018, arXiv 1801.01401): the unbiased squared MMD with the kernel ``(x.y/d + 1)^3``. Its interval
resamples the pictures of both sides with replacement; a resampled pair counts only when it is two different pictures, so
that the estimate stays unbiased. Frechet distance (Heusel et al. 2017, arXiv 1706.08500); its bootstrap is biased
upwards (duplicates shrink the covariance), so its interval is the value -+ 1.96 bootstrap standard deviations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

RESAMPLES = 1000
FRECHET_RESAMPLES = 50
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A value, the ends of its 95 % interval, and the number behind it."""

    value: float
    low: float
    high: float
    n: int

    def json(self) -> dict[str, Any]:
        return {"value": self.value, "interval": [self.low, self.high], "n": self.n}


def percentile(value: float, resampled: Floats, n: int) -> Estimate:
    """The value with the 2.5th and 97.5th percentile of its resampled values (finite ones)."""
    good = resampled[np.isfinite(resampled)]
    low, high = np.percentile(good, [2.5, 97.5]) if len(good) else (value, value)
    return Estimate(float(value), float(low), float(high), n)


def indices(n: int, seed: int, resamples: int = RESAMPLES) -> Ints:
    """[resamples, n] indices drawn with replacement."""
    return np.random.default_rng((seed, n, 11)).integers(0, n, (resamples, n))


def mean(values: Floats, seed: int) -> Estimate:
    """The mean of [n] values."""
    values = np.asarray(values, dtype=np.float64)
    return percentile(values.mean(), values[indices(len(values), seed)].mean(1), len(values))


def median(values: Floats, seed: int) -> Estimate:
    values = np.asarray(values, dtype=np.float64)
    return percentile(float(np.median(values)), np.median(values[indices(len(values), seed)], axis=1), len(values))


def ratio_of_means(a: Floats, b: Floats, seed: int) -> Estimate:
    """mean(a) / mean(b) of values paired by picture."""
    pick = indices(len(a), seed)
    return percentile(a.mean() / b.mean(), a[pick].mean(1) / b[pick].mean(1), len(a))


def share(count: int, n: int) -> Estimate:
    """A proportion with Wilson's 95 % interval (Wilson 1927); right also for 0 of n."""
    z = 1.959963984540054
    p, denominator = count / n, 1 + z**2 / n
    middle = (p + z**2 / (2 * n)) / denominator
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / denominator
    return Estimate(p, max(0.0, middle - half), min(1.0, middle + half), n)


# --- distances of sets ------------------------------------------------------------------------------------------------


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _tensor(x: NDArray[Any], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x)).to(device, torch.float64)


def _counts(n: int, seed: int, device: torch.device, resamples: int) -> Tensor:
    """[resamples, n]: how often each of n things was drawn."""
    pick = indices(n, seed, resamples)
    counts = np.zeros((resamples, n))
    np.add.at(counts, (np.arange(resamples)[:, None], pick), 1)
    return _tensor(counts, device)


def kid(a: NDArray[Any], b: NDArray[Any], seed: int, device: torch.device, resamples: int = RESAMPLES) -> tuple[Estimate, Floats]:  # fmt: skip
    """KID of features [n, d] and [m, d] (at least two each), and its resampled values; the estimate's n is that of ``a``."""
    x, y = _tensor(a, device), _tensor(b, device)
    kxx, kyy, kxy = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    kxx.fill_diagonal_(0)
    kyy.fill_diagonal_(0)
    n, m = len(x), len(y)
    value = float(kxx.sum() / (n * (n - 1)) + kyy.sum() / (m * (m - 1)) - 2 * kxy.mean())

    u, v = _counts(n, seed, device, resamples), _counts(m, seed + 1, device, resamples)

    def within(k: Tensor, w: Tensor) -> Tensor:
        pairs = w.sum(1) ** 2 - (w**2).sum(1)
        return ((w @ k) * w).sum(1) / pairs

    spread = within(kxx, u) + within(kyy, v) - 2 * ((u @ kxy) * v).sum(1) / (n * m)
    resampled = spread.cpu().numpy()
    return percentile(value, resampled, n), resampled


def _frechet(x: Tensor, y: Tensor) -> Tensor:
    """Squared distance of batches [..., n, d], [..., m, d]; the trace of the root from the cross product's singular values."""
    mx, my = x.mean(-2, keepdim=True), y.mean(-2, keepdim=True)
    cx, cy = x - mx, y - my
    n, m = x.shape[-2] - 1, y.shape[-2] - 1
    cross = cx @ cy.transpose(-1, -2) / math.sqrt(n * m)
    gram = cross.transpose(-1, -2) @ cross if cross.shape[-1] <= cross.shape[-2] else cross @ cross.transpose(-1, -2)
    root = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt().sum(-1)
    variance = (cx**2).sum((-1, -2)) / n + (cy**2).sum((-1, -2)) / m
    return ((mx - my) ** 2).sum((-1, -2)) + variance - 2 * root


def frechet(a: NDArray[Any], b: NDArray[Any], seed: int, resamples: int = FRECHET_RESAMPLES) -> Estimate:
    """Frechet distance of two sets of features (at least two each). On the CPU: its many small eigenproblems are slow on a GPU."""
    x, y = _tensor(a, torch.device("cpu")), _tensor(b, torch.device("cpu"))
    value = float(_frechet(x, y))
    if resamples == 0:
        return Estimate(value, value, value, len(a))
    # what a resample needs are inner products alone, so the wide features are left behind once
    basis = torch.cat([x, y])
    basis = basis - basis.mean(0)
    if len(basis) < basis.shape[1]:
        values, vectors = torch.linalg.eigh(basis @ basis.T)
        basis = vectors * values.clamp_min(0).sqrt()
        x, y = basis[: len(x)], basis[len(x) :]
    pick_x, pick_y = indices(len(x), seed, resamples), indices(len(y), seed + 1, resamples)
    found = [float(_frechet(x[torch.from_numpy(i)], y[torch.from_numpy(j)])) for i, j in zip(pick_x, pick_y)]
    spread = 1.96 * float(np.std(found))
    return Estimate(value, value - spread, value + spread, len(a))


# --- agreement of grades ----------------------------------------------------------------------------------------------


def confusion(truth: Ints, read: Ints, classes: int) -> Ints:
    """[classes, classes] counts; rows are the truth."""
    return np.bincount(truth * classes + read, minlength=classes * classes).reshape(classes, classes)


def quadratic_kappa(counts: NDArray[Any]) -> Any:
    """Quadratic weighted kappa (Cohen 1968) of confusion matrices [..., C, C]; NaN when all is one grade."""
    c = np.asarray(counts, dtype=np.float64)
    k = c.shape[-1]
    weight = (np.arange(k)[:, None] - np.arange(k)) ** 2
    total = c.sum((-1, -2), keepdims=True)
    expected = c.sum(-1, keepdims=True) * c.sum(-2, keepdims=True) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - (weight * c).sum((-1, -2)) / (weight * expected).sum((-1, -2))


def _resampled(truth: Ints, read: Ints, classes: int, pick: Ints) -> Ints:
    """[resamples, C, C] confusion matrices."""
    cell = (truth * classes + read)[pick]
    out = np.zeros((len(pick), classes * classes), dtype=np.int64)
    np.add.at(out, (np.arange(len(pick))[:, None], cell), 1)
    return out.reshape(-1, classes, classes)


def kappa_estimate(truth: Ints, read: Ints, classes: int, seed: int) -> tuple[Estimate, Floats]:
    """QWK with its interval, and the resampled values (comparable between readings of the same pictures)."""
    value = quadratic_kappa(confusion(truth, read, classes))
    resampled = quadratic_kappa(_resampled(truth, read, classes, indices(len(truth), seed)))
    return percentile(float(value) if np.isfinite(value) else 0.0, resampled, len(truth)), resampled


def agreement(truth: Ints, read: Ints, severity: Floats, values: Sequence[float], seed: int) -> dict[str, Any]:
    """The schema's ``agreement``: ``truth`` and ``read`` are grade indices, ``severity`` the mean severity read."""
    classes = len(values)
    qwk, _ = kappa_estimate(truth, read, classes, seed)
    by_grade = [
        {
            "grade": v,
            "recall": share(int((read[truth == g] == g).sum()), int((truth == g).sum())).json(),
            "severity": mean(severity[truth == g], seed).json(),
        }
        for g, v in enumerate(values)
        if (truth == g).any()
    ]
    return {
        "qwk": qwk.json(),
        "mae": mean(np.abs(truth - read).astype(np.float64), seed).json(),
        "confusion": confusion(truth, read, classes).tolist(),
        "byGrade": by_grade,
    }


# --- ranks ------------------------------------------------------------------------------------------------------------


def mann_whitney_less(a: Floats, b: Floats, seed: int) -> dict[str, Any]:
    """The schema's ``mannWhitney``: do the values of ``a`` lie below those of ``b``? U counts pairs with a < b (ties half)."""
    ranks = _ranks(np.concatenate([a, b]))
    n, m = len(a), len(b)
    u = n * m + n * (n + 1) / 2 - ranks[:n].sum()  # pairs in which a is the smaller
    _, ties = np.unique(np.concatenate([a, b]), return_counts=True)
    total = n + m
    variance = n * m / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    z = (u - n * m / 2 - 0.5) / math.sqrt(variance) if variance > 0 else 0.0
    p = 0.5 * math.erfc(z / math.sqrt(2))
    order = np.sort(b)
    left, right = np.searchsorted(order, a, "left"), np.searchsorted(order, a, "right")
    wins = ((m - right) + 0.5 * (right - left)) / m  # per picture of a: share of b above it
    # both sides are resampled: the placements of a against b, and of b against a
    order_a = np.sort(a)
    wins_b = (np.searchsorted(order_a, b, "left") + 0.5 * (np.searchsorted(order_a, b, "right") - np.searchsorted(order_a, b, "left"))) / n  # fmt: skip
    deviation = math.sqrt(np.var(wins) / n + np.var(wins_b) / m)  # DeLong's variance
    value = u / (n * m)
    interval = Estimate(value, max(0.0, value - 1.96 * deviation), min(1.0, value + 1.96 * deviation), n)
    return {"u": float(u), "p": float(p), "superiority": interval.json()}


def _ranks(values: Floats) -> Floats:
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = np.arange(1, len(values) + 1)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    sums = np.bincount(inverse, ranks)
    return (sums / counts)[inverse]
