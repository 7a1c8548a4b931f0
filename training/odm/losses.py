"""The noise loss and the ordinal loss, and the geometry of grades' noise estimates.

Our reading of Takezaki & Uchida, "An Ordinal Diffusion Model for Generating Medical Images with Different Severity
Levels" (ISBI 2024, arXiv 2403.00452), whose abstract says that the estimated noise images of classes p < q < r are
forced onto a straight line in their order, with a time weight. The formulas below are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .config import Gradient, Reading, TimeWeight
from .network import hat_matrix
from .schedule import noise_loss_weight


def noise_loss(x0_hat: Tensor, x0: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """Mean over batch and pixels of ``|x0_hat - x0|^2 / c_out^2``: 1 at initialisation for data of std 0.5."""
    return (noise_loss_weight(alpha, sigma) * (x0_hat - x0).square().flatten(1).mean(1)).mean()


def rms_distance(a: Tensor, b: Tensor) -> Tensor:
    """[B, ...], [B, ...] -> [B]: Euclidean distance divided by the root of the number of elements."""
    # the square root's gradient is infinite at zero: the floor keeps identical estimates finite
    return ((a - b).square().flatten(1).mean(1) + 1e-12).sqrt()


@dataclass(frozen=True)
class Triple:
    """Distances within triples of estimates, each [B]."""

    pq: Tensor
    qr: Tensor
    pr: Tensor
    cosine: Tensor  # of the angle between q - p and r - q

    @property
    def slack(self) -> Tensor:
        """``(pq + qr) / pr - 1``: zero exactly when q lies on the segment from p to r."""
        return (self.pq + self.qr) / self.pr - 1

    @property
    def straightness(self) -> Tensor:
        """``pr / (pq + qr)``: one on a straight, ordered line."""
        return self.pr / (self.pq + self.qr)

    @property
    def ordered(self) -> Tensor:
        """Whether the outer distance is at least both inner ones."""
        return (self.pr >= self.pq) & (self.pr >= self.qr)


def triple(e_p: Tensor, e_q: Tensor, e_r: Tensor) -> Triple:
    """Geometry of three estimates [B, ...] of the same noisy pictures."""
    u, v = (e_q - e_p).flatten(1), (e_r - e_q).flatten(1)
    cosine = torch.nn.functional.cosine_similarity(u, v, dim=1)
    return Triple(rms_distance(e_p, e_q), rms_distance(e_q, e_r), rms_distance(e_p, e_r), cosine)


def time_weight(kind: TimeWeight, alpha: Tensor, sigma: Tensor) -> Tensor:
    """w(t) in 0..1: constant; ``snr`` alpha^2 (the share of signal); ``late`` sigma^2 (noisy end), ``latest`` sigma^4; ``early`` alpha^4;

    ``gated`` min(1, (sigma^2 / 0.2)^2): constant from t = 0.3 on, next to nothing below t = 0.1.
    """
    if kind == "snr":
        return alpha.square()
    if kind == "late":
        return sigma.square()
    if kind == "latest":
        return sigma.square().square()
    if kind == "gated":
        return (sigma.square() / 0.2).square().clamp_max(1)
    if kind == "early":
        return alpha.square().square()
    return torch.ones_like(alpha)


def ordinal_loss(x0_p: Tensor, x0_q: Tensor, x0_r: Tensor, alpha: Tensor, sigma: Tensor, reading: Reading, weight: TimeWeight, gradient: Gradient = "all") -> tuple[Tensor, Triple]:  # fmt: skip
    """Loss of three grades' x0 estimates from the same x_t, and their geometry in noise space.

    At fixed x_t, ``eps_hat = (x_t - alpha x0_hat) / sigma``, so distances of noise estimates are those of x0 estimates
    times ``alpha / sigma``: a common factor, which only the absolute readings feel.

    With ``gradient="middle"`` the outer estimates are taken as they are and only the middle one is moved onto their
    segment: the ratio could otherwise also fall by driving the outer grades apart.
    """
    if gradient == "middle":
        x0_p, x0_r = x0_p.detach(), x0_r.detach()
    ratio = (alpha / sigma).view(-1, *([1] * (x0_p.dim() - 1)))
    g = triple(x0_p * ratio, x0_q * ratio, x0_r * ratio)
    if reading == "slack":
        loss = g.slack
    elif reading == "absolute":
        loss = g.pq + g.qr - g.pr
    elif reading == "hinge":
        loss = (g.pq - g.pr).clamp_min(0) + (g.qr - g.pr).clamp_min(0)
    else:
        loss = 1 - g.cosine
    return (time_weight(weight, alpha, sigma) * loss).mean(), g


def anchor_loss(x0_p: Tensor, x0_r: Tensor, before_p: Tensor, before_r: Tensor, play: float = 1.0) -> Tensor:
    """Mean squared log of how far apart two grades' estimates are, relative to the trunk's estimates of the same pictures.

    A ratio between ``1 / play`` and ``play`` costs nothing.

    The relative slack also falls when the outer grades are driven apart; this holds them where the data put them. The
    ratio is the same in x0 and in noise space (a common factor ``alpha / sigma``).
    """
    ratio = rms_distance(x0_p, x0_r) / rms_distance(before_p, before_r)
    return (ratio.log().abs() - math.log(play)).clamp_min(0).square().mean()


def best_line(estimates: Tensor, values: Sequence[float]) -> Tensor:
    """[C, B, ...] estimates of all grades -> [C, B, ...]: the least-squares line through them, at the grades' clinical values.

    On it the grades lie straight and in order by construction, about as far apart as they are, and between their means.
    """
    return torch.tensordot(hat_matrix(values).to(estimates), estimates, dims=1)


def line_loss(x0_hats: Tensor, line: Tensor, outer: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean squared distance of estimates [n, B, ...] from their places on a line [n, B, ...], as a share of
    ``outer`` [B], the squared length of that line (mean square per pixel); ``weight`` [B] is w(t).

    The line is a frozen network's (``best_line`` of what the branch begins as): the grades are put in order around the mean
    that the data gave, instead of wherever a ratio of distances falls most easily.
    """
    apart = (x0_hats - line).flatten(2).square().mean(2)  # [n, B]
    return (weight * apart / outer.clamp_min(1e-12)).mean()
