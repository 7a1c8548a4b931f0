"""Write src/diffusion/golden/agreement.json: scikit-learn's figures of agreement, which ours must reproduce.

Needs ``scikit-learn`` beside the lab's package.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix, mean_absolute_error, recall_score

TARGET = Path(__file__).resolve().parents[2] / "src" / "diffusion" / "golden" / "agreement.json"
#: grades, judgements, how far answers stray (standard deviation in grades)
CASES = [(5, 40, 0.6), (5, 7, 1.5), (3, 30, 0.5), (2, 12, 0.7), (10, 200, 2.0), (4, 25, 50.0)]


def case(rng: np.random.Generator, grades: int, count: int, spread: float) -> dict[str, Any]:
    truth = rng.integers(0, grades, count)
    answer = np.clip(np.rint(truth + rng.normal(0, spread, count)), 0, grades - 1).astype(int)
    labels = list(range(grades))
    asked = sorted(set(truth.tolist()))
    recall = recall_score(truth, answer, labels=asked, average=None)
    return {
        "size": grades,
        "truth": truth.tolist(),
        "answer": answer.tolist(),
        "confusion": confusion_matrix(truth, answer, labels=labels).ravel().tolist(),
        "kappa": float(cohen_kappa_score(truth, answer, labels=labels, weights="quadratic")),
        "accuracy": float(accuracy_score(truth, answer)),
        "error": float(mean_absolute_error(truth, answer)),
        # null where the grade was not asked, which scikit-learn would call 0
        "recall": [float(recall[asked.index(k)]) if k in asked else None for k in labels],
    }


def main() -> None:
    rng = np.random.default_rng(6)
    TARGET.write_text(json.dumps([case(rng, *parameters) for parameters in CASES], indent=1) + "\n")


if __name__ == "__main__":
    main()
