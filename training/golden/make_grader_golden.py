"""Three small graders, exported as the large ones are, and how this lab reads pictures with them.

Writes ``e2e/golden/grader/<kind>.onnx`` (the first blocks of EfficientNet-Lite0 with random weights under each kind of head,
fitted to phantoms; and a small network trained from scratch), and ``grader.json``: their manifest entries, pictures as a sampler leaves them, some of their values beyond
-1..1, and the probabilities and grades read from their bytes. The page and the command line must read the same::

    python golden/make_grader_golden.py
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from odm.data import to_float
from odm.efficientnet import WIDTH, ConvNorm, EfficientNetLite, resized
from odm.evaluation import grader
from odm.evaluation.draw import to_bytes
from odm.onnx_torch import OnnxModule
from odm.phantom import phantom_image_set

TARGET = Path(__file__).resolve().parents[2] / "e2e" / "golden" / "grader"
GRADES = (0.0, 1.0, 2.0, 3.0, 4.0)
SIZE = 32
BLOCKS, WIDE = 3, 24
CPU = torch.device("cpu")


def small_backbone(x: Tensor) -> EfficientNetLite:
    """The stem and the first blocks, straight to the last layer; its norms are those of the pictures [B, 3, H, W]."""
    torch.manual_seed(3)
    model = EfficientNetLite()
    model.blocks = model.blocks[:BLOCKS]
    model.head = ConvNorm(WIDE, WIDTH)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)

    def fit(layer: ConvNorm) -> Any:
        def see(_: nn.Module, __: Any, out: Tensor) -> None:
            assert layer.norm.running_mean is not None and layer.norm.running_var is not None
            layer.norm.running_mean.copy_(out.mean((0, 2, 3)))
            layer.norm.running_var.copy_(out.var((0, 2, 3)) + 1e-3)

        return layer.conv.register_forward_hook(see)

    hooks = [fit(layer) for layer in model.modules() if isinstance(layer, ConvNorm)]
    with torch.no_grad():
        model.eval()(x)
    for hook in hooks:
        hook.remove()
    return model


def main() -> None:
    torch.set_num_threads(1)
    TARGET.mkdir(parents=True, exist_ok=True)
    side = grader.input_side(SIZE)
    images = phantom_image_set(300, SIZE, GRADES, seed=5)
    x = torch.from_numpy(to_float(images.images))
    backbone = small_backbone(resized(x, side))
    with torch.no_grad():
        features = backbone(resized(x, side))
    values = np.asarray(images.grades)[images.labels]
    fit = grader.ridge(features.double().numpy(), values, images.labels, np.ones(len(images), dtype=bool), 0)
    ridge = grader.RidgeHead(torch.from_numpy(fit[0]).float(), fit[1], fit[2], GRADES)

    ordinal = grader.OrdinalHead(len(GRADES), WIDTH)
    optimiser = torch.optim.Adam(ordinal.parameters(), lr=0.02)
    above = (torch.from_numpy(images.labels).unsqueeze(1) > torch.arange(len(GRADES) - 1)).float()
    for _ in range(300):
        loss = nn.functional.binary_cross_entropy_with_logits(ordinal.logits(features), above)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    trained = grader.train(images, SIZE, "none", replace(grader.SMALL, epochs=40), 0, CPU)

    # As a sampler leaves them: not yet bytes, and here and there beyond the range.
    rng = np.random.default_rng(8)
    chosen = phantom_image_set(10, SIZE, GRADES, seed=6)
    pictures = 1.15 * to_float(chosen.images) + rng.normal(0, 0.05, (10, 3, SIZE, SIZE)).astype(np.float32)
    seen = to_bytes(torch.from_numpy(pictures.astype(np.float32)))
    out: dict[str, Any] = {"grades": GRADES, "size": SIZE, "graders": {}}
    for name, model in (
        ("ridge", grader.Grader(backbone, ridge, side).eval()),
        ("ordinal", grader.Grader(backbone, ordinal, side).eval()),
        ("small", trained),
    ):
        payload = grader.export_grader(model, len(GRADES), SIZE)
        file = f"{name}.onnx"
        (TARGET / file).write_bytes(payload)
        found = grader.probabilities(OnnxModule(payload), seen, CPU, 4)
        entry = grader.manifest_entry(payload, f"A small grader of kind {name}", 1, {})
        entry |= {"file": file, "params": sum(p.numel() for p in model.parameters())}
        entry["qwk"] = {"value": 0.5, "interval": [0.4, 0.6], "n": 300}
        out["graders"][name] = {
            "entry": entry,
            "probabilities": found.tolist(),
            "read": grader.read_grades(found).tolist(),
        }
        print(f"{name}: {len(payload)} bytes, asked {chosen.labels.tolist()}, read {out['graders'][name]['read']}")
    flat = np.ascontiguousarray(pictures, dtype="<f4")
    out["pictures"] = base64.b64encode(flat.tobytes()).decode("ascii")
    (TARGET / "grader.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
