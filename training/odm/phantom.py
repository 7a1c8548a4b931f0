"""The phantom: a procedural 32x32 set (grades 0..4) whose severity is exact by construction and measurable from any picture.

A colourful disc on a dark ground, after a fundus photograph: an optic disc with vessels in a random direction, and pale
lesions. Everything but the lesions' total area is a nuisance, drawn independently of the grade (position, size, hue,
brightness, rotation, where the lesions lie and how many there are). Red and green carry the scenery; **blue is one
constant everywhere but in the lesions**, so that the lesions' area can be measured from the blue channel alone, whatever
the rest of a picture looks like. The area is solved for, per picture, by the very function that measures it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .data import ImageSet
from .errors import ConfigError

SIZE = 32
MAX_SEVERITY = 8.0  # beyond it the lesions no longer fit
AREA_PER_GRADE = 16.0  # lesion pixels per unit of severity
_BLUE_GROUND = 0.15
_BLUE_LESION = 0.95
_EDGE = 0.12  # coverage below this, and above its complement, does not count: a denoiser's small errors stay out

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]

_Y, _X = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)


def _area(coverage: Floats) -> float:
    return float(np.clip((coverage - _EDGE) / (1 - 2 * _EDGE), 0, 1).sum())


def measure_severity(image: NDArray[np.generic]) -> float:
    """Severity of one picture, in grades (0 = no lesion, 4 = the highest grade; generated pictures may exceed it).

    ``image``: [32, 32, 3] uint8, or [3, 32, 32] float in [-1, 1]. Needs no knowledge of how it was made.
    """
    is_bytes = image.dtype == np.uint8
    blue = image[..., 2].astype(np.float64) / 255 if is_bytes else (image[2].astype(np.float64) + 1) / 2
    if blue.shape != (SIZE, SIZE):
        raise ValueError(f"a phantom is {SIZE}x{SIZE}, not {blue.shape}")
    return _area((blue - _BLUE_GROUND) / (_BLUE_LESION - _BLUE_GROUND)) / AREA_PER_GRADE


def _disc(cx: float, cy: float, radius: float) -> Floats:
    """Coverage of a disc, with an edge one pixel wide."""
    out: Floats = np.clip(radius - np.hypot(_X - cx, _Y - cy) + 0.5, 0, 1)
    return out


def _lesions(rng: np.random.Generator, cx: float, cy: float, radius: float, severity: float) -> Floats:
    count = int(rng.integers(3, 6))
    angle = rng.uniform(0, 2 * np.pi) + (np.arange(count) + rng.uniform(-0.3, 0.3, count)) * 2 * np.pi / count
    reach = radius * rng.uniform(0.3, 0.75, count)
    relative = rng.uniform(0.7, 1.3, count)  # sizes differ
    if severity <= 0:
        return np.zeros((SIZE, SIZE))
    centres = np.stack([cx + reach * np.cos(angle), cy + reach * np.sin(angle)], axis=1)
    distance = np.hypot(_X[None] - centres[:, 0, None, None], _Y[None] - centres[:, 1, None, None])

    def cover(scale: float) -> Floats:
        out: Floats = np.clip(scale * relative[:, None, None] - distance + 0.5, 0, 1).max(axis=0)
        return out

    low, high = 0.0, float(SIZE)
    for _ in range(40):
        mid = (low + high) / 2
        if _area(cover(mid)) < severity * AREA_PER_GRADE:
            low = mid
        else:
            high = mid
    return cover(high)


def draw(severity: float, seed: int) -> Image:
    """One phantom [32, 32, 3] of a (fractional) severity >= 0; the nuisances depend on ``seed`` alone."""
    if not 0 <= severity <= MAX_SEVERITY:
        raise ValueError(f"severity {severity} is outside 0..{MAX_SEVERITY:g}")
    rng = np.random.default_rng(seed)
    cx, cy = 15.5 + rng.uniform(-1.2, 1.2, 2)
    radius = rng.uniform(13.0, 14.5)
    hue = rng.uniform(0.25, 0.6)  # green over red: from brick to amber
    brightness = rng.uniform(0.6, 0.95)
    turn = rng.uniform(0, 2 * np.pi)

    disc = _disc(cx, cy, radius)
    shade = 1 - 0.25 * (np.hypot(_X - cx, _Y - cy) / radius) ** 2
    red = 0.04 + disc * (brightness * shade - 0.04)
    green = 0.04 + disc * (brightness * hue * shade - 0.04)

    # the optic disc, and two vessels that leave it and bend around the middle
    ox, oy = cx + 0.55 * radius * np.cos(turn), cy + 0.55 * radius * np.sin(turn)
    along = (_X - ox) * -np.cos(turn) + (_Y - oy) * -np.sin(turn)
    across = (_X - ox) * -np.sin(turn) + (_Y - oy) * np.cos(turn)
    bend = 5.5 * np.sqrt(np.clip(along, 0, None) / (1.3 * radius))
    vessel = np.clip(1.2 - np.abs(np.abs(across) - bend), 0, 1) * (along > 0) * disc
    red = red * (1 - 0.35 * vessel)
    green = green * (1 - 0.5 * vessel)
    optic = _disc(ox, oy, 2.6)
    red = red + optic * (0.98 - red)
    green = green + optic * (0.85 - green)

    lesion = _lesions(rng, cx, cy, radius, severity)
    red = red + lesion * (0.95 - red)
    green = green + lesion * (0.95 - green)
    blue = _BLUE_GROUND + lesion * (_BLUE_LESION - _BLUE_GROUND)
    pixels = np.stack([red, green, blue], axis=-1)
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def phantom_image_set(count: int, size: int, grades: tuple[float, ...], seed: int) -> ImageSet:
    """``count`` pictures in all, as many of each grade, in grade order; a grade's value is its severity.

    Reproducible from ``seed``. Raises ``ConfigError`` for a size or a grade that the phantom does not have.
    """
    if size != SIZE:
        raise ConfigError(f"size: the phantom is {SIZE} pixels a side, not {size}")
    if not all(0 <= g <= MAX_SEVERITY for g in grades):
        raise ConfigError(f"grades: the phantom's severities lie in 0..{MAX_SEVERITY:g}")
    labels = np.repeat(np.arange(len(grades), dtype=np.int64), max(1, count // len(grades)))
    seeds = [int(v) for v in np.random.SeedSequence(seed).generate_state(len(labels), np.uint64)]
    images = np.stack([draw(grades[k], s) for k, s in zip(labels, seeds, strict=True)])
    return ImageSet(images, labels, tuple(f"phantom-{s:016x}" for s in seeds), grades)
