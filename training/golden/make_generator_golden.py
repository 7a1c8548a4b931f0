"""A tiny generator with random weights for the browser's tests: its ONNX file, its manifest entry, and a picture of it.

The picture is PyTorch's own, so that what the browser draws is held to another implementation.
    python golden/make_generator_golden.py
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from odm.export import export_generator, generator_parity_reference, rounded
from odm.gan import latents
from odm.sampling import mixed_row
from odm.stylegan import GanShape, Generator, generator_flops

TARGET = Path(__file__).resolve().parents[2] / "e2e" / "golden" / "generator"
SHAPE = GanShape(
    classes=5,
    size=32,
    channels=(16, 16, 16, 8),
    critic_channels=(16, 16, 16, 8),
    latent=16,
    style=32,
    mapping_layers=2,
)
SEVERITY, SEED = 1.25, 7


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Generator(SHAPE).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.add_(0.1 * torch.randn_like(p))
            if name.startswith("to_rgb") and name.endswith("conv.weight"):
                p.mul_(0.4)  # pictures within -1..1
    exported = export_generator(model)
    y = torch.from_numpy(mixed_row(SEVERITY, range(5))).unsqueeze(0)
    with torch.no_grad():
        picture = rounded(model.for_export())(torch.from_numpy(latents([SEED], SHAPE.latent)), y)[0].numpy()
    payload = exported.payload
    variant = {
        "title": "StyleGAN2",
        "file": "stylegan2.onnx",
        "sha256": hashlib.sha256(payload).hexdigest(),
        "bytes": len(payload),
        "precision": "float16-weights",
        "params": exported.params,
        "flopsPerEval": generator_flops(SHAPE),
        "imagesSeen": 0,
        "kind": "generator",
        "latent": SHAPE.latent,
        "inputs": {"z": {"name": "z"}, "y": {"name": "y"}},
        "output": {"name": "picture"},
    }
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / "stylegan2.onnx").write_bytes(payload)
    entry = {
        "variant": variant,
        "parity": asdict(generator_parity_reference(payload, SHAPE.classes, SHAPE.latent)),
        "picture": {"severity": SEVERITY, "seed": SEED, "values": [float(f"{v:.6g}") for v in picture.reshape(-1)]},
    }
    (TARGET / "generator.json").write_text(json.dumps(entry) + "\n")
    print(len(payload), float(np.abs(picture).max()), float(picture.std()))


if __name__ == "__main__":
    main()
