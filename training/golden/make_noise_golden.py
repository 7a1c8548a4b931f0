"""Write src/diffusion/golden/noise.json: normals of the lab's generator, which the studio's must reproduce.

Run with the lab's package importable: ``python training/golden/make_noise_golden.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

from odm.noise import normals

TARGET = Path(__file__).resolve().parents[2] / "src" / "diffusion" / "golden" / "noise.json"

#: seed, purpose, step, first element, number of elements
CASES = [
    (0, 0, 0, 0, 32),
    (1, 0, 0, 0, 7),
    (20240301, 1, 0, 0, 16),
    (20240301, 1, 19, 0, 16),
    (4294967295, 2, 4294967295, 0, 16),
    (42, 3, 0, 49143, 9),
    (2024, 4, 0, 0, 12),  # the z of a generator
]


def main() -> None:
    cases = []
    for seed, purpose, step, first, count in CASES:
        values = normals(seed, purpose, step, first + count)[first:]
        cases.append(
            {
                "seed": seed,
                "purpose": purpose,
                "step": step,
                "first": first,
                "values": [float(f"{v:.9g}") for v in values],
            }
        )
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps({"cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
