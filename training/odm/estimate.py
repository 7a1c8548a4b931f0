"""What a training run will need: memory and time, from measurements on this machine and counts that are exact.

Exact: parameters, their gradients, moving average and optimiser state; the data set in memory; operations of an evaluation.
Measured here: bytes that one picture's forward pass keeps for the backward pass (the same on any device, give or take what a
device's kernels keep for themselves), images a second, and on CUDA the peak of allocated memory.
"""

from __future__ import annotations

import math
import platform
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .config import TrainConfig
from .data import BatchSource, ImageSet
from .network import Denoiser, count_flops
from .train import TrainStep

GB = 1e9


@dataclass(frozen=True)
class Estimate:
    """Sizes in bytes, times in seconds."""

    device: str
    parameters: int
    flops_per_evaluation: int
    evaluations_per_image: (
        float  # forward passes of a training picture: one, and three of the share with the ordinal loss
    )
    weights_bytes: int  # parameters, gradients, moving average, two moments of AdamW: float32
    activations_bytes_per_image: float
    batch_per_device: int
    data_bytes: int | None  # the set as uint8, once on the host and once on every device
    measured_batch: int
    images_per_second: float  # measured here, one device
    peak_bytes: int | None  # allocated at most during the measurement, on CUDA
    images: int  # still to see
    devices: int

    @property
    def device_bytes(self) -> float:
        """Weights, activations of this device's part of the batch, and the data."""
        return self.weights_bytes + self.batch_per_device * self.activations_bytes_per_image + (self.data_bytes or 0)

    @property
    def flops_per_second(self) -> float:
        """Achieved in the measurement: a training picture takes a forward and a backward pass, the latter twice the former."""
        return 3 * self.flops_per_evaluation * self.evaluations_per_image * self.images_per_second

    @property
    def seconds_one_device(self) -> float:
        return self.images / self.images_per_second

    @property
    def seconds(self) -> float:
        """On ``devices`` like the measured one, if N gave N times the throughput: a lower bound."""
        return self.seconds_one_device / self.devices


def saved_bytes(model: torch.nn.Module, step: TrainStep) -> int:
    """Bytes that a step's forward pass keeps for its backward pass, parameters apart, each storage once."""
    parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = max(kept.get(storage.data_ptr(), 0), storage.nbytes())
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        total, _ = step.loss(model, 0)
    size = sum(kept.values())
    del total
    return size


def estimate(config: TrainConfig, devices: int = 1, pictures: int | None = None, steps: int = 4) -> Estimate:
    """Measures on random pictures of the configuration's size. ``pictures``: of the whole set, for its memory."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    per_device = math.ceil(config.batch / devices)
    # a CPU measures a few pictures at a time: what is asked is the time of one
    measured = per_device if device.type == "cuda" else min(per_device, 4)
    part = TrainConfig(**{**config.__dict__, "batch": measured})
    rng = np.random.default_rng(0)
    side = config.resize or config.size
    count = 4 * len(config.grades)
    labels = np.arange(count, dtype=np.int64) % len(config.grades)
    random = ImageSet(rng.integers(0, 256, (count, side, side, 3), np.uint8), labels, tuple(map(str, range(count))), config.grades)  # fmt: skip
    model = Denoiser(config.network()).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate)
    train_step = TrainStep(part, BatchSource(random, part, device), 0, 1, device)
    kept = saved_bytes(model, train_step)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for step in range(steps + 1):
        start = time.perf_counter()
        total, _ = train_step.loss(model, step)
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    parameters = sum(p.numel() for p in model.parameters())
    graded = max(1, round(config.ordinal_share * measured)) / measured if config.ordinal_lambda > 0 else 0.0
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU ({platform.machine()}), {torch.get_num_threads()} threads"  # fmt: skip
    return Estimate(
        device=name,
        parameters=parameters,
        flops_per_evaluation=count_flops(config.network(), config.size),
        evaluations_per_image=1 + 3 * graded,
        weights_bytes=5 * 4 * parameters,
        activations_bytes_per_image=kept / measured,
        batch_per_device=per_device,
        data_bytes=None if pictures is None else pictures * side * side * 3,
        measured_batch=measured,
        images_per_second=measured / float(np.median(seconds[1:])),
        peak_bytes=torch.cuda.max_memory_allocated() if device.type == "cuda" else None,
        images=config.images,
        devices=devices,
    )


def _duration(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours" if hours >= 1 else f"{seconds / 60:.0f} minutes"  # fmt: skip


def seconds_at(e: Estimate, tflops: float) -> float:
    """Time of the run on ``devices`` that each achieve ``tflops`` (10^12 operations a second), as measured elsewhere."""
    return e.images * 3 * e.flops_per_evaluation * e.evaluations_per_image / (tflops * 1e12 * e.devices)


def report(e: Estimate, tflops: float | None = None) -> str:
    """The estimate in words; every number says whether it is exact, measured here, or reckoned from those."""
    lines = [
        f"network      {e.parameters / 1e6:.1f} M parameters, {e.flops_per_evaluation / 1e9:.2f} GFLOP an evaluation (exact)",
        f"weights      {e.weights_bytes / GB:.2f} GB: parameters, gradients, moving average, optimiser (exact)",
        f"activations  {e.activations_bytes_per_image / GB:.3f} GB a picture (measured here), {e.batch_per_device} pictures a device: "
        f"{e.batch_per_device * e.activations_bytes_per_image / GB:.1f} GB",
    ]
    if e.data_bytes is not None:
        lines.append(
            f"data         {e.data_bytes / GB:.2f} GB, on every device, and in every process on the host (exact)"
        )
    lines.append(
        f"device       {e.device_bytes / GB:.1f} GB each, without what libraries keep for themselves (reckoned)"
    )
    if e.peak_bytes is not None:
        lines.append(f"             {e.peak_bytes / GB:.1f} GB allocated at most with {e.measured_batch} pictures and a tiny set (measured here)")  # fmt: skip
    lines += [
        f"throughput   {e.images_per_second:.3g} images/s with {e.measured_batch} pictures at a time on {e.device} "
        f"(measured here): {e.flops_per_second / 1e12:.3g} TFLOP/s",
        f"time         {_duration(e.seconds_one_device)} for {e.images:,} images on one such device"
        + (
            f"; at best {_duration(e.seconds)} on {e.devices} (reckoned, gradients' exchange left out)"
            if e.devices > 1
            else ""
        ),
    ]
    if tflops is not None:
        lines.append(
            f"             {_duration(seconds_at(e, tflops))} on {e.devices} device{'s' if e.devices > 1 else ''} "
            f"that achieve {tflops:g} TFLOP/s each (given, not measured)"
        )
    return "\n".join(lines)


def as_dict(e: Estimate) -> dict[str, Any]:
    return {**e.__dict__, "device_bytes": e.device_bytes, "seconds": e.seconds}
