"""Differentiable augmentation of real and generated pictures alike (DiffAugment, Zhao et al. 2020, arXiv 2006.10738).

Policy "color, translation, cutout", the whole batch at once on its device, drawn from a generator that is handed in.
Translation is two products with shift matrices: deterministic forwards and backwards, where an indexed copy is neither.
"""

from __future__ import annotations

import torch
from torch import Tensor

TRANSLATION = 0.125  # of the side, in each direction
CUTOUT = 0.5  # side of the square that is blanked, of the side


def diff_augment(x: Tensor, generator: torch.Generator, share: float = 1.0) -> Tensor:
    """Pictures [B, 3, H, W] float32 in -1..1 -> the same shape; each of the three steps strikes ``share`` of the batch."""

    def draw(low: float, high: float) -> Tensor:
        return torch.rand(len(x), device=x.device, generator=generator).view(-1, 1, 1, 1) * (high - low) + low

    def struck() -> Tensor:
        return draw(0.0, 1.0) < share

    on = struck()
    x = x + torch.where(on, draw(-0.5, 0.5), 0.0)
    gray = x.mean(dim=1, keepdim=True)
    x = gray + (x - gray) * torch.where(on, draw(0.0, 2.0), 1.0)
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    x = middle + (x - middle) * torch.where(on, draw(0.5, 1.5), 1.0)

    height, width = x.shape[2], x.shape[3]
    on = struck()
    for size, axis in ((height, 2), (width, 3)):
        reach = int(size * TRANSLATION + 0.5)
        shift = torch.where(on, torch.floor(draw(-reach, reach + 1)), 0.0).view(-1, 1, 1, 1)
        place = torch.arange(size, device=x.device)
        # row i takes row i + shift; what comes from outside is zero
        matrix = (place.view(1, 1, -1, 1) + shift == place.view(1, 1, 1, -1)).to(x.dtype)
        x = torch.matmul(matrix, x) if axis == 2 else torch.matmul(x, matrix.transpose(2, 3))

    on = struck()
    hole: Tensor | None = None
    for size, form in ((height, (1, 1, -1, 1)), (width, (1, 1, 1, -1))):
        side = int(size * CUTOUT + 0.5)
        middle = torch.floor(draw(0.0, size + (1 - side % 2)))
        place = torch.arange(size, device=x.device).view(form)
        inside = (place >= middle - side // 2) & (place < middle - side // 2 + side)
        hole = inside if hole is None else hole & inside
    assert hole is not None
    return x * (~(hole & on)).to(x.dtype)
