"""Colours taken out of the question: every picture's mean and spread of each channel mapped to the training set's.

In fundus photographs the grade goes with the picture's hue (camera, selection), so a model could order hues instead of
lesions. Judged a second time on normalised pictures, real and generated alike, hue can't stand for severity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DARK = 0.08  # pixels whose brightest channel lies below this share of 255 are background (outside the disc)
METHOD = (
    "For every picture, real or generated: among the pixels whose brightest channel is at least 8 % of full scale (the "
    "disc or the mucosa), each of the channels red, green and blue is shifted and scaled to the mean and the standard "
    "deviation that the training images have there on average, and clipped to the range; darker pixels stay as they are. "
    "The grader is trained anew on real images normalised in this way."
)


@dataclass(frozen=True)
class Colours:
    """Mean and standard deviation [3] of the channels, in bytes."""

    mean: NDArray[np.float32]
    std: NDArray[np.float32]


def _moments(pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """[N, 3] means, [N, 3] deviations, [N, H, W] foreground."""
    x = pictures.astype(np.float32)
    inside = pictures.max(axis=3) >= DARK * 255
    weight = inside[..., None].astype(np.float32)
    total = np.maximum(weight.sum((1, 2)), 1)
    mean = (x * weight).sum((1, 2)) / total
    spread = np.sqrt((((x - mean[:, None, None]) ** 2) * weight).sum((1, 2)) / total)
    return mean, spread, inside


def measure(pictures: NDArray[np.uint8], chunk: int = 64) -> Colours:
    """The average over pictures [N, H, W, 3] of their own means and deviations."""
    parts = [_moments(pictures[k : k + chunk])[:2] for k in range(0, len(pictures), chunk)]
    return Colours(np.concatenate([p[0] for p in parts]).mean(0), np.concatenate([p[1] for p in parts]).mean(0))


def normalise(pictures: NDArray[np.uint8], target: Colours, chunk: int = 64) -> NDArray[np.uint8]:
    """uint8 [N, H, W, 3] -> the same with the target's colours."""
    out = np.empty_like(pictures)
    for k in range(0, len(pictures), chunk):
        part = pictures[k : k + chunk]
        mean, spread, inside = _moments(part)
        scale = target.std / np.maximum(spread, 1.0)
        mapped = (part - mean[:, None, None]) * scale[:, None, None] + target.mean
        mapped = np.clip(np.round(mapped), 0, 255).astype(np.uint8)
        out[k : k + chunk] = np.where(inside[..., None], mapped, part)
    return out
