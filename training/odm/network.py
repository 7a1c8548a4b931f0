"""The denoiser: a U-Net on a pixel-unshuffled grid, light at full resolution and heavy where the picture is small.

``Denoiser(x [B, 3, H, W], t [B] in 0..1, y [B, C+1] class weights) -> x0 [B, 3, H, W]``. Preconditioning is inside, so
the exported graph is self-contained. Everything in it is a convolution, a GroupNorm, a SiLU, a matrix product or a
softmax: operators that every execution provider of ONNX Runtime computes on the device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .schedule import alpha_sigma, expand, precondition


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network. Channel counts are multiples of 4 (a correctness rule of the WebGPU provider)."""

    classes: int  # grades; the null class is one more
    patch: int = 2  # pixel-unshuffle factor of the first stage; 1, 2 or 4
    channels: tuple[int, ...] = (32, 64, 128, 256)  # per level, each level halves the grid
    blocks: tuple[int, ...] = (1, 1, 1, 2)  # residual blocks per level on the way down
    up_blocks: tuple[int, ...] = (1, 1, 1)  # and on the way up, which the lowest level has not
    attention: tuple[int, ...] = (3,)  # levels with self-attention
    embedding: int = 256  # width of the (t, y) embedding
    dropout: float = 0.0  # in the blocks of the two lowest levels
    ordinal_embedding: bool = False  # E_k = base + sum of steps below k, instead of a free vector per grade
    # clinical values of the grades, where they enter on a line: what the layers are given is linear in the severity
    line: tuple[float, ...] = ()
    line_stretch: float = 1.0  # how far from its middle they stand there, in terms of the least-squares line
    augmentation: int = 0  # columns that tell the network how a training picture was changed; 0 when none is


# modules through which time and grade enter
CONDITIONING = frozenset(["time", "grade", "affine", "linear_gain"])
AUGMENTATION_WEIGHT = "augmentation.weight"  # of the layer that only training with changed pictures needs


def fit_augmentation(weights: Mapping[str, Tensor], config: NetworkConfig) -> dict[str, Tensor]:
    """The weights for a network that hears of changed pictures, or does not, when they come from one of the other kind.

    A layer that is new begins with zeros, as if no picture were changed, so the network's function stays as it was.
    """
    fitted = {k: v for k, v in weights.items() if k != AUGMENTATION_WEIGHT}
    if config.augmentation:
        fresh = torch.zeros(config.embedding, config.augmentation)
        fitted[AUGMENTATION_WEIGHT] = weights.get(AUGMENTATION_WEIGHT, fresh)
    return fitted


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, min(32, channels // 8)), channels, eps=1e-5)


def hat_matrix(values: Sequence[float], stretch: float = 1.0) -> Tensor:
    """[C, C], symmetric: takes C numbers (or vectors) to their least-squares line over the grades' values, and there
    ``stretch`` times as far from its middle."""
    s = torch.tensor(values, dtype=torch.float64)
    s = s - s.mean()
    return (stretch * torch.outer(s, s) / s.square().sum() + 1 / len(values)).float()


def expand_channels(v: Tensor) -> Tensor:
    """[B, C] -> [B, C, 1, 1]."""
    return v.unsqueeze(-1).unsqueeze(-1)


class Block(nn.Module):
    """Residual block: SiLU, conv, norm with scale and shift by the embedding, SiLU, conv.

    One norm, not two: the second takes out whatever scale the residual stream has grown to, and on a CPU a norm's
    backward pass costs as much as a small convolution's.
    """

    def __init__(self, cin: int, cout: int, embedding: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, padding=1)
        self.norm = _norm(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1)
        self.affine = nn.Linear(embedding, 2 * cout)
        self.skip = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()
        self.drop = nn.Dropout(dropout)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        h = self.conv1(F.silu(x))
        scale, shift = expand_channels(self.affine(e)).chunk(2, dim=1)
        h = self.norm(h) * (1 + scale) + shift
        return self.skip(x) + self.conv2(self.drop(F.silu(h)))


class Attention(nn.Module):
    """Multi-head self-attention over the grid, heads of 64 channels at most."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // 64)
        self.norm = _norm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        c, height, width = x.shape[1], x.shape[2], x.shape[3]
        q, k, v = self.qkv(self.norm(x)).reshape(-1, 3, self.heads, c // self.heads, height * width).unbind(1)
        weights = torch.matmul(q.transpose(-1, -2), k) * (c // self.heads) ** -0.5  # [B, heads, N, N]
        h = torch.matmul(v, weights.softmax(-1).transpose(-1, -2))
        return x + self.out(h.reshape(-1, c, height, width))


class Denoiser(nn.Module):
    """x0 prediction with EDM preconditioning; see the module's docstring for the shapes."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        ch, nb, emb = config.channels, config.blocks, config.embedding
        levels = len(ch)

        frequencies = torch.exp(torch.linspace(math.log(0.5), math.log(200.0), 32))
        self.register_buffer("frequencies", frequencies)
        self.time = nn.Sequential(nn.Linear(64, emb), nn.SiLU(), nn.Linear(emb, emb))
        self.grade = nn.Linear(config.classes + 1, emb, bias=False)
        nn.init.normal_(self.grade.weight, std=0.5)
        if config.ordinal_embedding:
            # rows of y (one-hot k) -> base + steps 0..k-1; the null class keeps a vector of its own
            staircase = torch.zeros(config.classes + 1, config.classes + 1)
            for k in range(config.classes):
                staircase[k, : k + 1] = 1
            staircase[config.classes, config.classes] = 1
            self.register_buffer("staircase", staircase)
        if config.line:
            # a constant of the configuration, so that a network without it hands its weights over as they are
            onto_line = torch.eye(config.classes + 1)
            onto_line[: config.classes, : config.classes] = hat_matrix(config.line, config.line_stretch)
            self.register_buffer("onto_line", onto_line, persistent=False)

        if config.augmentation:
            # no bias: unchanged pictures have all columns zero, so sampling and the exported graph need no such input
            self.augmentation = nn.Linear(config.augmentation, emb, bias=False)

        def dropout(level: int) -> float:
            return config.dropout if level >= levels - 2 else 0.0

        self.stem = nn.Conv2d(3 * config.patch**2, ch[0], 3, padding=1)
        self.down = nn.ModuleList()
        self.down_attention = nn.ModuleList()
        self.shrink = nn.ModuleList()
        self.up = nn.ModuleList()
        self.up_attention = nn.ModuleList()
        self.grow = nn.ModuleList()
        for i in range(levels):
            self.down.append(nn.ModuleList(Block(ch[i], ch[i], emb, dropout(i)) for _ in range(nb[i])))
            self.down_attention.append(Attention(ch[i]) if i in config.attention else nn.Identity())
            if i + 1 < levels:
                self.shrink.append(nn.Conv2d(ch[i], ch[i + 1], 3, stride=2, padding=1))
        for i in reversed(range(levels - 1)):
            self.grow.append(nn.Conv2d(ch[i + 1], ch[i], 1))
            self.up.append(nn.ModuleList(Block(ch[i], ch[i], emb, dropout(i)) for _ in range(config.up_blocks[i])))
            self.up_attention.append(Attention(ch[i]) if i in config.attention else nn.Identity())
        # at low noise the best estimate is close to a linear filter of the input: give it a way past the nonlinearities
        self.linear = nn.Conv2d(ch[0], 3 * config.patch**2, 3, padding=1)
        self.linear_gain = nn.Linear(emb, ch[0])
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)  # type: ignore[arg-type]
        self.head_norm = _norm(ch[0])
        self.head = nn.Conv2d(ch[0], 3 * config.patch**2, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def train_only(self, conditioning: bool) -> None:
        """Freezes everything but the layers through which (t, y) enters, so that what a picture looks like is left alone."""
        for name, p in self.named_parameters():
            p.requires_grad_(not conditioning or not CONDITIONING.isdisjoint(name.split(".")))

    def embed(self, t: Tensor, y: Tensor, augmentation: Tensor | None = None) -> Tensor:
        angle = t.view(-1, 1) * self.frequencies
        e = self.time(torch.cat([torch.sin(angle), torch.cos(angle)], dim=1))
        if self.config.ordinal_embedding:
            y = torch.matmul(y, self.staircase)
        if augmentation is not None:
            e = e + self.augmentation(augmentation)
        if not self.config.line:
            return F.silu(e + self.grade(y))
        # Every grade's vector after the nonlinearity, put on the best line through them all, then weighted by y. All layers
        # take it linearly, and grades differ little at any one noisy picture, so that the estimates lie nearly on a line too.
        vectors = F.silu(e.unsqueeze(1) + self.grade.weight.T)  # [B, C + 1, embedding]
        return torch.matmul(torch.matmul(y, self.onto_line).unsqueeze(1), vectors).squeeze(1)

    def forward(self, x: Tensor, t: Tensor, y: Tensor, augmentation: Tensor | None = None) -> Tensor:
        alpha, sigma = alpha_sigma(t)
        c_in, c_skip, c_out = (expand(c) for c in precondition(alpha, sigma))
        e = self.embed(t, y, augmentation)
        h = self.stem(F.pixel_unshuffle(x * c_in, self.config.patch))
        filtered = self.linear(h * (1 + expand_channels(self.linear_gain(e))))
        skips: list[Tensor] = []
        levels = len(self.config.channels)
        for i in range(levels):
            for block in self.down[i]:  # type: ignore[union-attr]
                h = block(h, e)
            h = self.down_attention[i](h)
            if i + 1 < levels:
                skips.append(h)
                h = self.shrink[i](h)
        for j, i in enumerate(reversed(range(levels - 1))):
            # the 1x1 convolution commutes with nearest-neighbour growth and is four times cheaper before it
            # skips are added, not joined: the blocks of the large grids, which cost the most, keep their width
            h = F.interpolate(self.grow[j](h), scale_factor=2.0, mode="nearest") + skips[i]
            for block in self.up[j]:  # type: ignore[union-attr]
                h = block(h, e)
            h = self.up_attention[j](h)
        f = F.pixel_shuffle(self.head(F.silu(self.head_norm(h))) + filtered, self.config.patch)
        return c_skip * x + c_out * f.to(x.dtype)


def count_flops(config: NetworkConfig, size: int) -> int:
    """Floating-point operations (two per multiply-add) of one evaluation of one ``size`` x ``size`` picture."""
    total = 0

    def conv_hook(module: nn.Conv2d, _inputs: object, out: Tensor) -> None:
        nonlocal total
        k = module.kernel_size
        total += 2 * out[0].numel() * (module.in_channels // module.groups) * k[0] * k[1]

    def linear_hook(module: nn.Linear, _inputs: object, out: Tensor) -> None:
        nonlocal total
        total += 2 * out[0].numel() * module.in_features

    def attention_hook(_module: Attention, _inputs: object, out: Tensor) -> None:
        nonlocal total
        n = out.shape[2] * out.shape[3]
        total += 4 * n * n * out.shape[1]

    model = Denoiser(config).eval()
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            m.register_forward_hook(conv_hook)
        elif isinstance(m, nn.Linear):
            m.register_forward_hook(linear_hook)
        elif isinstance(m, Attention):
            m.register_forward_hook(attention_hook)
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size), torch.full((1,), 0.5), torch.zeros(1, config.classes + 1))
    return total
