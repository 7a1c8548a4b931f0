"""Class-conditional StyleGAN2 in plain PyTorch: ``Generator(z, y) -> picture`` and ``Discriminator(picture, y) -> logit``.

After Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN" (arXiv 1912.04958): a mapping network,
modulated convolutions with demodulation, skip connections in the generator, residual blocks and minibatch standard
deviation in the discriminator, equalised learning rates, [1, 3, 3, 1] filters about every change of size. The class enters
the mapping network through an embedding and the discriminator as a projection (Miyato and Koyama 2018, arXiv 1802.05637).
There is no per-layer noise: a picture is a function of z and y alone. The grid that all begins with may depend on w
(``styled_start``), as it did before StyleGAN (Karras et al. 2018, arXiv 1710.10196): with a constant one, a few thousand
steps on a few hundred pictures gave every picture the same layout.

Two things are arranged for speed and for export, and change no value (the tests hold them against direct formulas):
modulation scales activations, not weights, so that there are no weights per picture and the batch stays a free dimension;
and a GPU, to which a filter of each channel by itself is dear, has the filters folded into the kernels of the convolutions beside
them, which then are 6x6 with stride 2. To a CPU such a filter is cheap, and the folded kernel's fourfold arithmetic is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FIR = (1.0, 3.0, 3.0, 1.0)
LEAK = 0.2
_GAIN = math.sqrt(2)  # keeps the variance across a leaky ReLU, as in the paper's code
_SINGLE_BELOW = 16  # grids smaller than this compute in float32: they are cheap, and everything depends on them


@dataclass(frozen=True)
class GanShape:
    """Shape of both networks. Channel counts are multiples of 4 (a correctness rule of the WebGPU provider)."""

    classes: int
    size: int  # side of the pictures, 4 * 2 ** (levels - 1)
    channels: tuple[int, ...]  # of the generator, per grid: 4x4, 8x8, ... size
    critic_channels: tuple[int, ...]  # of the discriminator, in the same order
    latent: int  # width of z
    style: int  # width of w and of the mapping network
    mapping_layers: int
    styled_start: bool = False  # the first grid is the learned constant plus a linear function of w


def _compose(gain: float) -> Tensor:
    """[6, 3]: what turns the 3 taps of a kernel into the 6 of its convolution with the normalised filter, times ``gain``."""
    taps = torch.tensor(FIR, dtype=torch.float64) * gain / sum(FIR)
    out = torch.zeros(6, 3, dtype=torch.float64)
    for k in range(3):
        out[k : k + 4, k] = taps
    return out


def _folding(gain: float) -> Tensor:
    """[9, 36]: flat 3x3 kernel -> flat 6x6 kernel with the filter folded in."""
    c = _compose(gain)
    return torch.einsum("ja,lb->abjl", c, c).reshape(9, 36).float()


def _phases() -> Tensor:
    """[9, 36]: flat 3x3 kernel -> four 3x3 kernels (2x2 phases, then taps) on the small grid.

    A transposed convolution of stride 2 with 6 taps W puts ``x[m-1] W[p+4] + x[m] W[p+2] + x[m+1] W[p]`` at ``2m + p``.
    """
    wide = _folding(2.0).reshape(9, 6, 6)
    rows = [[p + 4 - 2 * u for u in range(3)] for p in range(2)]
    return torch.stack([wide[:, rows[p]][:, :, rows[q]] for p in range(2) for q in range(2)], dim=1).reshape(9, 36)


def _folds(x: Tensor, asked: bool | None) -> bool:
    """Whether filters are folded into kernels: as asked, else as suits the device of x."""
    return x.is_cuda if asked is None else asked


def _filtered(x: Tensor, gain: float, padding: int) -> Tensor:
    """Every channel of x [B, C, H, W] filtered by itself, the sum of the filter's entries being ``gain`` squared."""
    taps = torch.tensor(FIR, dtype=x.dtype, device=x.device) * gain / sum(FIR)
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, len(FIR), len(FIR))
    return F.conv2d(x, kernel, padding=padding, groups=x.shape[1])


def normalize(x: Tensor) -> Tensor:
    """Rows [B, N] scaled to a mean square of one."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)


def _scaled(x: Tensor, gain: float) -> Tensor:
    """``x * gain``, and x itself for a gain of one, so that an exported graph holds weights under their own names."""
    return x if gain == 1 else x * gain


class EqualLinear(nn.Module):
    """A linear layer whose weights are stored at unit variance and scaled when used (equalised learning rate)."""

    def __init__(self, cin: int, cout: int, bias: float | None = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(cout, cin) / rate)
        self.bias = None if bias is None else nn.Parameter(torch.full((cout,), bias / rate))
        self.gain, self.rate = rate / math.sqrt(cin), rate

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else _scaled(self.bias, self.rate)
        return F.linear(x, _scaled(self.weight, self.gain), bias)


class Mapping(nn.Module):
    """z [B, latent] and class weights y [B, C] -> w [B, style]. ``given`` in 0..1 is how much of the class enters."""

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        self.given = 1.0
        self.embed = EqualLinear(shape.classes, shape.style, bias=None)
        with torch.no_grad():  # a row of y has one entry that matters, so the fan-in of a class is one
            self.embed.weight.mul_(math.sqrt(shape.classes))
        widths = [shape.latent + shape.style] + [shape.style] * shape.mapping_layers
        self.layers = nn.ModuleList(EqualLinear(a, b, rate=0.01) for a, b in zip(widths, widths[1:]))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        h = torch.cat([normalize(z), _scaled(normalize(self.embed(y)), self.given)], dim=1)
        for layer in self.layers:
            h = F.leaky_relu(layer(h), LEAK) * _GAIN
        return h


class ModulatedConv(nn.Module):
    """Convolution whose kernel is scaled per picture and input channel by a style, and demodulated to unit variance.

    Equal to the paper's grouped form (equations 1 and 3): scaling input channel i of the kernel by s_i is scaling input i, and
    dividing output channel o by the norm of its scaled kernel is scaling output o.
    """

    folding: Tensor
    phases: Tensor

    def __init__(self, cin: int, cout: int, kernel: int, style: int, up: bool = False, demodulate: bool = True) -> None:
        super().__init__()
        assert not up or kernel == 3
        self.weight = nn.Parameter(torch.randn(cout, cin, kernel, kernel))
        self.affine = EqualLinear(style, cin, bias=1.0)
        self.gain = 1 / math.sqrt(cin * kernel**2)
        self.kernel, self.up, self.demodulate = kernel, up, demodulate
        self.polyphase = False  # the same sum as four convolutions on the small grid: what an exported graph does
        self.folds: bool | None = None
        if up:
            self.register_buffer("folding", _folding(2.0), persistent=False)
            self.register_buffer("phases", _phases(), persistent=False)

    def forward(self, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor | None]:
        """x [B, cin, H, W], w [B, style] -> (the convolution of the scaled input, the scale [B, cout] still to apply)."""
        s = self.affine(w)
        weight = _scaled(self.weight, self.gain)
        scale = None
        if self.demodulate:
            scale = torch.rsqrt(torch.matmul(s.square(), weight.square().sum(dim=(2, 3)).t()) + 1e-8)
        x = x * _grid(s).to(x.dtype)
        if not self.up:
            return F.conv2d(x, weight.to(x.dtype), padding=self.kernel // 2), scale
        cout, cin = weight.shape[:2]
        flat = weight.reshape(cout, cin, 9)
        if self.polyphase:
            split = torch.matmul(flat, self.phases).reshape(cout, cin, 4, 9).transpose(1, 2)
            return F.pixel_shuffle(F.conv2d(x, split.reshape(4 * cout, cin, 3, 3), padding=1), 2), scale
        if not _folds(x, self.folds):
            x = F.conv_transpose2d(x, weight.transpose(0, 1).to(x.dtype), stride=2)
            return _filtered(x, 2.0, padding=1), scale
        wide = torch.matmul(flat.transpose(0, 1), self.folding).reshape(cin, cout, 6, 6)
        return F.conv_transpose2d(x, wide.to(x.dtype), stride=2, padding=2), scale


def _grid(v: Tensor) -> Tensor:
    """[B, C] -> [B, C, 1, 1]."""
    return v.unsqueeze(-1).unsqueeze(-1)


class StyledLayer(nn.Module):
    """Modulated 3x3 convolution, bias, leaky ReLU. The ReLU's gain is applied before it, where it costs nothing."""

    def __init__(self, cin: int, cout: int, style: int, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(cin, cout, 3, style, up)
        self.bias = nn.Parameter(torch.zeros(1, cout, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        h, scale = self.conv(x, w)
        assert scale is not None
        return F.leaky_relu(torch.addcmul((self.bias * _GAIN).to(h.dtype), h, _grid(scale * _GAIN).to(h.dtype)), LEAK)


class ToRgb(nn.Module):
    """Modulated 1x1 convolution to three channels, not demodulated."""

    def __init__(self, cin: int, style: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(cin, 3, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return self.conv(x, w)[0].float() + self.bias


class UpsampleRgb(nn.Module):
    """A picture [B, 3, H, W] at twice the size: zeros between the pixels, then the filter."""

    wide: Tensor
    split: Tensor

    def __init__(self) -> None:
        super().__init__()
        delta = torch.zeros(3, 3, 9)
        delta[range(3), range(3), 4] = 1
        self.polyphase = False
        self.register_buffer("wide", torch.matmul(delta, _folding(2.0)).reshape(3, 3, 6, 6), persistent=False)
        split = torch.matmul(delta, _phases()).reshape(3, 3, 4, 9).transpose(1, 2)
        self.register_buffer("split", split.reshape(12, 3, 3, 3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.polyphase:
            return F.pixel_shuffle(F.conv2d(x, self.split, padding=1), 2)
        return F.conv_transpose2d(x, self.wide, stride=2, padding=2)


class Generator(nn.Module):
    """(z [B, latent] standard normal, y [B, C] class weights that sum to one) -> pictures [B, 3, S, S], about -1..1.

    A fractional severity is a mix of two classes in ``y``: it interpolates their embeddings.
    """

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        self.shape = shape
        ch = shape.channels
        self.mapping = Mapping(shape)
        self.constant = nn.Parameter(torch.randn(1, ch[0], 4, 4))
        if shape.styled_start:
            self.start = EqualLinear(shape.style, 16 * ch[0], bias=None)
        self.layers = nn.ModuleList([StyledLayer(ch[0], ch[0], shape.style)])
        self.to_rgb = nn.ModuleList([ToRgb(ch[0], shape.style)])
        for a, b in zip(ch, ch[1:]):
            self.layers.append(StyledLayer(a, b, shape.style, up=True))
            self.layers.append(StyledLayer(b, b, shape.style))
            self.to_rgb.append(ToRgb(b, shape.style))
        self.upsample = UpsampleRgb()

    def for_export(self) -> Generator:
        """In place, with the same results: every gain in its weights, transposed convolutions on the small grid."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, EqualLinear):
                    module.weight.mul_(module.gain)
                    if module.bias is not None:
                        module.bias.mul_(module.rate)
                    module.gain = module.rate = 1.0
                elif isinstance(module, ModulatedConv):
                    module.weight.mul_(module.gain)
                    module.gain, module.polyphase = 1.0, True
                elif isinstance(module, UpsampleRgb):
                    module.polyphase = True
        return self

    def synthesis(self, w: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """w [B, style] -> pictures; the larger grids compute in ``dtype``."""
        x: Tensor = self.constant
        if self.shape.styled_start:
            x = x + self.start(w).reshape(-1, self.shape.channels[0], 4, 4)
        x = self.layers[0](x, w)
        rgb: Tensor = self.to_rgb[0](x, w)
        for level in range(1, len(self.shape.channels)):
            if 4 << level >= _SINGLE_BELOW:
                x = x.to(dtype)
            x = self.layers[2 * level - 1](x, w)
            x = self.layers[2 * level](x, w)
            rgb = self.upsample(rgb) + self.to_rgb[level](x, w)
        return rgb

    def forward(self, z: Tensor, y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        return self.synthesis(self.mapping(z, y), dtype)


class EqualConv(nn.Module):
    """Convolution with equalised learning rate; ``down`` filters and halves the grid. ``gain`` is the output's."""

    folding: Tensor

    def __init__(self, cin: int, cout: int, kernel: int, gain: float, down: bool = False, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(cout, cin, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(cout)) if bias else None
        self.gain, self.fan_in, self.down, self.kernel = gain, cin * kernel**2, down, kernel
        self.folds: bool | None = None
        if down:
            taps = torch.tensor(FIR) / sum(FIR)
            folding = _folding(1.0) if kernel == 3 else torch.outer(taps, taps).reshape(1, 16)
            self.register_buffer("folding", folding, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * (self.gain / math.sqrt(self.fan_in))
        bias = None if self.bias is None else (self.bias * self.gain).to(x.dtype)
        if not self.down:
            return F.conv2d(x, weight.to(x.dtype), bias, padding=self.kernel // 2)
        if not _folds(x, self.folds):
            if self.kernel == 1:
                # filtered whole and then thinned: a CPU's strided filter is several times as slow backwards
                return F.conv2d(_filtered(x, 1.0, padding=1)[:, :, ::2, ::2], weight.to(x.dtype), bias)
            return F.conv2d(_filtered(x, 1.0, padding=2), weight.to(x.dtype), bias, stride=2)
        cout, cin = weight.shape[:2]
        side = self.kernel + 3
        wide = torch.matmul(weight.reshape(cout, cin, -1), self.folding).reshape(cout, cin, side, side)
        return F.conv2d(x, wide.to(x.dtype), bias, stride=2, padding=(side - 1) // 2)


class ResidualDown(nn.Module):
    """Two 3x3 convolutions with leaky ReLUs and a filtered 1x1 skip, to half the grid; the sum has the variance of its input."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.conv0 = EqualConv(cin, cin, 3, _GAIN)
        self.conv1 = EqualConv(cin, cout, 3, _GAIN * math.sqrt(0.5), down=True)
        self.skip = EqualConv(cin, cout, 1, math.sqrt(0.5), down=True, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.conv0(x), LEAK)
        return F.leaky_relu(self.conv1(h), LEAK) + self.skip(x)


def minibatch_deviation(x: Tensor, group: int = 4) -> Tensor:
    """[B, C, H, W] -> [B, 1, H, W]: the mean standard deviation over groups of ``group`` pictures (B divisible, or one group)."""
    b = x.shape[0]
    g = group if b % group == 0 else b
    split = x.reshape(g, b // g, -1)
    deviation = (split - split.mean(dim=0)).square().mean(dim=0).add(1e-8).sqrt().mean(dim=1)  # [B / g]
    return deviation.repeat(g).reshape(b, 1, 1, 1).expand(b, 1, x.shape[2], x.shape[3])


class Discriminator(nn.Module):
    """(pictures [B, 3, S, S] in -1..1, y [B, C] class weights) -> logits [B]. ``given``: as in the mapping network."""

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        self.given = 1.0
        ch = shape.critic_channels
        self.from_rgb = EqualConv(3, ch[-1], 1, _GAIN)
        self.blocks = nn.ModuleList(ResidualDown(a, b) for a, b in zip(ch[:0:-1], ch[-2::-1]))
        self.conv = EqualConv(ch[0] + 1, ch[0], 3, _GAIN)
        self.dense = EqualLinear(16 * ch[0], ch[0])
        self.out = EqualLinear(ch[0], 1)
        self.embed = EqualLinear(shape.classes, ch[0], bias=None)
        with torch.no_grad():
            self.embed.weight.mul_(math.sqrt(shape.classes))

    def look(self, x: Tensor) -> list[Tensor]:
        """Pictures -> what the trained part is given: the pictures. (A projected discriminator's is more.)"""
        return [x]

    def judge(self, seen: list[Tensor], y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """What ``look`` gave -> logits [B]."""
        return self(seen[0], y, dtype)  # type: ignore[no-any-return]

    def forward(self, x: Tensor, y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        h = F.leaky_relu(self.from_rgb(x.to(dtype)), LEAK)
        for block in self.blocks:
            if h.shape[-1] < _SINGLE_BELOW:
                h = h.float()
            h = block(h)
        h = h.float()
        h = F.leaky_relu(self.conv(torch.cat([h, minibatch_deviation(h)], dim=1)), LEAK)
        h = F.leaky_relu(self.dense(h.flatten(1)), LEAK) * _GAIN
        projection = (h * self.embed(y)).sum(dim=1) / math.sqrt(h.shape[1])
        return self.out(h).squeeze(1) + _scaled(projection, self.given)


def generator_flops(shape: GanShape) -> int:
    """Floating-point operations (two per multiply-add) of one picture: the convolutions and the linear layers."""
    ch, style = shape.channels, shape.style
    total = (shape.latent + style) * style + (shape.mapping_layers - 1) * style**2 + shape.classes * style
    total += 16 * 9 * ch[0] ** 2 + 16 * 3 * ch[0] + 2 * style * ch[0] + shape.styled_start * style * 16 * ch[0]
    for level in range(1, len(ch)):
        pixels, a, b = (4 << level) ** 2, ch[level - 1], ch[level]
        total += pixels * (9 * (a * b + b * b) + 3 * b + 9 * 9) + style * (a + 2 * b)
    return 2 * total
