"""A class-conditional ``diffusers`` UNet2DModel as other people export it, with trajectories by ``diffusers``' schedulers.

Writes ``e2e/golden/foreign/unet2d.onnx`` (tiny, random weights, int64 timestep and class label, epsilon prediction) and
``unet2d.json``: for each beta schedule its alphas_cumprod at the timesteps used, and every x of a sampling run with the PyTorch
module. Stochastic steps are handed the lab's noise. Needs the optional ``golden`` dependencies::

    python training/golden/make_foreign_golden.py
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel
from diffusers.schedulers import scheduling_ddpm
from torch import Tensor

from odm.noise import Purpose, normals

TARGET = Path(__file__).resolve().parents[2] / "e2e" / "golden" / "foreign"
SIZE = 16
CLASSES = 3
TRAIN_STEPS = 1000
#: below this share of signal (alpha_bar) an epsilon prediction says nothing about x0; the studio starts there
LEAST_SIGNAL = 1e-4

#: sampler, beta schedule, class, seed, steps
CASES = [
    ("dpmpp-2m", "linear", 2, 7, 8),
    ("dpmpp-2m", "squaredcos_cap_v2", 0, 11, 6),
    ("ddpm", "linear", 1, 4294967295, 10),
    ("ddpm", "squaredcos_cap_v2", 2, 3, 10),
]


class Exported(torch.nn.Module):
    """The model with a plain tensor for its output, as exports of it have."""

    def __init__(self, unet: UNet2DModel) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, sample: Tensor, timestep: Tensor, class_labels: Tensor) -> Tensor:
        output: Tensor = self.unet(sample, timestep, class_labels, return_dict=False)[0]
        return output


def make_model() -> UNet2DModel:
    torch.manual_seed(20)
    model = UNet2DModel(
        sample_size=SIZE,
        in_channels=3,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
        attention_head_dim=8,
        num_class_embeds=CLASSES,
    )
    return model.eval()


def noise(seed: int, purpose: Purpose, step: int) -> Tensor:
    return torch.from_numpy(normals(seed, purpose, step, (3, SIZE, SIZE)))[None]


def text(x: Tensor) -> str:
    return base64.b64encode(np.ascontiguousarray(x.numpy(), dtype="<f4").tobytes()).decode("ascii")


def run(model: torch.nn.Module, sampler: str, betas: str, label: int, seed: int, steps: int) -> dict[str, Any]:
    common: dict[str, Any] = {"num_train_timesteps": TRAIN_STEPS, "beta_schedule": betas, "prediction_type": "epsilon"}
    if sampler == "ddpm":
        scheduler: Any = DDPMScheduler(**common, clip_sample=False, variance_type="fixed_small")
    else:
        scheduler = DPMSolverMultistepScheduler(
            **common, algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint", final_sigmas_type="zero"
        )
    alpha_bar = scheduler.alphas_cumprod.double().numpy()
    high = int(np.flatnonzero(alpha_bar >= LEAST_SIGNAL)[-1])
    timesteps = [int(np.floor(high * (1 - i / (steps - 1)) + 0.5)) for i in range(steps)]
    scheduler.set_timesteps(timesteps=timesteps)
    x = noise(seed, Purpose.INIT, 0)
    trajectory = [text(x)]
    for i, t in enumerate(scheduler.timesteps):
        with torch.no_grad():
            output = model(x, t[None], torch.tensor([label]))
        scheduling_ddpm.randn_tensor = lambda *_, i=i, **__: noise(seed, Purpose.STEP, i)
        x = scheduler.step(output, t, x).prev_sample.float()
        trajectory.append(text(x))
    return {
        "sampler": sampler,
        "betas": betas,
        "label": label,
        "seed": seed,
        "steps": steps,
        "timesteps": timesteps,
        "alphasCumprod": [float(alpha_bar[t]) for t in timesteps],
        "trajectory": trajectory,
    }


def strip(file: Path) -> None:
    """Leaves out the exporter's notes (a stack trace for every node), which are most of the file."""
    model = onnx.load(file)
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.value_info[:]
    onnx.save(model, file)


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    model = Exported(make_model())
    file = TARGET / "unet2d.onnx"
    example = (torch.zeros(2, 3, SIZE, SIZE), torch.tensor([5, 5]), torch.tensor([0, 1]))
    batch = torch.export.Dim("batch")
    torch.onnx.export(
        model,
        example,
        file,
        input_names=["sample", "timestep", "class_labels"],
        output_names=["out_sample"],
        dynamic_shapes={"sample": {0: batch}, "timestep": {0: batch}, "class_labels": {0: batch}},
        opset_version=18,
        external_data=False,
    )
    strip(file)
    golden = {"size": SIZE, "classes": CLASSES, "cases": [run(model, *case) for case in CASES]}
    (TARGET / "unet2d.json").write_text(json.dumps(golden) + "\n")
    print(f"{file.stat().st_size} bytes, {len(CASES)} trajectories")


if __name__ == "__main__":
    main()
