"""StyleGAN2's networks against those of its authors (golden/make_stylegan_golden.py), its layers against direct formulas:
grouped weights, zero insertion and a filter in numpy, finite differences.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from odm.diffaugment import diff_augment
from odm.gan import path_lengths, r1_penalty
from odm.stylegan import (
    FIR,
    Discriminator,
    EqualConv,
    GanShape,
    Generator,
    ModulatedConv,
    UpsampleRgb,
    generator_flops,
    minibatch_deviation,
)

SHAPE = GanShape(
    classes=3,
    size=16,
    channels=(12, 8, 8),
    critic_channels=(12, 8, 8),
    latent=8,
    style=12,
    mapping_layers=2,
)  # fmt: skip
Floats = NDArray[np.float64]
TAPS = np.outer(FIR, FIR) / np.sum(FIR) ** 2


AUTHORS = Path(__file__).resolve().parent / "golden" / "stylegan2.npz"


def theirs(model: torch.nn.Module, network: str, names: dict[str, str]) -> dict[str, Tensor]:
    """The file's tensors. Those of ``network``, all of them, are put into ``model``, where ``names`` says; nothing that it learns
    is left out.
    """
    file = {k: torch.from_numpy(v) for k, v in np.load(AUTHORS).items()}
    mine = {k: p for k, p in model.named_parameters() if p.requires_grad}
    assert {k for k in file if k.startswith(f"{network}.")} == {f"{network}.{k}" for k in names}
    assert mine.keys() == set(names.values())
    with torch.no_grad():
        for name, place in names.items():
            mine[place].copy_(file[f"{network}.{name}"].reshape(mine[place].shape))
    return file


@pytest.mark.parametrize("form", ["folded", "filtered", "exported"])
def test_the_generator_is_that_of_its_authors(form: str) -> None:
    """All of it: mapping, modulation, up-sampling, to-RGB and its skips; in each form that the convolutions have here."""
    model = Generator(replace(SHAPE, channels=(12, 12, 8), latent=6, style=8))
    names = {"synthesis.b4.const": "constant", "mapping.embed.weight": "mapping.embed.weight"}
    names |= {f"mapping.fc{i}.{kind}": f"mapping.layers.{i}.{kind}" for i in range(2) for kind in ("weight", "bias")}
    layers = {"b4.conv1": "layers.0", "b8.conv0": "layers.1", "b8.conv1": "layers.2", "b16.conv0": "layers.3"}
    layers |= {"b16.conv1": "layers.4", "b4.torgb": "to_rgb.0", "b8.torgb": "to_rgb.1", "b16.torgb": "to_rgb.2"}
    for layer, place in layers.items():
        names[f"synthesis.{layer}.bias"] = f"{place}.bias"
        names |= {f"synthesis.{layer}.{k}": f"{place}.conv.{k}" for k in ("weight", "affine.weight", "affine.bias")}
    file = theirs(model, "generator", names)
    for module in model.modules():
        if isinstance(module, ModulatedConv):
            module.folds = form == "folded"
    w = model.mapping(file["z"], file["y"])
    torch.testing.assert_close(w, file["w"], rtol=1e-4, atol=1e-5)
    if form == "exported":
        model.for_export()
    torch.testing.assert_close(model(file["z"], file["y"]), file["drawn"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("folds", [False, True])
def test_the_discriminator_is_that_of_its_authors(folds: bool) -> None:
    model = Discriminator(replace(SHAPE, critic_channels=(12, 12, 8)))
    model.given = 0.0  # the class enters in another way here
    model.embed.requires_grad_(False)
    layers = {"b16.fromrgb": "from_rgb", "b4.conv": "conv", "b4.fc": "dense", "b4.out": "out"}
    layers |= {f"b{16 >> i}.{part}": f"blocks.{i}.{part}" for i in range(2) for part in ("conv0", "conv1", "skip")}
    names = {f"{k}.{kind}": f"{v}.{kind}" for k, v in layers.items() for kind in ("weight", "bias") if kind == "weight" or "skip" not in k}  # fmt: skip
    file = theirs(model, "critic", names)
    for module in model.modules():
        if isinstance(module, EqualConv):
            module.folds = folds
    logits = model(file["pictures"], torch.eye(3)[[0, 1, 2, 0]])
    assert file["logits"].std() > 0.1
    torch.testing.assert_close(logits, file["logits"][:, 0], rtol=1e-4, atol=1e-5)


def upfirdn(x: Floats, kernel: Floats, up: int, down: int, before: int, after: int) -> Floats:
    """One channel [H, W]: zeros between the pixels, padding, true convolution, every ``down``-th pixel (the paper's operator)."""
    wide = np.zeros((x.shape[0] * up, x.shape[1] * up))
    wide[::up, ::up] = x
    wide = np.pad(wide, (before, after))
    kh, kw = kernel.shape
    out = np.zeros((wide.shape[0] - kh + 1, wide.shape[1] - kw + 1))
    for i in range(kh):
        for j in range(kw):
            out += kernel[kh - 1 - i, kw - 1 - j] * wide[i : i + out.shape[0], j : j + out.shape[1]]
    return out[::down, ::down]


def grouped(conv: ModulatedConv, x: Tensor, w: Tensor) -> Tensor:
    """The paper's equations 1 and 3 as they stand: weights per picture, one group a picture; not up-sampled."""
    b, cin, h, width = x.shape
    s = F.linear(w, conv.affine.weight / w.shape[1] ** 0.5, conv.affine.bias)
    kernel = conv.weight.unsqueeze(0) * conv.gain * s.view(b, 1, cin, 1, 1)
    if conv.demodulate:
        kernel = kernel / (kernel.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
    flat = kernel.reshape(-1, cin, conv.kernel, conv.kernel)
    return F.conv2d(x.reshape(1, b * cin, h, width), flat, padding=conv.kernel // 2, groups=b).reshape(b, -1, h, width)


def finished(conv: ModulatedConv, x: Tensor, w: Tensor) -> Tensor:
    y, scale = conv(x, w)
    return y if scale is None else y * scale.unsqueeze(-1).unsqueeze(-1)


@pytest.mark.parametrize(("kernel", "demodulate"), [(3, True), (3, False), (1, False), (1, True)])
def test_scaled_activations_are_grouped_weights(kernel: int, demodulate: bool) -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(6, 5, kernel, 7, demodulate=demodulate)
    x, w = torch.randn(4, 6, 9, 9), torch.randn(4, 7)
    torch.testing.assert_close(finished(conv, x, w), grouped(conv, x, w), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("polyphase", "folds"), [(False, False), (False, True), (True, None)])
def test_upsampling_convolution_is_zero_insertion_convolution_filter(polyphase: bool, folds: bool | None) -> None:
    torch.manual_seed(1)
    conv = ModulatedConv(3, 2, 3, 4, up=True)
    conv.polyphase, conv.folds = polyphase, folds
    x, w = torch.randn(2, 3, 5, 5), torch.randn(2, 4)
    got = finished(conv, x, w).detach().double().numpy()
    s = conv.affine(w).detach().double().numpy()
    weight = conv.weight.detach().double().numpy() * conv.gain
    for b in range(2):
        kernel = weight * s[b][None, :, None, None]
        kernel /= np.sqrt(np.square(kernel).sum(axis=(1, 2, 3), keepdims=True) + 1e-8)
        for o in range(2):
            want = np.zeros((10, 10))
            for i in range(3):
                # zeros inserted and convolved in full, without the last zero row that the reference's stride leaves out
                full = upfirdn(x[b, i].double().numpy(), kernel[o, i], 2, 1, 2, 2)[:11, :11]
                want += upfirdn(full, 4 * TAPS, 1, 1, 1, 1)
            np.testing.assert_allclose(got[b, o], want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("polyphase", [False, True])
def test_upsampled_pictures(polyphase: bool) -> None:
    x = torch.from_numpy(np.random.default_rng(2).standard_normal((2, 3, 6, 6)).astype(np.float32))
    up = UpsampleRgb()
    up.polyphase = polyphase
    got = up(x).double().numpy()
    for b in range(2):
        for c in range(3):
            want = upfirdn(x[b, c].double().numpy(), 4 * TAPS, 2, 1, 2, 1)
            np.testing.assert_allclose(got[b, c], want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("folds", [False, True])
@pytest.mark.parametrize(("kernel", "padding"), [(3, 2), (1, 1)])
def test_downsampling_convolution_is_filter_then_stride(kernel: int, padding: int, folds: bool) -> None:
    torch.manual_seed(3)
    conv = EqualConv(2, 3, kernel, 1.3, down=True, bias=False)
    conv.folds = folds
    x = torch.randn(2, 2, 8, 8)
    got = conv(x).detach().double().numpy()
    weight = conv.weight.detach().double().numpy() * 1.3 / np.sqrt(2 * kernel**2)
    for b in range(2):
        for o in range(3):
            want = np.zeros((4, 4))
            for i in range(2):
                blurred = upfirdn(x[b, i].double().numpy(), TAPS, 1, 1, padding, padding)
                want += upfirdn(blurred, weight[o, i, ::-1, ::-1], 1, 2, 0, 0)
            np.testing.assert_allclose(got[b, o], want, rtol=1e-4, atol=1e-5)


def test_minibatch_deviation() -> None:
    x = np.random.default_rng(4).standard_normal((8, 3, 4, 4))
    got = minibatch_deviation(torch.from_numpy(x)).numpy()
    assert got.shape == (8, 1, 4, 4)
    for n in range(8):
        members = x[n % 2 :: 2]  # groups of four, every second picture
        np.testing.assert_allclose(got[n], np.sqrt(members.var(axis=0) + 1e-8).mean(), rtol=1e-6)


@pytest.mark.parametrize("styled_start", [False, True])
def test_a_picture_depends_on_its_own_row_alone(styled_start: bool) -> None:
    torch.manual_seed(5)
    model = Generator(replace(SHAPE, styled_start=styled_start)).eval()
    z, y = torch.randn(5, 8), torch.eye(3)[[0, 1, 2, 0, 1]]
    whole = model(z, y)
    assert whole.shape == (5, 3, 16, 16)
    torch.testing.assert_close(model(z[2:3], y[2:3]), whole[2:3], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(model(z[:1], y[1:2]), whole[:1], atol=1e-3)
    other = model.for_export()(z, y)
    torch.testing.assert_close(other, whole, rtol=1e-4, atol=1e-5)


def test_a_mix_of_classes_lies_between_them() -> None:
    """The path from one class to the next is continuous and arrives at both."""
    torch.manual_seed(6)
    model = Generator(SHAPE).eval()
    share = torch.linspace(0, 1, 41).unsqueeze(1)
    y = torch.cat([1 - share, share, torch.zeros(41, 1)], dim=1)
    path = model(torch.randn(1, 8).expand(41, 8), y).detach()
    ends = (path[0] - path[-1]).square().mean().sqrt()
    steps = (path[1:] - path[:-1]).square().mean(dim=(1, 2, 3)).sqrt()
    assert ends > 0.05
    assert steps.max() < ends / 4


def test_r1_is_the_squared_gradient() -> None:
    torch.manual_seed(7)
    critic = Discriminator(SHAPE).double()
    x, y = torch.randn(4, 3, 16, 16, dtype=torch.float64), torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0]]
    # the networks convert to float32 where they must not lose precision; for finite differences they must not
    got = r1_penalty(lambda p, q: _double(critic, p, q), x, y)  # type: ignore[arg-type]
    rng, total, step = np.random.default_rng(0), 0.0, 1e-5
    chosen = rng.choice(3 * 16 * 16, 24, replace=False)
    leaf = x.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(_double(critic, leaf, y).sum(), leaf)
    for k in chosen:
        shift = torch.zeros(3 * 16 * 16, dtype=torch.float64)
        shift[k] = step
        up = _double(critic, x + shift.view(1, 3, 16, 16) * _first(4), y).sum()
        down = _double(critic, x - shift.view(1, 3, 16, 16) * _first(4), y).sum()
        slope = float((up - down).detach() / (2 * step))
        assert slope == pytest.approx(float(gradient[0].flatten()[k]), rel=1e-4, abs=1e-7)
        total += slope
    assert got.item() == pytest.approx(float(gradient.square().sum() / 4), rel=1e-6)


def _first(count: int) -> Tensor:
    return torch.tensor([1.0] + [0.0] * (count - 1), dtype=torch.float64).view(-1, 1, 1, 1)


def _double(critic: Discriminator, x: Tensor, y: Tensor) -> Tensor:
    """The discriminator's forward in float64."""
    h = F.leaky_relu(critic.from_rgb(x), 0.2)
    for block in critic.blocks:
        h = block(h)
    h = F.leaky_relu(critic.conv(torch.cat([h, minibatch_deviation(h)], dim=1)), 0.2)
    h = F.leaky_relu(critic.dense(h.flatten(1)), 0.2) * 2**0.5
    return critic.out(h).squeeze(1) + (h * critic.embed(y)).sum(dim=1) / h.shape[1] ** 0.5


def test_path_lengths_are_norms_of_the_jacobian() -> None:
    torch.manual_seed(8)
    model = Generator(SHAPE)
    z, y, noise = torch.randn(2, 8), torch.eye(3)[:2], torch.randn(2, 3, 16, 16)
    got = path_lengths(model, z, y, noise)
    w = model.mapping(z, y).detach()
    for b in range(2):
        jacobian = torch.autograd.functional.jacobian(lambda v: model.synthesis(v.unsqueeze(0)).flatten(), w[b])  # noqa: B023
        want = torch.linalg.vector_norm(noise[b].flatten() / 16 @ jacobian)
        assert got[b].item() == pytest.approx(float(want), rel=1e-3)
    got.sum().backward()
    assert all(p.grad is not None for p in model.layers.parameters() if p.dim() == 4 and p.shape[0] > 1)


@pytest.mark.parametrize("styled_start", [False, True])
def test_flops_are_the_convolutions(styled_start: bool) -> None:
    """Against a count by PyTorch's own counter, on the form that is exported."""
    from torch.utils.flop_counter import FlopCounterMode

    shape = replace(SHAPE, styled_start=styled_start)
    model = Generator(shape).for_export().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.randn(1, 8), torch.eye(3)[:1])
    counted = counter.get_total_flops()
    # the counter also has the folding of weights, which a runtime does once
    folding = sum(2 * p.weight.numel() * 36 for p in model.modules() if isinstance(p, ModulatedConv) and p.up)
    demodulation = sum(2 * p.weight.shape[0] * p.weight.shape[1] for p in model.modules() if isinstance(p, ModulatedConv) and p.demodulate)  # fmt: skip
    assert counted - folding - demodulation == generator_flops(shape)


def test_augmentation_is_drawn_from_its_generator_and_lets_gradients_through() -> None:
    x = torch.rand(6, 3, 16, 16) * 2 - 1

    def once(seed: int, share: float = 1.0) -> Tensor:
        return diff_augment(x, torch.Generator().manual_seed(seed), share)

    assert torch.equal(once(1), once(1))
    assert not torch.equal(once(1), once(2))
    assert torch.allclose(once(1, 0.0), x, atol=1e-6)
    x.requires_grad_(True)
    once(3).square().sum().backward()
    assert x.grad is not None and all(float(g.abs().sum()) > 0 for g in x.grad)


def test_augmentation_moves_and_cuts() -> None:
    """Colour left aside by a picture that colour can't change the place of: one bright pixel, or a mask of what is zero."""
    x = torch.ones(400, 3, 16, 16)
    out = diff_augment(x, torch.Generator().manual_seed(5))
    zero = (out == 0).all(dim=1)
    assert zero.float().mean() > 0.1  # the cut-out, up to a quarter of the picture, and the translation's edge
    assert zero.float().mean() < 0.4
    spot = torch.full((400, 3, 16, 16), -1.0)
    spot[:, :, 8, 8] = 1
    moved = diff_augment(spot, torch.Generator().manual_seed(6)).mean(dim=1)
    peak = moved.flatten(1).argmax(dim=1)
    inside = moved.flatten(1).max(dim=1).values > 0.2
    rows, columns = peak[inside] // 16 - 8, peak[inside] % 16 - 8
    assert inside.sum() > 100
    for shift in (rows, columns):
        assert {int(v) for v in shift.unique()} >= {-2, -1, 0, 1, 2}
