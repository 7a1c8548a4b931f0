"""One flat, commented TOML file a run. An unknown key, a missing one or a wrong type is a ``ConfigError``."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .augment import AUGMENTATION_COLUMNS
from .errors import ConfigError
from .network import NetworkConfig

if sys.version_info >= (3, 11):
    import tomllib as _toml
else:
    import tomli as _toml

Reading = Literal["slack", "absolute", "hinge", "cosine"]
TimeWeight = Literal["constant", "snr", "late", "early"]
Gradient = Literal["all", "middle"]


@dataclass(frozen=True)
class TrainConfig:
    """Every setting of a run. Images are counted, not epochs; times are the cosine schedule's t in 0..1."""

    # --- data ---
    data: Literal["labels-csv", "class-folders", "phantom"]
    grades: tuple[float, ...]  # clinical values, lowest first; the labels that may occur
    size: int  # side of the square pictures the network sees, pixels
    path: str = ""  # folder below the data root (option --data or ODM_DATA); empty for the phantom
    label_column: str = "grade"  # column of labels.csv
    role: str = ""  # keep only rows whose `role` column says this; empty keeps all
    crop: tuple[float, ...] = (0.0, 0.0, 1.0, 1.0)  # left, top, right, bottom as fractions, before resizing
    resize: int = 0  # side after resizing; random `size` crops are taken from it; 0 means `size`
    flips: Literal["none", "horizontal", "both"] = "horizontal"
    holdout: float = 0.1  # share of each grade kept from training, chosen by a hash of the file name
    class_balance: float = 0.5  # a grade is drawn in proportion to count ** (1 - this); 1 is uniform over grades
    phantom_count: int = 2000  # pictures of the procedural set
    augment: float = 0.0  # probability of each change of geometry and colour that the network is told (augment.py)
    # --- network ---
    patch: int = 2
    channels: tuple[int, ...] = (32, 64, 128, 256)  # per level; each level halves the grid
    blocks: tuple[int, ...] = (1, 1, 1, 2)  # residual blocks per level on the way down
    up_blocks: tuple[int, ...] = (1, 1, 1)  # and on the way up, which the lowest level has not
    attention: tuple[int, ...] = (3,)
    embedding: int = 256
    dropout: float = 0.0
    ordinal_embedding: bool = False
    # --- noise loss ---
    null_probability: float = 0.1  # a picture's grade is replaced by the null class this often
    log_sigma_mean: float = -0.4  # of the log-normal sigma / alpha that times are drawn from
    log_sigma_std: float = 1.4
    uniform_share: float = 0.25  # share of times drawn uniformly from t_range instead
    low_noise_share: float = (
        0.0  # share of times drawn log-uniformly from low_noise_range: fine detail is learned there
    )
    low_noise_range: tuple[float, ...] = (0.005, 0.25)
    t_range: tuple[float, ...] = (0.002, 0.998)
    # --- ordinal loss (lambda 0: a standard diffusion model) ---
    ordinal_lambda: float = 0.0
    ordinal_reading: Reading = "slack"
    ordinal_weight: TimeWeight = "constant"
    ordinal_warmup_images: int = 0  # lambda rises linearly over this many images
    ordinal_gradient: Gradient = "all"  # whose estimates the ordinal loss moves: all three, or only the middle one's
    ordinal_share: float = 0.25  # share of the batch whose noisy pictures carry the ordinal loss
    # --- optimisation ---
    seed: int = 0
    images: int = 250_000  # images to see in all, a branch's trunk included
    batch: int = 16  # global, over all processes
    learning_rate: float = 3e-4
    warmup_images: int = 4_000
    betas: tuple[float, ...] = (0.9, 0.99)
    weight_decay: float = 0.0
    gradient_clip: float = 1.0
    ema_halflife_images: int = 10_000
    ema_rampup: float = 0.05  # the half-life is at most this share of the images seen so far
    precision: Literal["bf16", "fp32"] = "bf16"
    init_from: str = ""  # a trunk's checkpoint that this run, a branch, goes on from (weights, EMA, optimiser, batches)
    # --- bookkeeping ---
    log_images: int = 1_600  # a log line this often
    validate_images: int = 16_000  # denoiser PSNR and ordinality on held-out pictures this often
    checkpoint_minutes: float = 4.0
    samples_minutes: float = 10.0

    def network(self) -> NetworkConfig:
        return NetworkConfig(
            classes=len(self.grades),
            patch=self.patch,
            channels=self.channels,
            blocks=self.blocks,
            up_blocks=self.up_blocks,
            attention=self.attention,
            embedding=self.embedding,
            dropout=self.dropout,
            ordinal_embedding=self.ordinal_embedding,
            augmentation=AUGMENTATION_COLUMNS if self.augment > 0 else 0,
        )

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _coerce(key: str, value: Any, kind: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin is Literal:
        if value not in typing.get_args(kind):
            raise ConfigError(f"{key}: {value!r} is not one of {', '.join(map(repr, typing.get_args(kind)))}")
        return value
    if origin is tuple:
        element = typing.get_args(kind)[0]
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{key}: a list is needed, not {value!r}")
        return tuple(_coerce(f"{key}[{i}]", v, element) for i, v in enumerate(value))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, types.UnionType) or not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{key}: {getattr(kind, '__name__', kind)} is needed, not {value!r}")
    return value


def parse_config(raw: dict[str, Any]) -> TrainConfig:
    """Checks names, types and ranges of ``raw``; raises ``ConfigError`` naming the key."""
    hints = typing.get_type_hints(TrainConfig)
    unknown = sorted(set(raw) - set(hints))
    if unknown:
        raise ConfigError(f"unknown key{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)}")
    required = {f.name for f in dataclasses.fields(TrainConfig) if f.default is dataclasses.MISSING}
    missing = sorted(required - set(raw))
    if missing:
        raise ConfigError(f"missing key{'s' if len(missing) > 1 else ''}: {', '.join(missing)}")
    config = TrainConfig(**{k: _coerce(k, v, hints[k]) for k, v in raw.items()})
    levels = len(config.channels)
    checks: list[tuple[bool, str]] = [
        (all(a < b for a, b in zip(config.grades, config.grades[1:])), "grades must rise"),
        (len(config.grades) >= 2, "grades: at least two are needed"),
        (config.ordinal_lambda == 0 or len(config.grades) >= 3, "the ordinal loss needs at least three grades"),
        (len(config.blocks) == levels, "blocks needs one number per level of channels"),
        (len(config.up_blocks) == levels - 1, "up_blocks needs one number per level of channels but the last"),
        (0 <= config.augment <= 1, "augment must lie in [0, 1]"),
        (config.uniform_share + config.low_noise_share <= 1, "uniform_share + low_noise_share must not exceed 1"),
        (len(config.low_noise_range) == 2 and 0 < config.low_noise_range[0] < config.low_noise_range[1] < 1, "low_noise_range must lie inside (0, 1)"),
        (all(c % 4 == 0 for c in config.channels), "channels must be multiples of 4"),
        (config.size % (config.patch * 2 ** (levels - 1)) == 0, "size must be divisible by patch * 2^(levels - 1)"),
        (config.resize == 0 or config.resize >= config.size, "resize must be 0 or at least size"),
        (len(config.crop) == 4 and config.crop[0] < config.crop[2] and config.crop[1] < config.crop[3], "crop: left, top, right, bottom"),
        (0 <= config.holdout < 1, "holdout must lie in [0, 1)"),
        (len(config.t_range) == 2 and 0 < config.t_range[0] < config.t_range[1] < 1, "t_range must lie inside (0, 1)"),
        (config.batch >= 1 and config.images >= config.batch, "images must be at least one batch"),
    ]  # fmt: skip
    for ok, message in checks:
        if not ok:
            raise ConfigError(message)
    return config


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dictionary; raises ``ConfigError`` naming the file."""
    try:
        return _toml.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: there is no such file") from e
    except _toml.TOMLDecodeError as e:
        raise ConfigError(f"{path}: {e}") from e


def load_config(path: Path, **overrides: Any) -> TrainConfig:
    """Reads a TOML file; ``overrides`` replace its keys. Raises ``ConfigError``."""
    raw = read_toml(path)
    try:
        return parse_config({**raw, **overrides})
    except ConfigError as e:
        raise ConfigError(f"{path}: {e}") from e
