"""A data set as an array, its split into training and held-out pictures, and training batches from it.

Pictures are uint8 RGB, cropped as declared and resized to one square size; ``readers`` brings them from disk, ``phantom`` draws
them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .augment import augment, draw_augmentation
from .colour import measure, normalise
from .config import DataConfig


@dataclass(frozen=True)
class ImageSet:
    """N pictures with their grade's index into ``grades``."""

    images: NDArray[np.uint8]  # [N, S, S, 3]; may be mapped from a file
    labels: NDArray[np.int64]  # [N]
    names: tuple[str, ...]
    grades: tuple[float, ...]
    groups: tuple[str, ...] = ()  # N patients, empty where the set names none
    held_out: NDArray[np.bool_] | None = None  # [N] the publisher's own split, where there is one

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def counts(self) -> list[int]:
        return np.bincount(self.labels, minlength=len(self.grades)).tolist()

    def subset(self, keep: NDArray[np.bool_]) -> ImageSet:
        names = tuple(n for n, k in zip(self.names, keep, strict=True) if k)
        groups = tuple(g for g, k in zip(self.groups, keep, strict=True) if k) if self.groups else ()
        held_out = None if self.held_out is None else self.held_out[keep]
        return ImageSet(self.images[keep], self.labels[keep], names, self.grades, groups, held_out)


def load_image_set(config: DataConfig, root: Path | None) -> ImageSet:
    """All pictures that ``config`` names, at ``config.resize`` (or ``config.size``) pixels a side."""
    side = config.resize or config.size
    if config.data == "phantom":
        from .phantom import phantom_image_set

        return phantom_image_set(config.phantom_count, config.size, config.grades, config.seed)
    from .readers import load_records, read_records

    records, source = read_records(config, root)
    found = load_records(records, config, side, source)
    if not config.colour_constancy:
        return found
    return replace(found, images=normalise(found.images, measure(found.images)))


def split_holdout(images: ImageSet, share: float) -> tuple[ImageSet, ImageSet]:
    """(training, held out). A set with a split of its own keeps it; else of each grade ``share`` of the pictures is held out.

    Patients (pictures, where no patient is known) come in the order of the SHA-256 of their names, and one is held out, with all
    its pictures, when that brings the grades' numbers no further from what is wanted.
    """
    if images.held_out is not None:
        return images.subset(~images.held_out), images.subset(images.held_out)
    wanted = np.asarray([round(share * n) for n in images.counts])
    members: dict[str, list[int]] = {}
    for i, group in enumerate(images.groups or images.names):
        members.setdefault(group, []).append(i)
    held = np.zeros(len(images), dtype=bool)
    so_far = np.zeros(len(images.grades), dtype=np.int64)
    for group in sorted(members, key=lambda g: hashlib.sha256(g.encode()).digest()):
        with_it = so_far + np.bincount(images.labels[members[group]], minlength=len(images.grades))
        off, off_with_it = np.abs(wanted - so_far).sum(), np.abs(wanted - with_it).sum()
        # rather one too many of a grade than none at all
        if off_with_it < off or (off_with_it == off and so_far.sum() < wanted.sum()):
            held[members[group]] = True
            so_far = with_it
    return images.subset(~held), images.subset(held)


def describe_split(training: ImageSet, config: DataConfig) -> str:
    """What ``split_holdout`` kept apart, in a sentence or two, for whoever reads figures on held-out pictures."""
    if training.held_out is not None:
        return (
            "Held-out pictures: the set's own split; whether one patient is on both sides is for its publisher to say."
        )
    share = f"Held-out pictures: {config.holdout:.0%} of every grade"
    if config.data == "phantom":
        return f"{share}; each is drawn by itself from its own number."
    if training.groups:
        return f"{share}, nearly, by a hash of the patient's name: no patient is on both sides."
    return (
        f"{share}, by a hash of the file name. The split is by picture; the data carries no patient numbers, so one "
        "patient may be on both sides."
    )


@dataclass(frozen=True)
class Batch:
    """The global batch of a step."""

    x0: Tensor  # [B, 3, S, S] float32 in -1..1, on the source's device
    labels: NDArray[np.int64]  # [B] grade indices
    augmentation: (
        Tensor | None
    )  # [B, AUGMENTATION_COLUMNS] how each picture was changed, when the configuration asks for it


class BatchSource:
    """Training batches as a pure function of the step, so that any step can be drawn again on any machine.

    The pictures stay on the device, as bytes; random choices are made on the CPU, whatever the device.
    """

    def __init__(self, images: ImageSet, config: DataConfig, device: torch.device | str = "cpu") -> None:
        self.images = images
        self.config = config
        self.device = torch.device(device)
        self.pixels = torch.from_numpy(images.images).to(self.device)
        counts = np.asarray(images.counts, dtype=np.float64)
        per_grade = counts ** (1 - config.class_balance)
        self.weights = (per_grade / per_grade.sum() / counts)[images.labels]

    def _sent(self, array: NDArray[Any]) -> Tensor:
        """On the device, without waiting for what it computes: CUDA copies pageable memory aside before it returns."""
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    def batch(self, step: int) -> Batch:
        """Chosen by grade, cropped, flipped and augmented, for global step ``step``."""
        c = self.config
        rng = np.random.default_rng((c.seed, step, 1))
        chosen = rng.choice(len(self.images), c.batch, p=self.weights)
        corners = rng.integers(0, self.pixels.shape[1] - c.size + 1, (2, c.batch))
        flipped = rng.integers(0, 2, (2, c.batch)).astype(bool)
        flipped[0] &= c.flips == "both"
        flipped[1] &= c.flips != "none"
        along = np.arange(c.size)
        rows, columns = (
            self._sent(corner[:, None] + np.where(flip[:, None], along[::-1], along))
            for corner, flip in zip(corners, flipped)
        )
        picked = self._sent(chosen)
        pixels = self.pixels[picked[:, None, None], rows[:, :, None], columns[:, None, :]]  # [B, S, S, 3]
        x0 = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        labels = self.images.labels[chosen]
        if c.augment == 0:
            return Batch(x0, labels, None)
        told = self._sent(draw_augmentation(rng, c.batch, c.augment))
        return Batch(augment(x0, told), labels, told)


def center_crop(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """[N, S, S, 3] -> [N, size, size, 3] about the middle."""
    o = (images.shape[1] - size) // 2
    return images[:, o : o + size, o : o + size]


def to_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [N, H, W, 3] -> float32 [N, 3, H, W] in -1..1."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32) / 127.5 - 1
