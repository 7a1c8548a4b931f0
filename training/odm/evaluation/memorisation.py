"""Has the model copied its training images? Distances of generated pictures to the nearest and second nearest of them.

Training images count with every flip and, in pixels, with shifted crops as training took them, so that a copy is found
wherever it was shown. The nearest and the second nearest are two different training images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data import ImageSet
from . import statistics
from .draw import batches, to_float
from .statistics import Floats

THRESHOLD = 1 / 3
SHIFT = 4  # pixels between the crops that are looked at
CLOSEST = 12


@dataclass
class Neighbours:
    """Of each of N pictures: distance (root mean square over elements) to the two nearest, and which is the nearest."""

    first: Floats
    second: Floats
    index: NDArray[np.int64]

    @property
    def ratio(self) -> Floats:
        out: Floats = self.first / np.maximum(self.second, 1e-12)
        return out


def flips_of(pictures: NDArray[np.uint8], flips: str) -> list[NDArray[np.uint8]]:
    """The pictures [N, H, W, 3] as they are and in every flip that training uses."""
    out = [pictures]
    if flips != "none":
        out.append(pictures[:, :, ::-1])
    if flips == "both":
        out += [p[:, ::-1] for p in list(out)]
    return out


def pixel_references(images: ImageSet, size: int, flips: str) -> Iterator[NDArray[np.uint8]]:
    """Views of all training images [N, size, size, 3]: each crop on a grid of ``SHIFT`` pixels, each flip."""
    room = images.images.shape[1] - size
    offsets = sorted({*range(0, room + 1, SHIFT), room // 2, room})
    for top in offsets:
        for left in offsets:
            yield from flips_of(images.images[:, top : top + size, left : left + size], flips)


def nearest(queries: Tensor, references: Iterator[Tensor], count: int, chunk: int = 1024) -> Neighbours:
    """Two nearest of ``count`` images, each seen in several views: every item of ``references`` is one view [count, D]."""
    best = torch.full((len(queries), count), torch.inf, device=queries.device)
    norms = queries.square().sum(1, keepdim=True)
    for view in references:
        own = view.square().sum(1)
        for s in batches(len(queries), chunk):
            squared = norms[s] + own - 2 * (queries[s] @ view.T)
            best[s] = torch.minimum(best[s], squared)
    values, index = torch.topk(best, 2, dim=1, largest=False)
    distance = (values.clamp_min(0) / queries.shape[1]).sqrt().double().cpu().numpy()
    return Neighbours(distance[:, 0], distance[:, 1], index[:, 0].cpu().numpy())


def pixel_neighbours(pictures: NDArray[np.uint8], images: ImageSet, size: int, flips: str, device: torch.device) -> Neighbours:  # fmt: skip
    """In pixels, -1..1."""
    flat = to_float(pictures, device).flatten(1)
    views = (to_float(np.ascontiguousarray(v), device).flatten(1) for v in pixel_references(images, size, flips))
    return nearest(flat, views, len(images))


def feature_neighbours(features: NDArray[Any], references: list[NDArray[Any]], device: torch.device) -> Neighbours:
    """In feature space; one array [count, D] of the training images' features a flip."""
    queries = torch.from_numpy(np.ascontiguousarray(features)).to(device)
    views = (torch.from_numpy(np.ascontiguousarray(r)).to(device) for r in references)
    return nearest(queries, views, len(references[0]))


def nearest_json(
    generated: Neighbours, held: Neighbours, seeds: NDArray[Any], grades: Floats, names: tuple[str, ...], seed: int
) -> dict[str, Any]:
    """The schema's ``nearest`` of one space."""
    under, held_under = int((generated.ratio < THRESHOLD).sum()), int((held.ratio < THRESHOLD).sum())
    order = np.argsort(generated.ratio)[:CLOSEST]
    return {
        "generated": statistics.median(generated.first, seed).json(),
        "heldOut": statistics.median(held.first, seed).json(),
        "mannWhitney": statistics.mann_whitney_less(generated.first, held.first, seed),
        "underThreshold": under,
        "share": statistics.share(under, len(generated.first)).json(),
        "heldOutShare": statistics.share(held_under, len(held.first)).json(),
        "closest": [
            {
                "seed": int(seeds[i]),
                "grade": float(grades[i]),
                "distance": float(generated.first[i]),
                "ratio": float(generated.ratio[i]),
                "trainingImage": names[int(generated.index[i])],
            }
            for i in order
        ],
    }
