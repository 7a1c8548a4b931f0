"""Do synthetic pictures help a grader? Real pictures alone against real and synthetic ones, five folds.

The grader is a ridge regression on frozen features, quick enough for every arm and fold alike. The generator saw the
folds' real pictures (it was trained on all of them), so an arm's figure on them flatters it; the held-out pictures
neither saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import statistics
from .grader import fold_numbers, read_grades, ridge, ridge_probabilities
from .statistics import Floats, Ints

NOTE = (
    "The folds are made of training pictures: no grader saw the pictures it is judged on, but the generators saw all of them, "
    "which flatters the synthetic arms. The held-out pictures were seen by neither; there are few of them."
)


def compare(
    real: Floats,
    labels: Ints,
    held: Floats,
    held_labels: Ints,
    drawn: Mapping[str, Floats],
    drawn_labels: Ints,
    values: Sequence[float],
    folds: int,
    seed: int,
    bootstrap: int,
) -> dict[str, Any]:
    """The schema's ``augmentation``; features [N, D] and grade indices [N] of real, held-out and drawn pictures."""
    classes = len(values)
    y = np.asarray(values)
    per_grade = min(int(np.bincount(drawn_labels).min()), max(1, len(labels) // classes))
    pick = np.concatenate([np.flatnonzero(drawn_labels == g)[:per_grade] for g in range(classes)])
    fold = fold_numbers(labels, folds, seed)
    arms: list[dict[str, Any]] = []
    plain: Floats | None = None
    for variant in (None, *drawn):
        extra = np.zeros((0, real.shape[1])) if variant is None else drawn[variant][pick]
        extra_labels = np.zeros(0, dtype=np.int64) if variant is None else drawn_labels[pick]

        def fit(
            x: Floats, g: Ints, more: Floats = extra, more_labels: Ints = extra_labels
        ) -> tuple[Floats, float, float]:
            both = np.concatenate([g, more_labels])
            judged = np.arange(len(both)) < len(g)
            return ridge(np.concatenate([x, more]), y[both], both, judged, seed)

        read = np.zeros(len(labels), dtype=np.int64)
        for k in range(folds):
            keep = fold != k
            read[~keep] = read_grades(ridge_probabilities(real[~keep], fit(real[keep], labels[keep]), values))
        held_read = read_grades(ridge_probabilities(held, fit(real, labels), values))
        qwk, resampled = statistics.kappa_estimate(labels, read, classes, bootstrap)
        gain = None
        if plain is None:
            plain, plain_value = resampled, qwk.value
        else:
            gain = statistics.percentile(qwk.value - plain_value, resampled - plain, len(labels)).json()
        arms.append(
            {
                "variant": variant,
                "qwk": qwk.json(),
                "mae": statistics.mean(np.abs(read - labels).astype(np.float64), bootstrap).json(),
                "recall": [
                    {
                        "grade": values[g],
                        "recall": statistics.share(
                            int((read[labels == g] == g).sum()), int((labels == g).sum())
                        ).json(),
                    }
                    for g in range(classes)[-2:]
                ],
                "gain": gain,
                "heldOutQwk": statistics.kappa_estimate(held_labels, held_read, classes, bootstrap)[0].json(),
            }
        )
    return {
        "grader": "EfficientNet-Lite0 features, ridge regression",
        "folds": folds,
        "syntheticPerGrade": per_grade,
        "note": NOTE,
        "arms": arms,
    }
