"""Two steps of a run, to see that data, network and batch fit the machine before days are spent."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import torch

from .config import TrainConfig
from .train import Run


def dry_run(config: TrainConfig, folder: Path, data_root: Path | None) -> str:
    """Two steps of a run from its beginning, with the real data, validation and a checkpoint; ``folder`` is removed again.

    Returns what the main process saw, in one line; nothing in the others.
    """
    short = dataclasses.replace(
        config, images=2 * config.batch, log_images=config.batch, checkpoint_minutes=0, samples_minutes=0, init_from=""
    )
    run = Run(short, folder, data_root, resume=False)
    processes = run.accelerator.num_processes  # forgotten when training ends
    run.train(quiet=True)
    if not run.main:
        return ""
    last = json.loads((folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    shutil.rmtree(folder)
    peak = f", {torch.cuda.max_memory_allocated() / 1e9:.1f} GB allocated at most" if run.device.type == "cuda" else ""
    return (
        f"dry run: {processes} process{'es' if processes > 1 else ''} on {run.device.type}, {len(run.train_set):,} pictures in "
        f"training and {len(run.held_set):,} held out, {run.step} steps of {config.batch}, "
        f"held-out PSNR at t = 0.1 {last['psnr_held_out']['0.1']:.1f} dB{peak}"
    )
