"""Feature networks: pictures to vectors of a fixed ImageNet network, in which sets of pictures are compared.

The default is EfficientNet-Lite0 (efficientnet.py): 1280 pooled features of the picture resized to 224 x 224 (bilinear), in
the scaling it was trained with. Inception comes through ``torch-fidelity`` where its weights are present.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..efficientnet import WIDTH, open_network, resized, weights_file
from ..errors import DataError
from .draw import batches, to_float


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


def open_features(name: str, device: torch.device) -> FeatureNetwork:
    """``lite0`` or ``inception``; raises ``DataError`` saying what to bring when weights are missing."""
    if name == "lite0":
        model = open_network().to(device)
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
