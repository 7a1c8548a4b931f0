"""Throughput of training: images a second of a configuration on this machine, nothing else running."""

from __future__ import annotations

import time

import numpy as np
import torch

from .config import TrainConfig
from .data import BatchSource, ImageSet
from .network import Denoiser, count_flops
from .train import TrainStep


def bench(config: TrainConfig, steps: int = 12) -> dict[str, float]:
    """Median images/s of whole optimiser steps after three warm-up steps, on random pictures of the right size."""
    rng = np.random.default_rng(0)
    count, side = 64, config.resize or config.size
    pictures = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    labels = np.arange(count, dtype=np.int64) % len(config.grades)
    images = ImageSet(pictures, labels, tuple(map(str, range(count))), config.grades)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = Denoiser(config.network()).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate)
    train_step = TrainStep(config, BatchSource(images, config, device), 0, 1, device)
    seconds = []
    for step in range(steps + 3):
        start = time.perf_counter()
        total, _ = train_step.loss(model, step)
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return {
        "images_per_second": config.batch / float(np.median(seconds[3:])),
        "threads": torch.get_num_threads(),
        "params": sum(p.numel() for p in model.parameters()),
        "gflop_per_evaluation": count_flops(config.network(), config.size) / 1e9,
    }
