"""One ordinality run on the phantom by this lab: the numbers that the page and the command line must find too.

Writes ``e2e/golden/ordinality/phantom.json``: the run as the studio takes it, the SHA-256 of the weights, and for every
trajectory and step the distances of the grades' noise estimates and every triple, from the lab's own sampler and geometry, and
the probabilities that a small grader (make_grader_golden.py) reads from the finished picture.
To be run again whenever the phantom's weights or that grader change::

    python training/golden/make_ordinality_golden.py
"""

from __future__ import annotations

import hashlib
import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from odm.evaluation.grader import probabilities
from odm.losses import rms_distance, triple
from odm.onnx_torch import OnnxModule
from odm.sampling import (
    Array,
    Predict,
    conditioning_plan,
    from_onnx,
    sample,
    sampler_table,
    schedule_from,
    to_uint8,
)

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "e2e" / "golden" / "ordinality"
GRADER = ROOT / "e2e" / "golden" / "grader"

#: as the studio's OrdinalityRequest; a fractional severity and guidance, so that no grade's own row is the sampler's
RUN: dict[str, Any] = {
    "model": "phantom",
    "variants": ["odm", "dm"],
    "severities": [1, 2.5],
    "seeds": [3, 4294967295],
    "sampler": "dpmpp-2m",
    "steps": 6,
    "guidance": 1.5,
    "eta": 0,
}


def trajectory(
    manifest: dict[str, Any], predict: Predict, severity: float, seed: int
) -> tuple[list[dict[str, Any]], Array]:
    """The measurements of every step of one run, and its picture [3, H, W]."""
    values = [grade["value"] for grade in manifest["grades"]]
    count = len(values)
    low, high = manifest["diffusion"]["tRange"]
    table = sampler_table(
        schedule_from(manifest["diffusion"]["schedule"]), RUN["sampler"], RUN["steps"], (low, high), RUN["eta"]
    )
    shape = (3, manifest["image"]["height"], manifest["image"]["width"])
    steps: list[dict[str, Any]] = []

    def measure(index: int, x: Array, _: Array) -> None:
        row = table[index]
        batch = np.repeat(x, count, axis=0)
        x0 = predict(batch, np.full(count, row.t, dtype=np.float32), np.eye(count, count + 1, dtype=np.float32))
        estimates = torch.from_numpy((batch.astype(np.float64) - row.alpha * x0) / row.sigma)[:, None]
        triples = []
        for p, q, r in combinations(range(count), 3):
            found = triple(estimates[p], estimates[q], estimates[r])
            triples.append(
                {
                    "p": p,
                    "q": q,
                    "r": r,
                    "slack": float(found.slack),
                    "straightness": float(found.straightness),
                    "cosine": float(found.cosine),
                    "ordered": bool(found.ordered),
                }
            )
        steps.append(
            {
                "t": row.t,
                "distances": [
                    float(rms_distance(estimates[p], estimates[q])) for p, q in combinations(range(count), 2)
                ],
                "triples": triples,
            }
        )

    picture = sample(predict, conditioning_plan(severity, values, RUN["guidance"]), table, seed, shape, measure)
    return steps, picture


def main() -> None:
    folder = ROOT / "models" / RUN["model"]
    manifest = json.loads((folder / "manifest.json").read_text())
    names = tuple(manifest["inputs"][key]["name"] for key in ("x", "t", "y"))
    reader = OnnxModule((GRADER / "ordinal.onnx").read_bytes())
    weights: dict[str, str] = {}
    trajectories: list[dict[str, Any]] = []
    for variant in RUN["variants"]:
        content = (folder / manifest["variants"][variant]["file"]).read_bytes()
        weights[variant] = hashlib.sha256(content).hexdigest()
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        predict = from_onnx(session, (names[0], names[1], names[2]), manifest["output"]["name"])
        for severity in RUN["severities"]:
            for seed in RUN["seeds"]:
                steps, picture = trajectory(manifest, predict, severity, seed)
                read = probabilities(reader, to_uint8(picture)[None], torch.device("cpu"), 1)[0].tolist()
                name = {"variant": variant, "severity": severity, "seed": seed}
                trajectories.append({**name, "steps": steps, "read": read})
    TARGET.mkdir(parents=True, exist_ok=True)
    file = TARGET / f"{RUN['model']}.json"
    golden = {"request": RUN, "weightsSha256": weights, "trajectories": trajectories}
    file.write_text(json.dumps(golden) + "\n")
    print(f"{file.relative_to(ROOT)}  {len(trajectories)} trajectories")


if __name__ == "__main__":
    main()
