"""Where in a photograph the tissue is: the illuminated disc of a fundus picture, and a square of bare mucosa in an endoscope's.

Both work on a small copy of the picture and return a square box in its own pixels, or None when there is nothing of the kind.
They are rules, not models: what they did to a set is to be looked at (``python -m odm contact-sheet``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]  # left, top, right, bottom


def _small(pixels: Pixels, side: int) -> tuple[Pixels, int]:
    """Every k-th pixel, so that the longer side has at most ``2 * side``; and k."""
    step = max(1, max(pixels.shape[:2]) // side)
    return pixels[step // 2 :: step, step // 2 :: step], step


def _largest(mask: Mask) -> Mask:
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = ndimage.sum_labels(mask, labels, np.arange(1, count + 1))
    out: Mask = labels == 1 + int(np.argmax(sizes))
    return out


def _fit_circle(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    """Least-squares circle (Kasa 1976): centre and radius of x² + y² = 2 a x + 2 b y + c."""
    design = np.stack([2 * x, 2 * y, np.ones_like(x)], axis=1)
    a, b, c = np.linalg.lstsq(design, x**2 + y**2, rcond=None)[0]
    return float(a), float(b), float(np.sqrt(max(0.0, c + a**2 + b**2)))


def find_disc(pixels: Pixels) -> Box | None:
    """The square around the illuminated circle of a fundus photograph [H, W, 3]; it may reach beyond the picture.

    Many cameras cut the circle at the top and the bottom: only the edge inside the picture is fitted, so the square is that of the
    whole circle. None when less than a twentieth of the picture is lit.
    """
    small, step = _small(pixels, 256)
    height, width = small.shape[:2]
    # the brightest channel: the red of a dim retina is well above a black frame whose blue and green are as dark
    light = ndimage.uniform_filter(small.max(axis=2).astype(np.float64), 3)
    dark, bright = np.percentile(light, 2), np.percentile(light, 90)
    # a photograph without a frame has no dark side; a JPEG's black is not quite black
    lit = _largest(light > max(12.0, dark + 0.12 * (bright - dark)) if dark < 40 else np.ones_like(light, dtype=bool))
    lit = ndimage.binary_fill_holes(lit)
    if lit.sum() < 0.05 * lit.size:
        return None
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    top, bottom, left, right = float(rows[0]), float(rows[-1] + 1), float(columns[0]), float(columns[-1] + 1)
    cx, cy, radius = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top) / 2

    edge = lit & ~ndimage.binary_erosion(lit, border_value=1)
    edge[[0, -1], :] = False
    edge[:, [0, -1]] = False
    # a straight cut that is not the picture's own border (a letterbox) lies along one row or column
    for axis, size in ((1, width), (0, height)):
        straight = edge.sum(axis=axis) > 0.25 * size
        if axis == 1:
            edge[straight, :] = False
        else:
            edge[:, straight] = False
    y, x = (v.astype(np.float64) + 0.5 for v in np.nonzero(edge))
    for tolerance in (
        0.2,
        0.06,
        0.03,
    ):  # notches, labels and eyelids are not on the circle: let go of what is far from it
        if len(x) < 20:
            break
        a, b, r = _fit_circle(x, y)
        near = np.abs(np.hypot(x - a, y - b) - r) < tolerance * r
        if near.sum() < 20 or near.sum() == len(x) or tolerance == 0.03:
            if near.mean() > 0.6 and 0.8 * radius < r < 1.6 * radius and np.hypot(a - cx, b - cy) < 0.5 * radius:
                cx, cy, radius = a, b, r
            break
        x, y = x[near], y[near]
    return (cx - radius) * step, (cy - radius) * step, (cx + radius) * step, (cy + radius) * step


def _text(small: Pixels) -> Mask:
    """Burnt-in writing and small white symbols in the left third: thin white strokes in rows."""
    height, width = small.shape[:2]
    white = small.min(axis=2).astype(
        np.float64
    )  # white strokes raise all three channels, highlights too, but those are broader
    thin = white - ndimage.grey_opening(white, size=(5, 5)) > 45
    thin[:, int(0.36 * width) :] = False
    # letters of a line join; a lone highlight stays short
    joined = ndimage.binary_closing(np.pad(thin, 8), np.ones((1, 9)))[8:-8, 8:-8]
    labels, _ = ndimage.label(joined, np.ones((3, 3)))
    out = np.zeros(thin.shape, dtype=bool)
    for place in ndimage.find_objects(labels):
        tall, wide = place[0].stop - place[0].start, place[1].stop - place[1].start
        if wide >= 0.035 * width and 2 <= tall <= 0.06 * height and wide >= 1.5 * tall:
            out[place] = True
    return out


def _signs(small: Pixels) -> Mask:
    """Coloured boxes: areas of a green, blue-green or blue that no tissue has."""
    r, g, b = (small[..., k].astype(np.int16) for k in range(3))
    strange = (g > r + 35) & (g > 60) & (g + 10 > b) | (b > np.maximum(r, g) + 60)
    out = np.zeros(strange.shape, dtype=bool)
    labels, _ = ndimage.label(ndimage.binary_closing(np.pad(strange, 4), np.ones((5, 5)))[4:-4, 4:-4])
    for place in ndimage.find_objects(labels):
        if strange[place].sum() >= 0.001 * strange.size:
            out[place] = True
    return ndimage.binary_dilation(out, np.ones((5, 5)))


def mucosa_mask(pixels: Pixels) -> tuple[Mask, int]:
    """[H/k, W/k] where bare tissue is, and k: not the frame, not writing, not a coloured box."""
    small, step = _small(pixels, 192)
    height, width = small.shape[:2]
    light = small.max(axis=2)
    dark = ndimage.uniform_filter(light.astype(np.float64), 3) < 28
    # a symbol in a black box of its own, at the frame: strokes between dark and dark are no tissue
    dark |= ndimage.binary_closing(np.pad(light < 40, 8), np.ones((9, 9)))[8:-8, 8:-8]
    # the dark of the frame touches the picture's border; that of the bowel's lumen does not
    labels, _ = ndimage.label(dark)
    touching = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    tissue = ~np.isin(labels, touching[touching > 0])
    # writing on the frame is bright, but thin: it does not survive an opening
    reach = max(2, round(0.03 * min(height, width)))
    square = np.ones((2 * reach + 1, 2 * reach + 1))
    tissue = ndimage.binary_opening(np.pad(tissue, reach, mode="edge"), square)[reach:-reach, reach:-reach]
    return _largest(tissue & ~_text(small) & ~_signs(small)), step


def find_mucosa(pixels: Pixels) -> Box | None:
    """The largest square of an endoscope's picture [H, W, 3] that holds tissue only: no frame, writing or position box.

    None when no such square has a quarter of the picture's shorter side.
    """
    mask, step = mucosa_mask(pixels)
    height, width = mask.shape
    total = np.pad(np.cumsum(np.cumsum((~mask).astype(np.int64), axis=0), axis=1), ((1, 0), (1, 0)))

    def blemishes(side: int) -> NDArray[np.int64]:
        return total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]

    low, high = 0, min(height, width)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if (blemishes(middle) == 0).any() else (low, middle - 1)
    if low < 0.25 * min(height, width):
        return None
    # of several as large, the one nearest to the middle of the tissue
    tops, lefts = np.nonzero(blemishes(low) == 0)
    cy, cx = ndimage.center_of_mass(mask)
    best = int(np.argmin(np.hypot(tops + low / 2 - cy, lefts + low / 2 - cx)))
    top, left = float(tops[best] * step), float(lefts[best] * step)
    side = float(min(low * step, pixels.shape[0] - top, pixels.shape[1] - left))
    return left, top, left + side, top + side
