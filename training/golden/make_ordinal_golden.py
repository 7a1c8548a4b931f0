"""Write src/diffusion/golden/ordinal.json: the ordinal geometry, planar maps and intervals by NumPy, from the definitions.

Nothing of the lab's own is used, and the formulas differ from the studio's where they can: angles come from the vectors, not
from the triangle's sides; maps come from the singular values of the centred points, not from their distances.
Run from the repository's root::

    python training/golden/make_ordinal_golden.py
"""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TARGET = Path(__file__).resolve().parents[2] / "src" / "diffusion" / "golden" / "ordinal.json"
Points = NDArray[np.float64]


def rms(v: Points) -> float:
    return float(np.sqrt(np.mean(v**2)))


def measured(points: Points) -> dict[str, Any]:
    """Everything about ``points`` [C, length]."""
    count, length = points.shape
    distances = [[rms(points[i] - points[j]) for j in range(count)] for i in range(count)]
    triples = []
    for p, q, r in combinations(range(count), 3):
        first, second = points[q] - points[p], points[r] - points[q]
        whole = points[r] - points[p]
        path = rms(first) + rms(second)
        triples.append(
            {
                "p": p,
                "q": q,
                "r": r,
                "slack": path / rms(whole) - 1,
                "straightness": rms(whole) / path,
                "cosine": float(first @ second / np.linalg.norm(first) / np.linalg.norm(second)),
                "ordered": rms(whole) >= rms(first) and rms(whole) >= rms(second),
            }
        )
    centred = (points - points.mean(axis=0)) / np.sqrt(length)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((count, 2))
    width = min(2, len(s))
    plane[:, :width] = u[:, :width] * s[:width]
    if plane[-1, 0] < plane[0, 0]:
        plane[:, 0] *= -1
    if plane[np.argmax(np.abs(plane[:, 1])), 1] < 0:
        plane[:, 1] *= -1
    shares = s**2 / np.sum(s**2)
    return {
        "points": points.astype(np.float32).tolist(),
        "distances": distances,
        "triples": triples,
        "map": plane.tolist(),
        "shares": [float(v) for v in (*shares, 0.0)[:2]],
    }


def main() -> None:
    rng = np.random.default_rng(20240)
    cases = []
    for count, length, bend in [(2, 6, 1.0), (3, 5, 1.0), (4, 12, 0.1), (5, 12, 0.5), (5, 3, 2.0), (10, 8, 1.0)]:
        # a line with every point pushed off it, in float32 so that both sides start from the same numbers
        line = np.linspace(0, 3, count)[:, None] * rng.standard_normal(length)
        points = (line + bend * rng.standard_normal((count, length))).astype(np.float32)
        cases.append(measured(points.astype(np.float64)))
    TARGET.write_text(json.dumps({"cases": cases}) + "\n")


if __name__ == "__main__":
    main()
