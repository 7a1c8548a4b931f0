"""Finished pictures from the shipped weights, drawn by this lab's sampler with onnxruntime, for the browser.

Writes ``e2e/golden/<bundle>-<variant>-<sampler>.json``: the request as the page takes it, the SHA-256 of the
weights that drew it, and the picture as float32 (little-endian, base64), every ``stride``-th element of the
flat CHW array. To be run again whenever weights under ``models/`` change::

    python training/golden/make_picture_golden.py
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from odm.bundle import guidance_range
from odm.sampling import SamplerName, conditioning_plan, from_onnx, sample, sampler_table, schedule_from

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "e2e" / "golden"


@dataclass(frozen=True)
class Case:
    """What is drawn; ``grade`` is an index into the manifest's grades."""

    model: str
    variant: str
    grade: int
    seed: int
    sampler: SamplerName
    steps: int
    guidance: float
    stride: int = 1


# Every sampler, both variants, guidance on, off and in a part of the times; the large model once, in few steps, sparsely kept.
CASES = [
    Case("phantom", "odm", 3, 7, "dpmpp-2m", 8, 1.0),
    Case("phantom", "odm", 1, 4294967295, "ddpm", 12, 1.5),
    Case("phantom", "dm", 4, 12, "ddim", 6, 2.0),
    Case("fundus-idrid", "odm", 3, 5, "dpmpp-2m-karras", 5, 4.0, stride=16),
]


def draw(case: Case) -> dict[str, Any]:
    """The golden value of one case."""
    folder = ROOT / "models" / case.model
    manifest = json.loads((folder / "manifest.json").read_text())
    weights = (folder / manifest["variants"][case.variant]["file"]).read_bytes()
    names = tuple(manifest["inputs"][key]["name"] for key in ("x", "t", "y"))
    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    predict = from_onnx(session, (names[0], names[1], names[2]), manifest["output"]["name"])

    values = [grade["value"] for grade in manifest["grades"]]
    severity = values[case.grade]
    low, high = manifest["diffusion"]["tRange"]
    schedule = schedule_from(manifest["diffusion"]["schedule"])
    table = sampler_table(schedule, case.sampler, case.steps, (low, high))
    plan = conditioning_plan(severity, values, case.guidance, guidance_range(manifest))
    shape = (3, manifest["image"]["height"], manifest["image"]["width"])
    picture = sample(predict, plan, table, case.seed, shape)

    kept = np.ascontiguousarray(picture.reshape(-1)[:: case.stride], dtype="<f4")
    return {
        "request": {
            "model": case.model,
            "variant": case.variant,
            "severity": severity,
            "seed": case.seed,
            "sampler": case.sampler,
            "steps": case.steps,
            "guidance": case.guidance,
            "eta": 0,
        },
        "weightsSha256": hashlib.sha256(weights).hexdigest(),
        "shape": list(shape),
        "stride": case.stride,
        "values": base64.b64encode(kept.tobytes()).decode("ascii"),
    }


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        golden = draw(case)
        file = TARGET / f"{case.model}-{case.variant}-{case.sampler}.json"
        file.write_text(json.dumps(golden, indent=2) + "\n")
        print(f"{file.relative_to(ROOT)}  sha256 {golden['weightsSha256'][:12]}…")


if __name__ == "__main__":
    main()
