"""The cosine noise schedule and EDM preconditioning in its variance-preserving form.

Notation: ``x_t = alpha x0 + sigma eps`` with ``alpha = cos(pi t / 2)``, ``sigma = sin(pi t / 2)``, t in [0, 1].
Preconditioning follows Karras et al. 2022 (EDM, arXiv 2206.00364, Table 1) with ``sigma_data = 0.5``, rewritten for the
variance-preserving process (``sigma_edm = sigma / alpha``).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SIGMA_DATA = 0.5


def alpha_sigma(t: Tensor) -> tuple[Tensor, Tensor]:
    """``(alpha, sigma)`` of the cosine schedule at times ``t`` (any shape, 0..1)."""
    angle = t * (math.pi / 2)
    return torch.cos(angle), torch.sin(angle)


def precondition(alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``(c_in, c_skip, c_out)`` so that ``x0 = c_skip x_t + c_out F(c_in x_t)``."""
    v = sigma**2 + SIGMA_DATA**2 * alpha**2
    return v.rsqrt(), SIGMA_DATA**2 * alpha / v, SIGMA_DATA * sigma * v.rsqrt()


def noise_loss_weight(alpha: Tensor, sigma: Tensor) -> Tensor:
    """Weight of ``|x0_hat - x0|^2`` that makes the loss of ``F`` uniform over time (``1 / c_out^2``)."""
    return (sigma**2 + SIGMA_DATA**2 * alpha**2) / (SIGMA_DATA * sigma) ** 2


def expand(v: Tensor) -> Tensor:
    """[B] -> [B, 1, 1, 1]."""
    return v.view(-1, 1, 1, 1)
