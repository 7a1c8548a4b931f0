"""What is judged: a bundle's variant on a device, and the real pictures it is judged against."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..bundle import Bundle, is_generator, metadata_of
from ..config import TrainConfig, parse_config
from ..data import ImageSet, center_crop, load_image_set, split_holdout
from ..errors import DataError
from ..noise import Purpose
from ..onnx_torch import open_module
from ..sampling import mixed_row, schedule_from
from . import draw

# what of a training configuration says which pictures were trained on, and how they were shown
_DATA_KEYS = (
    *("data", "grades", "left_out", "size", "path", "label_column", "role", "autocrop", "autocrop_missing", "crop"),
    *("resize", "flips", "colour_constancy", "holdout", "phantom_count", "seed"),
)
INTERPOLATION_ROLE = "interpolation-test"


class Variant:
    """One variant of a bundle; a generator has no ``model`` that denoises, no defaults and no trajectory."""

    def __init__(self, bundle: Bundle, key: str, device: torch.device) -> None:
        self.bundle, self.key, self.device = bundle, key, device
        self.entry: dict[str, Any] = bundle.manifest["variants"][key]
        self.values = bundle.values
        payload = bundle.weights(key)
        self.notes = metadata_of(payload)
        self._run = open_module(payload, device)
        self.is_generator = is_generator(self.entry)
        manifest = bundle.manifest
        self.schedule = schedule_from(manifest["diffusion"]["schedule"])
        if not self.is_generator:
            inputs = manifest["inputs"]
            if manifest["diffusion"]["prediction"] != "x0" or inputs["t"]["kind"] != "float" or inputs["y"]["kind"] != "weights":  # fmt: skip
                raise DataError("only models that predict x0 from class weights are evaluated", file=bundle.folder)
            self._order = [self._run.inputs.index(inputs[k]["name"]) for k in ("x", "t", "y")]

    @property
    def title(self) -> str:
        return str(self.entry["title"])

    @property
    def request(self) -> list[Any]:
        """What its pictures depend on, besides grade and seed."""
        said = self.bundle.manifest["diffusion"].get("guidanceRange")
        return [self.entry["sha256"], self.entry.get("defaults"), *([said] if said else [])]

    @property
    def defaults(self) -> tuple[str, int, float]:
        d = self.entry["defaults"]
        return d["sampler"], d["steps"], float(d["guidance"])

    def model(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        given = (x, t, y)
        inputs: list[Tensor] = [x] * 3
        for value, place in zip(given, self._order, strict=True):
            inputs[place] = value
        return self._run(*inputs)

    def plans(self, severities: Sequence[float], guidance: float) -> list[Any]:
        return [self.bundle.plan(v, guidance) for v in severities]

    def pictures(self, severities: Sequence[float], seeds: Sequence[int], batch: int, sampler: str | None = None, steps: int | None = None) -> NDArray[np.uint8]:  # fmt: skip
        """uint8 [N, H, W, 3], one severity and one seed each, with the variant's own defaults where nothing is said."""
        out = []
        for s in draw.batches(len(seeds), batch):
            if self.is_generator:
                out.append(draw.to_bytes(self._generate(severities[s], seeds[s])))
                continue
            name, count, guidance = self.defaults
            table = self.bundle.table(sampler or name, steps or count)
            plans = self.plans(severities[s], guidance)
            x = draw.draw(self.model, plans, table, seeds[s], self.bundle.shape, self.device)
            out.append(draw.to_bytes(x))
        return np.concatenate(out)

    @torch.no_grad()
    def _generate(self, severities: Sequence[float], seeds: Sequence[int]) -> Tensor:
        """[N, 3, H, W] of a generator: beyond the end grades its class weights go on along the last segment, as in the browser."""
        y = torch.from_numpy(np.stack([mixed_row(v, self.values) for v in severities])).to(self.device)
        z = draw.normals(seeds, Purpose.LATENT, 0, int(self.entry["latent"]), self.device)
        names = self.entry["inputs"]
        given = {names["z"]["name"]: z, names["y"]["name"]: y}
        return self._run(*(given[name] for name in self._run.inputs))


def data_config(variants: Sequence[Variant]) -> TrainConfig:
    """The data part of the training configuration that the variants' files carry; all must agree on it."""
    found: dict[str, dict[str, Any]] = {}
    for v in variants:
        if "trainingConfig" in v.notes:
            raw = json.loads(v.notes["trainingConfig"])
            found[v.key] = {k: raw[k] for k in _DATA_KEYS if k in raw}
    if not found:
        raise DataError("no variant says what it was trained on (trainingConfig in the ONNX metadata)")
    first = next(iter(found))
    # the seed matters to the phantom alone: its pictures are drawn from it
    ignored = () if found[first]["data"] == "phantom" else ("seed",)
    for key, config in found.items():
        for name in config.keys() & found[first].keys():
            if name not in ignored and config[name] != found[first][name]:
                raise DataError(f"variants {first} and {key} were trained on different data: {name} is {found[first][name]!r} and {config[name]!r}")  # fmt: skip
    return parse_config(found[first])


@dataclass(frozen=True)
class RealSets:
    """Real pictures. ``training`` and ``held_out`` keep the room around the crop; the ``shown_*`` are cropped and flipped
    once, at random, as training shows them: the distribution that a model learns, and what it is compared with."""

    config: TrainConfig
    training: ImageSet
    held_out: ImageSet
    shown_training: NDArray[np.uint8]
    shown_held_out: NDArray[np.uint8]
    between: dict[float, NDArray[np.uint8]]  # half grades that no training saw, by severity
    digest: str

    @property
    def size(self) -> int:
        return self.config.size

    def centre(self, images: ImageSet) -> NDArray[np.uint8]:
        return np.ascontiguousarray(center_crop(images.images, self.size))


def shown(images: NDArray[np.uint8], size: int, flips: str, seed: int) -> NDArray[np.uint8]:
    """[N, S, S, 3] -> [N, size, size, 3]: one random crop and flip each."""
    rng = np.random.default_rng((seed, len(images), 17))
    out = np.empty((len(images), size, size, 3), dtype=np.uint8)
    room = images.shape[1] - size
    for i, picture in enumerate(images):
        top, left = rng.integers(0, room + 1, 2)
        across, down = rng.integers(0, 2, 2)
        part = picture[top : top + size, left : left + size]
        part = part[:, ::-1] if flips != "none" and across else part
        out[i] = part[::-1] if flips == "both" and down else part
    return out


def limited(images: ImageSet, limit: int) -> ImageSet:
    """At most ``limit`` pictures of each grade, the first ones; 0 keeps all."""
    if limit <= 0:
        return images
    keep = np.zeros(len(images), dtype=bool)
    for g in range(len(images.grades)):
        keep[np.flatnonzero(images.labels == g)[:limit]] = True
    return images.subset(keep)


@lru_cache(maxsize=2)
def _split(config: TrainConfig, root: Path | None) -> tuple[ImageSet, ImageSet]:
    return split_holdout(load_image_set(config, root), config.holdout)


def load_real(config: TrainConfig, root: Path | None, seed: int, limit: int = 0) -> RealSets:
    """Loads and splits exactly as training did, then keeps at most ``limit`` a grade; raises ``DataError``."""
    training, held_out = (limited(part, limit) for part in _split(config, root))
    between: dict[float, NDArray[np.uint8]] = {}
    if config.data == "labels-csv" and config.role and root is not None:
        between = _between(config, root, seed)
    digest = hashlib.sha256()
    for part in (training, held_out):
        digest.update(part.images.tobytes())
        digest.update(part.labels.tobytes())
    for v, pictures in sorted(between.items()):
        digest.update(f"{v}".encode() + pictures.tobytes())
    args = (config.size, config.flips, seed)
    return RealSets(config, training, held_out, shown(training.images, *args), shown(held_out.images, *args), between, digest.hexdigest())  # fmt: skip


def _between(config: TrainConfig, root: Path, seed: int) -> dict[float, NDArray[np.uint8]]:
    table = root / config.path / "labels.csv"
    with table.open(newline="", encoding="utf-8") as handle:
        found = sorted({float(r[config.label_column]) for r in csv.DictReader(handle) if r["role"] == INTERPOLATION_ROLE})  # fmt: skip
    if not found:
        return {}
    other = dataclasses.replace(config, role=INTERPOLATION_ROLE, grades=tuple(found))
    images = load_image_set(other, root)
    return {v: shown(images.images[images.labels == k], config.size, config.flips, seed) for k, v in enumerate(found)}
