"""A discriminator that looks at a fixed ImageNet network's grids instead of pixels: ``(pictures, y) -> logits``.

After Sauer et al. 2021, "Projected GANs Converge Faster" (arXiv 2111.01007): the grids of a network that is never trained are
mixed across channels and, from the smallest up, across scales by random convolutions that are never trained either (their
section 3.2), and each of the results has a small discriminator of its own, with spectral norms. The network is
EfficientNet-Lite1, which is theirs too. The class enters each discriminator as a projection.

Three things are not theirs, because on a few hundred pictures in batches of eight the discriminators told all pictures apart
within a hundred steps and the generator's colours ran out of range: no batch norms (those of a batch of generated pictures take
away just what all of them have in common, such as a wrong hue); grids brought to mean 0 and deviation 1 instead; and a gradient
penalty and logistic losses instead of hinges, the penalty at the mixed grids, where it needs no derivative of the network.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from .efficientnet import EfficientNetLite, frozen, resized
from .stylegan import LEAK, minibatch_deviation

CLASS_WIDTH = 64  # of the class's projection
WIDTHS = (16, 32, 64, 64, 128)  # of the mixed grids, the largest grid first


def _random_kernel(cin: int, cout: int, kernel: int, generator: torch.Generator) -> Tensor:
    """[cout, cin, kernel, kernel] that keeps the variance of its input."""
    return torch.randn(cout, cin, kernel, kernel, generator=generator) / math.sqrt(cin * kernel**2)


class RandomMixing(nn.Module):
    """Grids [B, c_i, h_i, h_i], the largest first, each half the last -> as many of ``widths`` channels and the same sizes."""

    def __init__(self, channels: list[int], widths: list[int], seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.count = len(channels)
        for i, (cin, cout) in enumerate(zip(channels, widths, strict=True)):
            self.register_buffer(f"channel{i}", _random_kernel(cin, cout, 1, generator))
            self.register_buffer(f"scale{i}", _random_kernel(cout, cout, 3, generator))
            if i + 1 < len(widths):
                self.register_buffer(f"lift{i}", _random_kernel(widths[i + 1], cout, 1, generator))

    def forward(self, grids: list[Tensor]) -> list[Tensor]:
        out: list[Tensor] = []
        above: Tensor | None = None
        for i in reversed(range(self.count)):
            h = F.conv2d(grids[i], self.get_buffer(f"channel{i}"))
            if above is not None:
                lifted = F.conv2d(above, self.get_buffer(f"lift{i}"))
                h = (h + F.interpolate(lifted, scale_factor=2.0, mode="bilinear", align_corners=False)) * math.sqrt(0.5)
            above = F.conv2d(h, self.get_buffer(f"scale{i}"), padding=1)
            out.append(above)
        return out[::-1]


class Head(nn.Module):
    """One mixed grid [B, c, h, h], y [B, C], how much of the class enters -> logits [B, n]: halved down to 4x4 at most, then compared with the class."""

    def __init__(self, channels: int, side: int, classes: int) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        width = channels
        while side > 4:
            after = min(128, 2 * width)
            parts += [spectral_norm(nn.Conv2d(width, after, 4, 2, 1)), nn.LeakyReLU(LEAK)]
            width, side = after, side // 2
        self.halving = nn.Sequential(*parts)
        self.out = spectral_norm(nn.Conv2d(width + 1, CLASS_WIDTH + 1, side, bias=False))
        self.embed = nn.Linear(classes, CLASS_WIDTH, bias=False)
        self.register_buffer("gain", torch.ones(()))

    def forward(self, x: Tensor, y: Tensor, given: float) -> Tensor:
        h = self.halving(x)
        both = self.out(torch.cat([h, minibatch_deviation(h)], dim=1)).flatten(2)  # [B, 1 + CLASS_WIDTH, n]
        projection = (both[:, 1:] * self.embed(y).unsqueeze(2)).sum(dim=1) / math.sqrt(CLASS_WIDTH)
        return (both[:, 0] + projection * given) * self.get_buffer("gain")


class ProjectedDiscriminator(nn.Module):
    """(pictures [B, 3, S, S] in -1..1, y [B, C] class weights) -> logits [B, n], n over all grids. ``given``: how much of the
    class enters, 0..1. ``side`` is what pictures are resized to for the network, which is kept out of the module's state.

    ``examples`` [N, 3, S, S] and their classes, real ones, are what scales are taken from: each channel of a grid is brought to
    mean 0 and deviation 1 on them, and so are the logits to a deviation of 1.
    """

    def __init__(
        self, network: EfficientNetLite, side: int, examples: tuple[Tensor, Tensor], classes: int, seed: int
    ) -> None:
        super().__init__()
        self.side, self.given = side, 1.0
        self._network = (frozen(network),)
        x, y = examples
        with torch.no_grad():
            grids = network.grids(resized(x.float(), side))
            widths = WIDTHS[: len(grids)]
            grids = grids[: len(widths)]
            for i, g in enumerate(grids):
                self.register_buffer(f"mean{i}", g.mean(dim=(0, 2, 3), keepdim=True))
                self.register_buffer(f"deviation{i}", g.std(dim=(0, 2, 3), keepdim=True) + 1e-3)
            self.mixing = RandomMixing([g.shape[1] for g in grids], list(widths), seed)
            self.heads = nn.ModuleList(Head(w, g.shape[-1], classes) for w, g in zip(widths, grids, strict=True))
            for head, h in zip(self.heads, self.mixing(self._standard(grids)), strict=True):
                head.get_buffer("gain").copy_(1 / head(h, y, self.given).std())

    def _standard(self, grids: list[Tensor]) -> list[Tensor]:
        return [(g - self.get_buffer(f"mean{i}")) / self.get_buffer(f"deviation{i}") for i, g in enumerate(grids)]

    def look(self, x: Tensor) -> list[Tensor]:
        """Pictures -> mixed grids, the largest first."""
        grids = self._network[0].grids(resized(x.float(), self.side))
        mixed: list[Tensor] = self.mixing(self._standard(grids[: len(self.heads)]))
        return mixed

    def judge(self, mixed: list[Tensor], y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Mixed grids -> logits [B, n]. ``dtype`` is that of the other discriminator's larger grids; these are computed in
        single precision.
        """
        return torch.cat([head(h, y, self.given) for head, h in zip(self.heads, mixed)], dim=1)

    def layouts(self, mixed: list[Tensor]) -> list[Tensor]:
        """Those of the grids that tell where in a picture things are, rather than their texture or what they are."""
        return mixed[2:4]

    def forward(self, x: Tensor, y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        return self.judge(self.look(x), y, dtype)

    def penalty(self, x: Tensor, y: Tensor) -> Tensor:
        """R1 of each head at its mixed grid, times the grid's size: the square of what a logit changes by if all of the grid
        moves by one deviation along the gradient; the mean over pictures and heads.
        """
        with torch.no_grad():
            mixed = self.look(x)
        total = x.new_zeros(())
        for head, h in zip(self.heads, mixed):
            h.requires_grad_(True)
            (gradient,) = torch.autograd.grad(head(h, y, self.given).sum(), h, create_graph=True)
            total = total + gradient.square().sum(dim=(1, 2, 3)).mean() * h[0].numel()
        return total / len(self.heads)
