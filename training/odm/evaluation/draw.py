"""Many pictures at once on any device: the same noise and the same sampler tables as everywhere else, in PyTorch.

A picture depends on its request alone (weights, severity, seed, sampler, steps, guidance), not on its batch or device,
but for float rounding; ``odm.sampling`` and ``odm.noise`` are the reference that the tests hold this to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..noise import Purpose
from ..sampling import Plan, Row

Model = Callable[[Tensor, Tensor, Tensor], Tensor]
# step, t, x [B, 3, H, W] before the update, the guided x0 estimate there
OnStep = Callable[[int, Row, Tensor, Tensor], None]

_LOW = 0xFFFFFFFF


def _multiply(a: int, b: Tensor) -> tuple[Tensor, Tensor]:
    """(high, low) 32 bits of the product with 32-bit numbers held in int64; signed overflow wraps, the bits are right."""
    p = b * a
    return (p >> 32) & _LOW, p & _LOW


def normals(seeds: Sequence[int], purpose: int, step: int, count: int, device: torch.device) -> Tensor:
    """[len(seeds), count] float32: row i is ``noise.normals(seeds[i], purpose, step, count)`` (Philox4x32-10)."""
    blocks = (count + 3) // 4
    k0 = torch.tensor(list(seeds), dtype=torch.int64, device=device).unsqueeze(1)
    k1 = torch.full_like(k0, int(purpose))
    c0 = torch.arange(blocks, dtype=torch.int64, device=device).unsqueeze(0).expand(len(seeds), blocks)
    c1, c2, c3 = torch.zeros_like(c0), torch.full_like(c0, step), torch.zeros_like(c0)
    for _ in range(10):
        high0, low0 = _multiply(0xD2511F53, c0)
        high1, low1 = _multiply(0xCD9E8D57, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) & _LOW, (k1 + 0xBB67AE85) & _LOW
    u = [(c.double() + 0.5) / 2.0**32 for c in (c0, c1, c2, c3)]
    parts = []
    for a, b in ((u[0], u[1]), (u[2], u[3])):
        radius, angle = torch.sqrt(-2.0 * torch.log(a)), 2.0 * math.pi * b
        parts += [radius * torch.cos(angle), radius * torch.sin(angle)]
    return torch.stack(parts, dim=-1).reshape(len(seeds), -1)[:, :count].float()


def images(seeds: Sequence[int], purpose: int, step: int, shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """``normals`` as pictures [B, 3, H, W]."""
    return normals(seeds, purpose, step, math.prod(shape), device).reshape(len(seeds), *shape)


def guided(model: Model, x: Tensor, t: float, plans: Sequence[Plan]) -> Tensor:
    """The combined x0 estimates [B, 3, H, W] of one plan a picture; plans of as many rows go through the model together."""
    plans = [p.at(t) for p in plans]
    lengths = np.asarray([len(p.rows) for p in plans])
    if len(different := np.unique(lengths)) > 1:
        joined = torch.empty_like(x)
        for length in different:
            here = np.flatnonzero(lengths == length).tolist()
            joined[here] = guided(model, x[here], t, [plans[i] for i in here])
        return joined
    rows = torch.from_numpy(np.stack([p.rows for p in plans])).to(x.device)  # [B, K, C+1]
    weights = torch.tensor([p.coefficients for p in plans], dtype=torch.float64, device=x.device)
    times = torch.full((len(x),), t, dtype=torch.float32, device=x.device)
    total: Tensor | None = None
    for k in range(rows.shape[1]):
        out = model(x, times, rows[:, k])
        if rows.shape[1] == 1:
            return out
        part = out.double() * weights[:, k].view(-1, 1, 1, 1)
        total = part if total is None else total + part
    assert total is not None
    return total.float()


@torch.no_grad()
def draw(
    model: Model,
    plans: Sequence[Plan],
    table: Sequence[Row],
    seeds: Sequence[int],
    shape: tuple[int, int, int],
    device: torch.device,
    on_step: OnStep | None = None,
) -> Tensor:
    """One batch of finished pictures [B, 3, H, W] in -1..1, one plan and one seed each."""
    x = images(seeds, Purpose.INIT, 0, shape, device)
    before = x
    for i, row in enumerate(table):
        x0 = guided(model, x, row.t, plans)
        if on_step is not None:
            on_step(i, row, x, x0)
        after = row.a * x.double() + row.b * x0.double()
        if row.c != 0.0:
            after += row.c * before.double()
        if row.d != 0.0:
            after += row.d * images(seeds, Purpose.STEP, i, shape, device).double()
        x, before = after.float(), x0
    return x


def to_bytes(x: Tensor) -> NDArray[np.uint8]:
    """[B, 3, H, W] in -1..1 -> uint8 [B, H, W, 3] on the CPU; as ``sampling.to_uint8``."""
    scaled = torch.round((x + 1) * 127.5).clamp(0, 255).to(torch.uint8)
    out: NDArray[np.uint8] = scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return out


def to_float(pictures: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 [B, H, W, 3] -> float32 [B, 3, H, W] in -1..1 on the device."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


def batches(count: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most ``size``."""
    for start in range(0, count, size):
        yield slice(start, min(count, start + size))


@dataclass(frozen=True)
class Request:
    """Pictures to draw: one severity and one seed each, everything else alike."""

    severities: tuple[float, ...]
    seeds: tuple[int, ...]
    sampler: str
    steps: int
    guidance: float
