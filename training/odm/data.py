"""Data sets as arrays in memory: a folder with ``labels.csv``, a folder per class, or the procedural phantom.

Pictures are uint8 RGB, cropped as declared and resized to one square size. Whatever is wrong with the data is a
``DataError`` that names the file and the row.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from .augment import augment, draw_augmentation
from .config import DataConfig
from .errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class ImageSet:
    """N pictures with their grade's index into ``grades``."""

    images: NDArray[np.uint8]  # [N, S, S, 3]
    labels: NDArray[np.int64]  # [N]
    names: tuple[str, ...]
    grades: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def counts(self) -> list[int]:
        return np.bincount(self.labels, minlength=len(self.grades)).tolist()

    def subset(self, keep: NDArray[np.bool_]) -> ImageSet:
        names = tuple(n for n, k in zip(self.names, keep, strict=True) if k)
        return ImageSet(self.images[keep], self.labels[keep], names, self.grades)


def read_image(path: Path, crop: tuple[float, ...], side: int, row: int | None = None) -> NDArray[np.uint8]:
    """Reads, crops (fractions left, top, right, bottom) and resizes one picture to [side, side, 3]."""
    try:
        with Image.open(path) as raw:
            image = raw.convert("RGB")
    except FileNotFoundError as e:
        raise DataError("the image is missing", file=path, row=row) from e
    except (UnidentifiedImageError, OSError) as e:
        raise DataError(f"the image can't be read ({e})", file=path, row=row) from e
    w, h = image.size
    box = (crop[0] * w, crop[1] * h, crop[2] * w, crop[3] * h)
    return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS, box=box))


def _grade_index(text: str, grades: tuple[float, ...], file: Path, row: int | None) -> int:
    try:
        return grades.index(float(text))
    except ValueError:
        declared = ", ".join(f"{g:g}" for g in grades)
        raise DataError(f"label {text!r} is not one of the declared grades {declared}", file=file, row=row) from None


def read_labels_csv(folder: Path, config: DataConfig, side: int) -> ImageSet:
    """``labels.csv`` with columns ``file``, ``config.label_column`` and, when a role is asked for, ``role``."""
    table = folder / "labels.csv"
    if not table.is_file():
        raise DataError("labels.csv is missing", file=table)
    images, labels, names = [], [], []
    with table.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        needed = ["file", config.label_column] + (["role"] if config.role else [])
        absent = [c for c in needed if c not in (reader.fieldnames or [])]
        if absent:
            raise DataError(f"column{'s' if len(absent) > 1 else ''} {', '.join(absent)} missing", file=table, row=1)
        for number, row in enumerate(reader, start=2):
            if config.role and row["role"] != config.role:
                continue
            labels.append(_grade_index(row[config.label_column] or "", config.grades, table, number))
            images.append(read_image(folder / row["file"], config.crop, side, number))
            names.append(row["file"])
    return _assemble(images, labels, names, config, table)


def read_class_folders(folder: Path, config: DataConfig, side: int) -> ImageSet:
    """One folder per grade, named by its clinical value (``0``, ``1.5`` …)."""
    if not folder.is_dir():
        raise DataError("the data folder is missing", file=folder)
    images, labels, names = [], [], []
    for sub in sorted(p for p in folder.iterdir() if p.is_dir()):
        index = _grade_index(sub.name, config.grades, sub, None)
        for path in sorted(p for p in sub.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES):
            images.append(read_image(path, config.crop, side))
            labels.append(index)
            names.append(f"{sub.name}/{path.name}")
    return _assemble(images, labels, names, config, folder)


def _assemble(images: list[NDArray[np.uint8]], labels: list[int], names: list[str], config: DataConfig, source: Path) -> ImageSet:  # fmt: skip
    for index, grade in enumerate(config.grades):
        if index not in labels:
            raise DataError(f"no image has grade {grade:g}", file=source)
    return ImageSet(np.stack(images), np.asarray(labels, dtype=np.int64), tuple(names), config.grades)


def load_image_set(config: DataConfig, root: Path | None) -> ImageSet:
    """All pictures that ``config`` names, at ``config.resize`` (or ``config.size``) pixels a side."""
    side = config.resize or config.size
    if config.data == "phantom":
        from .phantom import phantom_image_set

        return phantom_image_set(config.phantom_count, config.size, config.grades, config.seed)
    if root is None:
        raise DataError("say where the data is: --data FOLDER or ODM_DATA", file=Path(config.path))
    reader = read_labels_csv if config.data == "labels-csv" else read_class_folders
    return reader(root / config.path, config, side)


def split_holdout(images: ImageSet, share: float) -> tuple[ImageSet, ImageSet]:
    """(training, held out): of each grade, ``share`` of the pictures, the first by SHA-256 of their names."""
    held = np.zeros(len(images), dtype=bool)
    for grade in range(len(images.grades)):
        members = [i for i in range(len(images)) if images.labels[i] == grade]
        members.sort(key=lambda i: hashlib.sha256(images.names[i].encode()).digest())
        held[members[: round(share * len(members))]] = True
    return images.subset(~held), images.subset(held)


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
            torch.from_numpy(corner[:, None] + np.where(flip[:, None], along[::-1], along)).to(self.device)
            for corner, flip in zip(corners, flipped)
        )
        picked = torch.from_numpy(chosen).to(self.device)
        pixels = self.pixels[picked[:, None, None], rows[:, :, None], columns[:, None, :]]  # [B, S, S, 3]
        x0 = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        labels = self.images.labels[chosen]
        if c.augment == 0:
            return Batch(x0, labels, None)
        told = torch.from_numpy(draw_augmentation(rng, c.batch, c.augment)).to(self.device)
        return Batch(augment(x0, told), labels, told)


def center_crop(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """[N, S, S, 3] -> [N, size, size, 3] about the middle."""
    o = (images.shape[1] - size) // 2
    return images[:, o : o + size, o : o + size]


def to_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [N, H, W, 3] -> float32 [N, 3, H, W] in -1..1."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32) / 127.5 - 1
