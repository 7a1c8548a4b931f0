"""Augmentation that does not leak: training pictures are changed, and the network is told how.

After Karras et al. 2022 (EDM, arXiv 2206.00364, appendix F.2; the idea of Jun et al. 2020): each change happens with a
small probability, its parameters go to the network through a linear layer without bias, and unchanged pictures have all
parameters zero. A sample is drawn with zeros, so it is not changed. Smaller changes than EDM's: an eye or a stretch of
mucosa has a size and a colour.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

# log2 scale, sin and cos - 1 of the rotation, shift right and down (of half a side), brightness, log2 contrast,
# sin and cos - 1 of the hue rotation, log2 saturation
AUGMENTATION_COLUMNS = 10

_SCALE, _ANGLE, _SHIFT = 0.15, math.radians(20), 0.1
_BRIGHTNESS, _CONTRAST, _HUE, _SATURATION = 0.15, 0.3, math.radians(15), 0.4


def draw_augmentation(rng: np.random.Generator, count: int, probability: float) -> NDArray[np.float32]:
    """[count, AUGMENTATION_COLUMNS]: parameters of each picture's changes, zero where it is not changed."""
    happens = rng.uniform(size=(count, 7)) < probability
    scale, angle, right, brightness, contrast, hue, saturation = (rng.standard_normal((count, 7)) * happens).T
    down = rng.standard_normal(count) * happens[:, 2]
    angle, hue = angle * _ANGLE, hue * _HUE
    columns = [
        scale * _SCALE,
        np.sin(angle),
        np.cos(angle) - 1,
        right * _SHIFT,
        down * _SHIFT,
        brightness * _BRIGHTNESS,
        contrast * _CONTRAST,
        np.sin(hue),
        np.cos(hue) - 1,
        saturation * _SATURATION,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def augment(x: Tensor, a: Tensor) -> Tensor:
    """``x [B, 3, H, W]`` in -1..1, changed by ``a [B, AUGMENTATION_COLUMNS]``; rows of zeros leave a picture as it is."""
    geometric = a[:, :5].abs().amax(1) > 0
    cos, sin, shrink = a[:, 2] + 1, a[:, 1], torch.exp2(-a[:, 0])
    # where each output pixel comes from, in coordinates of -1..1
    theta = torch.stack(
        [
            torch.stack([cos * shrink, sin * shrink, -a[:, 3]], dim=1),
            torch.stack([-sin * shrink, cos * shrink, -a[:, 4]], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    moved = F.grid_sample(x, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    x = torch.where(geometric.view(-1, 1, 1, 1), moved, x)
    matrix, offset = _colour(a)
    coloured = torch.einsum("bij,bjhw->bihw", matrix, x) + offset.view(-1, 3, 1, 1)
    changed = (a[:, 5:].abs().amax(1) > 0) | geometric
    return torch.where(changed.view(-1, 1, 1, 1), coloured.clamp(-1, 1), x)


def _colour(a: Tensor) -> tuple[Tensor, Tensor]:
    """The colour change of each picture as a matrix [B, 3, 3] and an offset [B, 3] on values of -1..1."""
    eye = torch.eye(3, device=a.device).expand(len(a), 3, 3)
    grey = torch.full((3, 3), 1 / 3, device=a.device).expand(len(a), 3, 3)
    # rotation about the grey axis (Rodrigues): the cross product with (1, 1, 1) / sqrt(3)
    k = 1 / math.sqrt(3)
    cross = torch.tensor([[0, -k, k], [k, 0, -k], [-k, k, 0]]).to(a.device, non_blocking=True)
    sin, cos = a[:, 7].view(-1, 1, 1), (a[:, 8] + 1).view(-1, 1, 1)
    hue = cos * eye + sin * cross + (1 - cos) * grey
    saturation = torch.exp2(a[:, 9]).view(-1, 1, 1)
    matrix = (grey + saturation * (eye - grey)) @ hue * torch.exp2(a[:, 6]).view(-1, 1, 1)
    return matrix, a[:, 5:6].expand(-1, 3)
