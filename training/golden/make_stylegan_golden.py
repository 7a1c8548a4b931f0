"""The StyleGAN2 of its authors: small networks with random weights, what they make of random inputs, as vectors for the lab's own.

Runs NVIDIA's public implementation (github.com/NVlabs/stylegan2-ada-pytorch, its reference operators on the CPU; nothing of
it is copied) and writes ``tests/golden/stylegan2.npz``: its parameters under its own names, inputs, and the outputs of the
mapping, the generator and the discriminator. Without per-layer noise, which the lab's has not, and with a discriminator that
is not given the class, where the lab's does otherwise on purpose. Needs the optional ``golden`` dependencies::

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch
    python golden/make_stylegan_golden.py stylegan2-ada-pytorch
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import torch

TARGET = Path(__file__).resolve().parents[1] / "tests" / "golden" / "stylegan2.npz"
SIZE, CLASSES, LATENT, STYLE = 16, 3, 6, 8
WIDTHS = {"channel_base": 128, "channel_max": 12}  # 12 channels at 4x4 and 8x8, 8 at 16x16


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    networks = importlib.import_module("training.networks")
    torch.manual_seed(0)
    generator = networks.Generator(
        LATENT, CLASSES, STYLE, SIZE, 3,
        mapping_kwargs={"num_layers": 2}, synthesis_kwargs={**WIDTHS, "use_noise": False},
    ).eval()  # fmt: skip
    critic = networks.Discriminator(0, SIZE, 3, **WIDTHS).eval()
    out: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        for name, network in (("generator", generator), ("critic", critic)):
            for key, parameter in network.named_parameters():
                if key.endswith("bias"):  # zeros and ones would hide what becomes of them
                    scale = 30.0 if key.startswith("mapping.fc") else 0.3  # the mapping's are used at a hundredth
                    parameter.add_(scale * torch.randn_like(parameter))
                out[f"{name}.{key}"] = parameter
            out.pop("generator.mapping.embed.bias", None)
        generator.mapping.embed.bias.zero_()  # the lab's embedding of a class has none
        out["z"] = torch.randn(4, LATENT)
        out["y"] = torch.eye(CLASSES)[[0, 1, 2, 1]]
        ws = generator.mapping(out["z"], out["y"])
        out["w"] = ws[:, 0]
        out["drawn"] = generator.synthesis(ws)
        out["pictures"] = torch.randn(4, 3, SIZE, SIZE) + 3 * torch.randn(4, 3, 1, 1)
        out["logits"] = critic(out["pictures"], None)
    TARGET.parent.mkdir(exist_ok=True)
    np.savez_compressed(TARGET, **{k: v.detach().numpy() for k, v in out.items()})
    print(
        f"{TARGET}: {TARGET.stat().st_size:,} bytes, pictures {out['drawn'].std():.2f}, logits {out['logits'].std():.2f}"
    )


if __name__ == "__main__":
    main()
