"""One flat, commented TOML file a run. An unknown key, a missing one or a wrong type is a ``ConfigError``."""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from .augment import AUGMENTATION_COLUMNS
from .errors import ConfigError
from .network import NetworkConfig
from .stylegan import GanShape

if sys.version_info >= (3, 11):
    import tomllib as _toml
else:
    import tomli as _toml

Reading = Literal["slack", "absolute", "hinge", "cosine"]
TimeWeight = Literal["constant", "snr", "gated", "late", "latest", "early"]
Gradient = Literal["all", "middle"]
Anchor = Literal["distance", "line"]
Config = TypeVar("Config", bound="DataConfig")


@dataclass(frozen=True)
class DataConfig:
    """What every run says of its pictures, whatever it trains on them."""

    # the layout of the set (readers.py says of each where it comes from and what its licence is)
    data: Literal[
        "labels-csv", "class-folders", "phantom", "eyepacs", "aptos", "limuc", "retinamnist", "hyperkvasir", "idrid"
    ]
    grades: tuple[float, ...]  # clinical values, lowest first; the labels that may occur
    size: int  # side of the square pictures the network sees, pixels
    left_out: tuple[float, ...] = ()  # further grades of the set, whose pictures this run must not see
    path: str = ""  # folder (retinamnist: file) below the data root (option --data or ODM_DATA); empty for the phantom
    label_column: str = "grade"  # column of labels.csv
    role: str = ""  # keep only pictures whose `role` is this; empty keeps all
    autocrop: Literal["none", "disc", "mucosa"] = "none"  # find the illuminated disc, or mucosa clear of frame and text
    autocrop_missing: Literal["error", "skip"] = "error"  # what to do with a picture in which none is found
    crop: tuple[float, ...] = (0.0, 0.0, 1.0, 1.0)  # left, top, right, bottom as fractions of that, before resizing
    resize: int = 0  # side after resizing; random `size` crops are taken from it; 0 means `size`
    flips: Literal["none", "horizontal", "both"] = "horizontal"
    colour_constancy: bool = False  # every picture's colours brought to the set's average (colour.py)
    # share of each grade kept from training, chosen by a hash of the patient, or of the file name where none is known;
    # a set with a split of its own keeps that
    holdout: float = 0.1
    class_balance: float = 0.5  # a grade is drawn in proportion to count ** (1 - this); 1 is uniform over grades
    phantom_count: int = 2000  # pictures of the procedural set
    augment: float = 0.0  # probability of each change of geometry and colour that the network is told (augment.py)
    seed: int = 0
    batch: int = 16  # global, over all processes

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def checks(self) -> list[tuple[bool, str]]:
        """What must hold, and what to say where it does not."""
        return [
            (all(a < b for a, b in zip(self.grades, self.grades[1:])), "grades must rise"),
            (len(self.grades) >= 2, "grades: at least two are needed"),
            (not set(self.left_out) & set(self.grades), "left_out: these grades are among the others"),
            (self.resize == 0 or self.resize >= self.size, "resize must be 0 or at least size"),
            (len(self.crop) == 4 and self.crop[0] < self.crop[2] and self.crop[1] < self.crop[3], "crop: left, top, right, bottom"),
            (0 <= self.holdout < 1, "holdout must lie in [0, 1)"),
            (0 <= self.augment <= 1, "augment must lie in [0, 1]"),
            (not self.colour_constancy or self.data != "phantom", "colour_constancy: the phantom's hues mean nothing"),
        ]  # fmt: skip


@dataclass(frozen=True)
class TrainConfig(DataConfig):
    """Every setting of a run. Images are counted, not epochs; times are the cosine schedule's t in 0..1."""

    # --- network ---
    patch: int = 2
    channels: tuple[int, ...] = (32, 64, 128, 256)  # per level; each level halves the grid
    blocks: tuple[int, ...] = (1, 1, 1, 2)  # residual blocks per level on the way down
    up_blocks: tuple[int, ...] = (1, 1, 1)  # and on the way up, which the lowest level has not
    attention: tuple[int, ...] = (3,)
    embedding: int = 256
    dropout: float = 0.0
    ordinal_embedding: bool = False
    grade_line: bool = False  # the grades enter the network on a line, at their clinical values
    grade_line_stretch: float = 1.0  # this many times as far apart as the least-squares line has them
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
    ordinal_anchor: float = 0.0  # weight of holding on to what a branch begins as: the trunk's average
    # outer grades stay as far apart as the trunk has them, or every grade near the best line through its estimates there
    ordinal_anchor_to: Anchor = "distance"
    ordinal_anchor_play: float = 1.0  # they may be this many times as far apart, or as near, before the distance pulls
    ordinal_share: float = 0.25  # share of the batch whose noisy pictures carry the ordinal loss
    ordinal_pool: int = 0  # these come again every so many steps, so that a line to keep to is computed once; 0: never
    # --- optimisation ---
    images: int = 250_000  # images to see in all, a branch's trunk included
    trains: Literal["all", "conditioning"] = "all"  # or only the layers through which time and grade enter the network
    learning_rate: float = 3e-4
    warmup_images: int = 4_000
    decay_images: int = 0  # the rate falls linearly to nothing over the last so many of `images`; 0: it stays
    betas: tuple[float, ...] = (0.9, 0.99)
    weight_decay: float = 0.0
    gradient_clip: float = 1.0
    ema_halflife_images: int = 10_000
    ema_rampup: float = 0.05  # the half-life is at most this share of the images seen so far
    precision: Literal["bf16", "fp32"] = "bf16"
    init_from: str = ""  # a trunk's checkpoint that this run, a branch, goes on from (weights, EMA, optimiser, batches)
    init_continues: bool = False  # init_from is an earlier part of this same branch, not its trunk
    init_average: bool = False  # begin instead from the trunk's averaged weights, with a fresh optimiser
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
            line=self.grades if self.grade_line else (),
            line_stretch=self.grade_line_stretch,
            augmentation=AUGMENTATION_COLUMNS if self.augment > 0 else 0,
        )

    def checks(self) -> list[tuple[bool, str]]:
        levels = len(self.channels)
        return [
            *super().checks(),
            (not (self.grade_line and self.ordinal_embedding), "grade_line and ordinal_embedding exclude each other"),
            (self.grade_line_stretch == 1 or self.grade_line, "grade_line_stretch needs grade_line"),
            (self.grade_line_stretch > 0, "grade_line_stretch must be positive"),
            (self.ordinal_lambda == 0 or len(self.grades) >= 3, "the ordinal loss needs at least three grades"),
            (self.ordinal_anchor == 0 or self.ordinal_lambda > 0, "ordinal_anchor needs ordinal_lambda"),
            (self.ordinal_pool >= 0, "ordinal_pool must not be negative"),
            (self.ordinal_anchor_play >= 1, "ordinal_anchor_play must be at least 1"),
            (self.ordinal_anchor == 0 or self.init_from != "", "ordinal_anchor needs init_from, a trunk to hold on to"),
            (not self.init_continues or self.init_from != "", "init_continues needs init_from"),
            (len(self.blocks) == levels, "blocks needs one number per level of channels"),
            (len(self.up_blocks) == levels - 1, "up_blocks needs one number per level of channels but the last"),
            (0 <= self.decay_images <= self.images, "decay_images must lie in [0, images]"),
            (self.uniform_share + self.low_noise_share <= 1, "uniform_share + low_noise_share must not exceed 1"),
            (len(self.low_noise_range) == 2 and 0 < self.low_noise_range[0] < self.low_noise_range[1] < 1, "low_noise_range must lie inside (0, 1)"),
            (all(c % 4 == 0 for c in self.channels), "channels must be multiples of 4"),
            (self.size % (self.patch * 2 ** (levels - 1)) == 0, "size must be divisible by patch * 2^(levels - 1)"),
            (len(self.t_range) == 2 and 0 < self.t_range[0] < self.t_range[1] < 1, "t_range must lie inside (0, 1)"),
            (self.batch >= 1 and self.images >= self.batch, "images must be at least one batch"),
        ]  # fmt: skip


@dataclass(frozen=True)
class GanConfig(DataConfig):
    """Every setting of a StyleGAN2 run (Karras et al. 2020; small data after Zhao et al. 2020). Images are counted."""

    batch: int = 64
    # --- networks: one number of channels per grid, 4x4, 8x8, ... size ---
    channels: tuple[int, ...] = (256, 256, 256, 128, 64, 32)  # of the generator
    critic_channels: tuple[int, ...] = (256, 256, 256, 128, 64, 32)  # of the discriminator
    latent: int = 128  # width of z
    style: int = 256  # width of w
    mapping_layers: int = 4
    styled_start: bool = False  # whether the generator's first grid depends on w
    # "stylegan2": the paper's own; "projected": on the grids of an ImageNet network (projected.py)
    critic: Literal["stylegan2", "projected"] = "stylegan2"
    critic_side: int = 0  # what a projected one resizes pictures to; 0: not at all
    # --- losses ---
    diff_augment: float = (
        1.0  # share of the pictures that each step of DiffAugment (colour, translation, cutout) strikes
    )
    r1_gamma: float = 0.5  # gradient penalty on real pictures (a projected critic's: at its grids, of another scale)
    r1_every: int = 16  # steps between two penalties, each counting this much more
    path_weight: float = 0.0  # path-length regularisation; 0 leaves it out
    path_every: int = 4
    range_weight: float = 0.0  # weight of the mean squared distance of the generator's pictures from -1..1
    mode_seeking: float = 0.0  # weight of the loss that asks for layouts that differ with z; 0 leaves it out
    mode_seeking_halflife: int = 0  # images after which that weight is half of what it was; 0: it stays
    # --- the class: none before the first number of images, all of it after the second (Shahbazi et al. 2022) ---
    class_from: int = 0
    class_until: int = 0
    # --- optimisation ---
    images: int = 1_000_000  # real images to see
    learning_rate: float = 2.5e-3
    critic_learning_rate: float = 0.0  # of the discriminator; 0: the same
    beta2: float = 0.99
    ema_halflife_images: int = 20_000
    ema_rampup: float = 0.05  # the half-life is at most this share of the images seen so far
    precision: Literal["bf16", "fp32"] = "bf16"  # of grids of 16x16 and larger; penalties are always fp32
    # --- bookkeeping ---
    log_images: int = 12_800
    checkpoint_minutes: float = 2.0
    samples_minutes: float = 1.0

    def class_given(self, images: int) -> float:
        """How much of the class the networks are given after ``images``, 0..1."""
        if images >= self.class_until:
            return 1.0
        if images <= self.class_from:
            return 0.0
        return (images - self.class_from) / (self.class_until - self.class_from)

    def mode_seeking_after(self, images: int) -> float:
        """Weight of the mode seeking loss after ``images``."""
        halved = images / self.mode_seeking_halflife if self.mode_seeking_halflife else 0.0
        return float(self.mode_seeking * 0.5**halved)

    def shape(self) -> GanShape:
        return GanShape(
            classes=len(self.grades),
            size=self.size,
            channels=self.channels,
            critic_channels=self.critic_channels,
            latent=self.latent,
            style=self.style,
            mapping_layers=self.mapping_layers,
            styled_start=self.styled_start,
        )

    def checks(self) -> list[tuple[bool, str]]:
        levels, widths = len(self.channels), (*self.channels, *self.critic_channels, self.latent, self.style)
        return [
            *super().checks(),
            (levels >= 2 and self.size == 4 << (levels - 1), "size must be 4 * 2^(levels - 1), one level per number of channels"),
            (len(self.critic_channels) == levels, "critic_channels needs as many numbers as channels"),
            (all(c > 0 and c % 4 == 0 for c in widths), "channels, latent and style must be multiples of 4"),
            (self.mapping_layers >= 1, "mapping_layers must be at least 1"),
            (self.augment == 0, "augment must be 0: a GAN is not told how a picture was changed; use diff_augment"),
            (0 <= self.diff_augment <= 1, "diff_augment must lie in [0, 1]"),
            (0 <= self.class_from <= self.class_until, "class_from must be at least 0 and at most class_until"),
            (self.critic == "projected" or self.critic_side == 0, "critic_side is for a projected critic"),
            (self.critic_side % 32 == 0, "critic_side must be a multiple of 32, the strides of the network"),
            (self.critic == "stylegan2" or (self.critic_side or self.size) >= 64, "a projected critic needs 64 pixels at least; set critic_side"),
            (self.range_weight >= 0, "range_weight must be at least 0"),
            (self.mode_seeking >= 0, "mode_seeking must be at least 0"),
            (self.mode_seeking_halflife >= 0, "mode_seeking_halflife must be at least 0"),
            (self.r1_every >= 1 and self.path_every >= 1, "r1_every and path_every must be at least 1"),
            (self.batch >= 4 and self.batch % 4 == 0, "batch must be a multiple of 4, the groups of minibatch deviation"),
            (self.images >= self.batch, "images must be at least one batch"),
        ]  # fmt: skip


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


def parse_settings(kind: type[Config], raw: dict[str, Any]) -> Config:
    """Checks names, types and ranges of ``raw``; raises ``ConfigError`` naming the key."""
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(raw) - set(hints))
    if unknown:
        raise ConfigError(f"unknown key{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)}")
    required = {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
    missing = sorted(required - set(raw))
    if missing:
        raise ConfigError(f"missing key{'s' if len(missing) > 1 else ''}: {', '.join(missing)}")
    config = kind(**{k: _coerce(k, v, hints[k]) for k, v in raw.items()})
    for ok, message in config.checks():
        if not ok:
            raise ConfigError(message)
    return config


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """A TOML text as a dictionary; raises ``ConfigError`` that begins with ``where``."""
    try:
        return _toml.loads(text)
    except _toml.TOMLDecodeError as e:
        raise ConfigError(f"{where}: {e}") from e


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dictionary; raises ``ConfigError`` naming the file."""
    try:
        return parse_toml(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: there is no such file") from e


def load_settings(kind: type[Config], path: Path, **overrides: Any) -> Config:
    """Reads a TOML file; ``overrides`` replace its keys. Raises ``ConfigError``."""
    raw = read_toml(path)
    try:
        return parse_settings(kind, {**raw, **overrides})
    except ConfigError as e:
        raise ConfigError(f"{path}: {e}") from e


def parse_config(raw: dict[str, Any]) -> TrainConfig:
    """``parse_settings`` of a diffusion run."""
    return parse_settings(TrainConfig, raw)


def load_config(path: Path, **overrides: Any) -> TrainConfig:
    """``load_settings`` of a diffusion run."""
    return load_settings(TrainConfig, path, **overrides)


def plain(config: dict[str, Any]) -> dict[str, Any]:
    """Tuples as lists, so that a stored configuration compares equal to a fresh one."""
    return json.loads(json.dumps(config))  # type: ignore[no-any-return]


def changed_keys(stored: dict[str, Any], config: DataConfig) -> list[str]:
    """Keys whose value in a checkpoint's configuration is not that of ``config``."""
    now = plain(config.to_dict())
    # a setting that is newer than the checkpoint had, in effect, its default
    fields = dataclasses.fields(config)
    stored = {**plain({f.name: f.default for f in fields if f.default is not dataclasses.MISSING}), **stored}
    return sorted(k for k in set(stored) | set(now) if stored.get(k) != now.get(k))
