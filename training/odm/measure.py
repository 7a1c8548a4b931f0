"""Quick figures of trained checkpoints on held-out pictures, side by side on the very same noise.

This is the check while training, not the evaluation protocol: no intervals, few pictures, estimates only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from .checkpoint import load_ema
from .data import load_image_set, split_holdout
from .validate import denoiser_psnr, ordinality


def measure(checkpoints: list[Path], data_root: Path | None, out: Path | None = None) -> dict[str, Any]:
    """Prints, and writes to ``out``, PSNR by t and the ordinality of each checkpoint's EMA in float32."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    report: dict[str, Any] = {}
    for path in checkpoints:
        model, config, state = load_ema(path)
        model.to(device)
        held = split_holdout(load_image_set(config, data_root), config.holdout)[1]
        figures = {
            "images_seen": state["step"] * config.batch,
            "seconds": state["seconds"],
            "held_out": len(held),
            "psnr": denoiser_psnr(model, held, config.size, device),
            "ordinality": ordinality(model, held, config.size, device),
        }
        report[str(path)] = figures
        print(f"{path}: {figures['images_seen']:,} images seen, {figures['held_out']} held-out pictures")
        print("  PSNR dB by t:  " + "  ".join(f"{t}: {v:.1f}" for t, v in figures["psnr"].items()))
        for t, row in figures["ordinality"].items():
            print(f"  t = {t}:  " + "  ".join(f"{k} {v:.4f}" for k, v in row.items()))
    if out is not None:
        out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report
