"""Write src/diffusion/golden/samplers.json: trajectories of the ``diffusers`` schedulers, which ours must reproduce.

A formula stands in for the network, so that no weights are needed; noise is the lab's, so that stochastic samplers can
be compared step by step. Needs ``diffusers`` and ``torch`` beside the lab's package.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from diffusers.schedulers import scheduling_ddpm
from torch import Tensor

from odm.noise import Purpose, normals

TARGET = Path(__file__).resolve().parents[2] / "src" / "diffusion" / "golden" / "samplers.json"
LENGTH = 8
SEED = 7
TRAIN_STEPS = 100
#: our prediction names and those of diffusers
PREDICTIONS = {"x0": "sample", "epsilon": "epsilon", "v": "v_prediction"}
COMMON: dict[str, Any] = {
    "num_train_timesteps": TRAIN_STEPS,
    "beta_schedule": "squaredcos_cap_v2",
    "timestep_spacing": "leading",
    "steps_offset": 0,
}

#: sampler, eta, prediction, steps
CASES = [
    ("ddim", 0.0, "x0", 1),
    ("ddim", 0.0, "x0", 10),
    ("ddim", 0.5, "epsilon", 10),
    ("ddim", 1.0, "v", 5),
    ("ddpm", 0.0, "x0", 20),
    ("ddpm", 0.0, "epsilon", 10),
    ("ddpm", 0.0, "v", 5),
    ("dpmpp-2m", 0.0, "x0", 4),
    ("dpmpp-2m", 0.0, "x0", 10),
    ("dpmpp-2m", 0.0, "epsilon", 20),
    ("dpmpp-2m", 0.0, "v", 10),
    ("dpmpp-2m-karras", 0.0, "x0", 4),
    ("dpmpp-2m-karras", 0.0, "v", 12),
]
#: noise-to-signal ratios, steps
KARRAS = [(0.0031, 318.3, 20), (0.02, 50.0, 7), (0.1, 10.0, 2)]


def noise(purpose: Purpose, step: int) -> Tensor:
    return torch.from_numpy(normals(SEED, purpose, step, (1, LENGTH))).double()


def fake_x0(x: Tensor, t: int) -> Tensor:
    """The stand-in network: tanh(0.8 x + 0.3 cos i) + 0.1 t / T."""
    offset = 0.3 * torch.cos(torch.arange(LENGTH, dtype=torch.float64))
    return torch.tanh(0.8 * x + offset) + 0.1 * t / TRAIN_STEPS


def fake_output(x: Tensor, t: int, alpha_bar: float, prediction: str) -> Tensor:
    alpha, sigma = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
    x0 = fake_x0(x, t)
    epsilon = (x - alpha * x0) / sigma
    return {"x0": x0, "epsilon": epsilon, "v": alpha * epsilon - sigma * x0}[prediction]


def make_scheduler(sampler: str, prediction: str) -> Any:
    options = COMMON | {"prediction_type": PREDICTIONS[prediction]}
    if sampler == "ddim":
        scheduler: Any = DDIMScheduler(**options, clip_sample=False, set_alpha_to_one=True)
    elif sampler == "ddpm":
        scheduler = DDPMScheduler(**options, clip_sample=False, variance_type="fixed_small")
    else:
        scheduler = DPMSolverMultistepScheduler(
            **options,
            algorithm_type="dpmsolver++",
            solver_order=2,
            solver_type="midpoint",
            lower_order_final=True,
            final_sigmas_type="zero",
        )
    scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    return scheduler


def karras(low: float, high: float, steps: int) -> Any:
    """sigma / alpha from ``high`` to ``low``, spread by diffusers."""
    return DPMSolverMultistepScheduler()._convert_to_karras(
        in_sigmas=torch.tensor([high, low], dtype=torch.float64), num_inference_steps=steps
    )


def karras_times(scheduler: Any, steps: int) -> list[int]:
    """The table's times nearest to those ratios, between the ends that even spacing has."""
    scheduler.set_timesteps(steps)
    first, last = int(scheduler.timesteps[0]), int(scheduler.timesteps[-1])
    ratio = ((1 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod).sqrt()
    wanted = karras(float(ratio[last]), float(ratio[first]), steps)
    return [last + int((ratio[last : first + 1] - w).abs().argmin()) for w in wanted]


def run(sampler: str, eta: float, prediction: str, steps: int) -> dict[str, Any]:
    scheduler = make_scheduler(sampler, prediction)
    if sampler == "dpmpp-2m-karras":
        scheduler.set_timesteps(timesteps=karras_times(scheduler, steps))
    else:
        scheduler.set_timesteps(steps)
    timesteps = [int(t) for t in scheduler.timesteps]
    x = noise(Purpose.INIT, 0)
    trajectory = [x]
    for i, t in enumerate(timesteps):
        output = fake_output(x, t, float(scheduler.alphas_cumprod[t]), prediction)
        z = noise(Purpose.STEP, i)
        if sampler == "ddim":
            step = scheduler.step(output, t, x, eta=eta, variance_noise=z if eta > 0 else None)
        elif sampler == "ddpm":
            # The scheduler draws its own noise; it is handed ours instead.
            scheduling_ddpm.randn_tensor = lambda *_, z=z, **__: z
            step = scheduler.step(output, t, x)
        else:
            step = scheduler.step(output, scheduler.timesteps[i], x)
        x = step.prev_sample.double()
        trajectory.append(x)
    return {
        "sampler": sampler,
        "eta": eta,
        "prediction": prediction,
        "steps": steps,
        "timesteps": timesteps,
        "trajectory": [[float(f"{v:.8g}") for v in x[0]] for x in trajectory],
    }


def main() -> None:
    table = DDIMScheduler(**COMMON).alphas_cumprod
    golden = {
        "seed": SEED,
        "length": LENGTH,
        "alphasCumprod": [float(f"{v:.9g}") for v in table],
        "karras": [
            {"low": low, "high": high, "ratios": [float(f"{v:.9g}") for v in karras(low, high, steps)]}
            for low, high, steps in KARRAS
        ],
        "cases": [run(*case) for case in CASES],
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
