"""Class-conditional ``diffusers`` UNet2DModels as other people export them, with trajectories by ``diffusers``' schedulers.

Writes ``e2e/golden/foreign/<name>.onnx`` (tiny, random weights, int64 timestep and class label) and ``<name>.json``: for each
beta schedule its alphas_cumprod at the timesteps used, and every x of a sampling run with the PyTorch module. One model is of RGB
pictures, one of grey ones at MNIST's size, one at the ends of what the studio takes (512 pixels, two grades). Stochastic steps are
handed the lab's noise. Needs the optional ``golden`` dependencies::

    python training/golden/make_foreign_golden.py
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass
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
TRAIN_STEPS = 1000
#: below this share of signal (alpha_bar) an epsilon prediction says nothing about x0; the studio starts there
LEAST_SIGNAL = 1e-4


@dataclass(frozen=True)
class Spec:
    name: str
    size: int
    channels: int
    classes: int
    prediction: str  # as diffusers names it
    widths: tuple[int, int]
    attention: bool
    every: int  # of an x, flat CHW, every how many values are kept
    cases: tuple[tuple[str, str, int, int, int], ...]  # sampler, beta schedule, class, seed, steps


SPECS = (
    Spec(
        "unet2d", 16, 3, 3, "epsilon", (8, 16), True, 1,
        (
            ("dpmpp-2m", "linear", 2, 7, 8),
            ("dpmpp-2m", "squaredcos_cap_v2", 0, 11, 6),
            ("ddpm", "linear", 1, 4294967295, 10),
            ("ddpm", "squaredcos_cap_v2", 2, 3, 10),
        ),
    ),
    Spec(
        "grey28", 28, 1, 10, "epsilon", (8, 16), True, 1,
        (("dpmpp-2m", "linear", 9, 5, 6), ("ddpm", "squaredcos_cap_v2", 0, 8, 6)),
    ),
    Spec("pair512", 512, 1, 2, "sample", (4, 4), False, 997, (("dpmpp-2m", "linear", 1, 1, 2),)),
)  # fmt: skip


class Exported(torch.nn.Module):
    """The model with a plain tensor for its output, as exports of it have."""

    def __init__(self, unet: UNet2DModel) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, sample: Tensor, timestep: Tensor, class_labels: Tensor) -> Tensor:
        output: Tensor = self.unet(sample, timestep, class_labels, return_dict=False)[0]
        return output


def make_model(spec: Spec) -> UNet2DModel:
    torch.manual_seed(20)
    attention = "Attn" if spec.attention else ""
    model = UNet2DModel(
        sample_size=spec.size,
        in_channels=spec.channels,
        out_channels=spec.channels,
        layers_per_block=1,
        block_out_channels=spec.widths,
        down_block_types=("DownBlock2D", f"{attention}DownBlock2D"),
        up_block_types=(f"{attention}UpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
        add_attention=spec.attention,
        attention_head_dim=8,
        num_class_embeds=spec.classes,
    )
    return model.eval()


def noise(spec: Spec, seed: int, purpose: Purpose, step: int) -> Tensor:
    return torch.from_numpy(normals(seed, purpose, step, (spec.channels, spec.size, spec.size)))[None]


def text(x: Tensor, every: int) -> str:
    kept = np.ascontiguousarray(x.numpy().ravel()[::every], dtype="<f4")
    return base64.b64encode(kept.tobytes()).decode("ascii")


def run(
    spec: Spec, model: torch.nn.Module, sampler: str, betas: str, label: int, seed: int, steps: int
) -> dict[str, Any]:
    common: dict[str, Any] = {
        "num_train_timesteps": TRAIN_STEPS,
        "beta_schedule": betas,
        "prediction_type": spec.prediction,
    }
    if sampler == "ddpm":
        scheduler: Any = DDPMScheduler(**common, clip_sample=False, variance_type="fixed_small")
    else:
        scheduler = DPMSolverMultistepScheduler(
            **common, algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint", final_sigmas_type="zero"
        )
    alpha_bar = scheduler.alphas_cumprod.double().numpy()
    high = int(np.flatnonzero(alpha_bar >= LEAST_SIGNAL)[-1]) if spec.prediction == "epsilon" else TRAIN_STEPS - 1
    timesteps = [int(np.floor(high * (1 - i / (steps - 1)) + 0.5)) for i in range(steps)]
    scheduler.set_timesteps(timesteps=timesteps)
    x = noise(spec, seed, Purpose.INIT, 0)
    trajectory = [text(x, spec.every)]
    for i, t in enumerate(scheduler.timesteps):
        with torch.no_grad():
            output = model(x, t[None], torch.tensor([label]))
        scheduling_ddpm.randn_tensor = lambda *_, i=i, **__: noise(spec, seed, Purpose.STEP, i)
        x = scheduler.step(output, t, x).prev_sample.float()
        trajectory.append(text(x, spec.every))
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


def make(spec: Spec) -> None:
    model = Exported(make_model(spec))
    file = TARGET / f"{spec.name}.onnx"
    example = (torch.zeros(2, spec.channels, spec.size, spec.size), torch.tensor([5, 5]), torch.tensor([0, 1]))
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
    golden = {
        "size": spec.size,
        "channels": spec.channels,
        "classes": spec.classes,
        "prediction": "x0" if spec.prediction == "sample" else spec.prediction,
        "every": spec.every,
        "cases": [run(spec, model, *case) for case in spec.cases],
    }
    (TARGET / f"{spec.name}.json").write_text(json.dumps(golden) + "\n")
    print(f"{spec.name}: {file.stat().st_size} bytes, {len(spec.cases)} trajectories")


def main() -> None:
    """Makes all of them, or those named on the command line."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for spec in SPECS:
        if spec.name in (sys.argv[1:] or [s.name for s in SPECS]):
            make(spec)


if __name__ == "__main__":
    main()
