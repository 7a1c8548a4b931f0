"""Samplers as tables of coefficients, conditioning as weighted rows, and the one loop that applies them.

The same mathematics as the browser's, kept separate from PyTorch so that it runs any callable: a torch module, an
onnxruntime session, a formula in a test. Every solver here is linear in what it has, so a row is
``x' = a x + b x0 + c x0_prev + d z`` (z: the normals of that step), with float64 coefficients on float32 pictures.

Sources: DDPM, Ho et al. 2020 (eq. 7, the "fixed small" variance); DDIM, Song et al. 2021 (eq. 12, 16); DPM-Solver++(2M),
Lu et al. 2022 (algorithm 2), data prediction; ``dpmpp-2m-karras`` is the same at times spread as in Karras et al. 2022
(EDM, eq. 5, rho = 7).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from .noise import Purpose, normals

SamplerName = Literal["ddpm", "ddim", "dpmpp-2m", "dpmpp-2m-karras"]
SAMPLERS: tuple[SamplerName, ...] = ("ddpm", "ddim", "dpmpp-2m", "dpmpp-2m-karras")
Spacing = Literal["uniform", "karras"]
RHO = 7
EVERY_TIME = (-math.inf, math.inf)
MOST_NOISE = 1000.0  # a level with hardly any signal counts as this noisy, so that pure noise has a ratio at all
Array = NDArray[np.float32]


class Predict(Protocol):
    """``x [B, 3, H, W], t [B], y [B, C+1] -> x0 [B, 3, H, W]``, everything float32."""

    def __call__(self, x: Array, t: Array, y: Array) -> Array: ...


class Schedule(Protocol):
    """``alpha_sigma`` of a time; ``grid`` gives the times of N steps, from the noisy end.

    Times are spread evenly, or as Karras et al. 2022 (EDM), eq. 5 with rho = 7 spread sigma / alpha.
    """

    def alpha_sigma(self, t: float) -> tuple[float, float]: ...

    def grid(self, steps: int, t_range: tuple[float, float], spacing: Spacing = "uniform") -> list[float]: ...


def _linspace(steps: int, t_range: tuple[float, float]) -> list[float]:
    low, high = t_range
    if steps < 1:
        raise ValueError("steps must be at least 1")
    if steps == 1:
        return [high]
    # rounding could push the last time just below `low`, and below zero sigma has the wrong sign
    return [max(low, high + (low - high) * i / (steps - 1)) for i in range(steps)]


def _noise_to_signal(level: tuple[float, float]) -> float:
    alpha, sigma = level
    return min(MOST_NOISE, sigma / alpha) if alpha > 0 else MOST_NOISE


def _karras(steps: int, noisy: tuple[float, float], clean: tuple[float, float]) -> list[float]:
    """sigma / alpha of N levels between two of them, the noisy one first."""
    high, low = (_noise_to_signal(v) ** (1 / RHO) for v in (noisy, clean))
    return [root**RHO for root in _linspace(steps, (low, high))]


class CosineSchedule:
    """alpha = cos(pi t / 2), sigma = sin(pi t / 2), t in [0, 1]."""

    def alpha_sigma(self, t: float) -> tuple[float, float]:
        return math.cos(math.pi * t / 2), math.sin(math.pi * t / 2)

    def grid(self, steps: int, t_range: tuple[float, float], spacing: Spacing = "uniform") -> list[float]:
        if spacing == "uniform":
            return _linspace(steps, t_range)
        low, high = t_range
        ratios = _karras(steps, self.alpha_sigma(high), self.alpha_sigma(low))
        times = [2 / math.pi * math.atan(v) for v in ratios]
        return [high, *times[1:-1], low][:steps]  # the ends as they were given, free of rounding


class TableSchedule:
    """A discrete table: alpha_k = sqrt(alphas_cumprod[k]); times are its indices."""

    def __init__(self, alphas_cumprod: Sequence[float]) -> None:
        self.alphas_cumprod = list(alphas_cumprod)

    def alpha_sigma(self, t: float) -> tuple[float, float]:
        a = self.alphas_cumprod[round(t)]
        return math.sqrt(a), math.sqrt(1 - a)

    def grid(self, steps: int, t_range: tuple[float, float], spacing: Spacing = "uniform") -> list[float]:
        if spacing == "uniform":
            # halves away from zero, as JavaScript's Math.round does for these non-negative numbers
            return [float(math.floor(t + 0.5)) for t in _linspace(steps, t_range)]
        low, high = t_range
        times, t = [], high
        for wanted in _karras(steps, self.alpha_sigma(high), self.alpha_sigma(low)):
            # the ratio rises with t, and the wanted ones fall: the nearest time is never above the one before
            while t > low and self._off(t - 1, wanted) <= self._off(t, wanted):
                t -= 1
            times.append(float(t))
        return times

    def _off(self, t: float, wanted: float) -> float:
        return abs(_noise_to_signal(self.alpha_sigma(t)) - wanted)


def schedule_from(spec: Mapping[str, Any]) -> Schedule:
    """The schedule of a manifest's ``diffusion.schedule``."""
    if spec["kind"] == "cosine":
        return CosineSchedule()
    return TableSchedule(spec["alphasCumprod"])


@dataclass(frozen=True)
class Row:
    """One step: evaluate at ``t``, then ``x' = a x + b x0 + c x0_prev + d z``."""

    t: float
    alpha: float
    sigma: float
    a: float
    b: float
    c: float
    d: float


def sampler_table(
    schedule: Schedule, name: SamplerName, steps: int, t_range: tuple[float, float], eta: float = 0.0
) -> list[Row]:
    """The ``steps`` rows of a sampler; the last one returns x0 itself (the next level has no noise)."""
    if name not in SAMPLERS:
        raise ValueError(f"unknown sampler {name!r}; there are {', '.join(SAMPLERS)}")
    times = schedule.grid(steps, t_range, "karras" if name == "dpmpp-2m-karras" else "uniform")
    levels = [schedule.alpha_sigma(t) for t in times]
    rows: list[Row] = []
    for i, (t, (alpha, sigma)) in enumerate(zip(times, levels, strict=True)):
        if i + 1 == steps:
            rows.append(Row(t, alpha, sigma, 0.0, 1.0, 0.0, 0.0))
            break
        nxt = levels[i + 1]
        if name in ("dpmpp-2m", "dpmpp-2m-karras"):
            a, b, c = _dpmpp_2m(levels[i - 1] if i > 0 else None, (alpha, sigma), nxt)
            rows.append(Row(t, alpha, sigma, a, b, c, 0.0))
        else:
            a, b, d = _ddim((alpha, sigma), nxt, 1.0 if name == "ddpm" else eta)
            rows.append(Row(t, alpha, sigma, a, b, 0.0, d))
    return rows


def _ddim(now: tuple[float, float], nxt: tuple[float, float], eta: float) -> tuple[float, float, float]:
    (alpha, sigma), (alpha1, sigma1) = now, nxt
    d = eta * (sigma1 / sigma) * math.sqrt(max(0.0, 1 - (alpha / alpha1) ** 2))
    a = math.sqrt(max(0.0, sigma1**2 - d**2)) / sigma
    return a, alpha1 - a * alpha, d


def _dpmpp_2m(
    before: tuple[float, float] | None, now: tuple[float, float], nxt: tuple[float, float]
) -> tuple[float, float, float]:
    log_snr = [math.log(alpha / sigma) for alpha, sigma in (now, nxt)]
    h = log_snr[1] - log_snr[0]
    a = nxt[1] / now[1]
    whole = -nxt[0] * math.expm1(-h)
    if before is None or h == 0.0:
        return a, whole, 0.0
    h_before = log_snr[0] - math.log(before[0] / before[1])
    if h_before == 0.0:
        return a, whole, 0.0
    half_ratio = 0.5 * h / h_before
    return a, whole * (1 + half_ratio), -whole * half_ratio


@dataclass(frozen=True)
class Plan:
    """Conditioning: rows of class weights [K, C+1] and the coefficient of each; coefficients sum to 1.

    A guided plan whose guidance acts in a part of the times only is another plan outside of it: ``at`` gives the one of a
    time (Kynkäänniemi et al. 2024, "Applying Guidance in a Limited Interval", arXiv 2404.07724).
    """

    rows: Array
    coefficients: tuple[float, ...]
    extrapolated: bool
    within: tuple[float, float] = EVERY_TIME  # the times of these rows
    outside: Plan | None = None  # at all others; None: the same

    def at(self, t: float) -> Plan:
        """The plan of a time ``t`` in the schedule's units."""
        low, high = self.within
        return self if self.outside is None or low <= t <= high else self.outside


def class_weights(severity: float, values: Sequence[float]) -> Array:
    """Weights [C+1] of a severity within the range of the grades' ``values``: a linear mix of its two neighbours."""
    row = np.zeros(len(values) + 1, dtype=np.float32)
    for k in range(len(values) - 1):
        low, high = values[k], values[k + 1]
        if low <= severity <= high:
            f = (severity - low) / (high - low)
            row[k], row[k + 1] = 1 - f, f
            return row
    raise ValueError(f"severity {severity} is outside {values[0]}..{values[-1]}")


def conditioning_plan(
    severity: float,
    values: Sequence[float],
    guidance: float = 1.0,
    guidance_range: tuple[float, float] = EVERY_TIME,
) -> Plan:
    """How to evaluate a severity: one row inside the range, two beyond its ends, the null row for guidance.

    Beyond an end the estimate goes on along the last segment, ``(1 + a) f_end - a f_neighbour`` with ``a`` in units of
    that segment. Guidance g != 1 gives everything the factor g and the null row 1 - g, at times within ``guidance_range``
    (inclusive); at others the plan is the one without guidance.
    """
    n = len(values)
    parts: list[tuple[Array, float]]
    extrapolated = not values[0] <= severity <= values[-1]
    if extrapolated:
        end, inner = (n - 1, n - 2) if severity > values[-1] else (0, 1)
        a = abs(severity - values[end]) / abs(values[end] - values[inner])
        eye = np.eye(n, n + 1, dtype=np.float32)
        parts = [(eye[end], 1 + a), (eye[inner], -a)]
    else:
        parts = [(class_weights(severity, values), 1.0)]
    if guidance != 1.0:
        null = np.zeros(n + 1, dtype=np.float32)
        null[n] = 1
        parts = [(row, coefficient * guidance) for row, coefficient in parts] + [(null, 1 - guidance)]
    parts = [(row, coefficient) for row, coefficient in parts if coefficient != 0]
    limited = guidance != 1.0 and guidance_range != EVERY_TIME
    return Plan(
        np.stack([row for row, _ in parts]),
        tuple(c for _, c in parts),
        extrapolated,
        guidance_range,
        conditioning_plan(severity, values) if limited else None,
    )


def mixed_row(severity: float, values: Sequence[float]) -> Array:
    """Class weights [C] of a severity as one row, for a generator: beyond an end the last segment is continued."""
    plan = conditioning_plan(severity, values)
    row = np.asarray(plan.coefficients, dtype=np.float64) @ plan.rows.astype(np.float64)
    return row[:-1].astype(np.float32)


def combine(outputs: Array, coefficients: Sequence[float]) -> Array:
    """``sum_k coefficients[k] outputs[k]`` over the first axis, accumulated in float64."""
    total = np.zeros(outputs.shape[1:], dtype=np.float64)
    for out, coefficient in zip(outputs, coefficients, strict=True):
        total += coefficient * out.astype(np.float64)
    return total.astype(np.float32)


def sample_many(
    predict: Predict,
    plans: Sequence[Plan],
    table: Sequence[Row],
    seeds: Sequence[int],
    shape: tuple[int, int, int],
    on_step: Callable[[int, Array, Array], None] | None = None,
    chunk: int = 32,
) -> Array:
    """Draw N pictures [N, 3, H, W] in the model's range, one plan and one seed each.

    A picture does not depend on its neighbours in the batch: its noise is its seed's alone. At most ``chunk`` rows go
    through ``predict`` at once. ``on_step(index, x, x0)`` sees [N, 3, H, W] before each update and the combined
    estimates there.
    """
    x = np.stack([normals(s, Purpose.INIT, 0, shape) for s in seeds])
    before = np.zeros_like(x)
    for i, row in enumerate(table):
        now = [plan.at(row.t) for plan in plans]
        rows = np.concatenate([p.rows for p in now])
        owner = np.repeat(np.arange(len(now)), [len(p.rows) for p in now])
        t = np.full(len(rows), row.t, dtype=np.float32)
        parts = [slice(k, k + chunk) for k in range(0, len(rows), chunk)]
        out = np.concatenate([predict(x[owner[p]], t[p], rows[p]) for p in parts])
        x0 = np.stack([combine(out[owner == n], plan.coefficients) for n, plan in enumerate(now)])
        if on_step is not None:
            on_step(i, x, x0)
        after = row.a * x.astype(np.float64) + row.b * x0.astype(np.float64)
        if row.c != 0.0:
            after += row.c * before.astype(np.float64)
        if row.d != 0.0:
            after += row.d * np.stack([normals(s, Purpose.STEP, i, shape) for s in seeds]).astype(np.float64)
        x, before = after.astype(np.float32), x0
    return x


def sample(
    predict: Predict,
    plan: Plan,
    table: Sequence[Row],
    seed: int,
    shape: tuple[int, int, int],
    on_step: Callable[[int, Array, Array], None] | None = None,
) -> Array:
    """``sample_many`` for one picture: [3, H, W]; ``on_step`` sees [1, 3, H, W]."""
    return sample_many(predict, [plan], table, [seed], shape, on_step)[0]


def from_torch(model: Any, device: Any = "cpu") -> Predict:
    """A torch module ``(x, t, y) -> x0`` as a callable on arrays."""
    import torch

    def predict(x: Array, t: Array, y: Array) -> Array:
        with torch.no_grad():
            out = model(*(torch.from_numpy(v).to(device) for v in (x, t, y)))
        result: Array = out.float().cpu().numpy()
        return result

    return predict


def from_onnx(session: Any, names: tuple[str, str, str] = ("x", "t", "y"), output: str | None = None) -> Predict:
    """An onnxruntime session with float32 inputs ``names`` as a callable on arrays."""

    def predict(x: Array, t: Array, y: Array) -> Array:
        feeds = dict(zip(names, (x, t, y), strict=True))
        result: Array = session.run(None if output is None else [output], feeds)[0]
        return result

    return predict


def to_uint8(picture: Array) -> NDArray[np.uint8]:
    """[..., C, H, W] in [-1, 1] -> [..., H, W, 3] bytes; of grey pictures (C = 1) the three are alike."""
    scaled = np.clip(np.round((np.moveaxis(picture, -3, -1) + 1) * 127.5), 0, 255).astype(np.uint8)
    return np.broadcast_to(scaled, (*scaled.shape[:-1], 3)).copy()
