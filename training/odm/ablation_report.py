"""What an ablation's cells say together: ``ablation.json``, a Markdown table and a figure (SVG), from finished cells alone.

Every figure is a mean over seeds with a 95 % interval (Student's t over the seeds). Because all settings of one seed share their
start, their data and their noise, the difference to that seed's baseline is given too, with an interval of its own: it is much
narrower than the two intervals beside each other suggest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from .ablation import Plan, finished

# two-sided 95 % quantiles of Student's t by degrees of freedom (any statistics text's table)
_T95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093]  # fmt: skip

Figures = dict[str, Any]  # a cell's figures.json


@dataclass(frozen=True)
class Metric:
    """One number of a cell; ``of`` gets the cell's figures and those of the seed's baseline."""

    key: str
    label: str
    better: str  # "lower", "higher" or "one"
    digits: int
    of: Callable[[Figures, Figures], float | None]


def _mean(values: Any) -> float:
    numbers = list(values)
    return float(sum(numbers) / len(numbers))


def _ordinality(key: str) -> Callable[[Figures, Figures], float | None]:
    return lambda f, _b: _mean(row[key] for row in f["ordinality"].values())


def _truth(figure: str, group: str) -> Callable[[Figures, Figures], float | None]:
    return lambda f, _b: f["truth"][figure].get(group)


METRICS = (
    Metric("noise_loss", "noise loss, held out", "lower", 4, lambda f, _b: float(f["noise_loss"])),
    Metric("psnr", "PSNR (dB), mean over t", "higher", 2, lambda f, _b: _mean(f["psnr"].values())),
    Metric("straightness", "straightness", "higher", 3, _ordinality("straightness")),
    Metric("violations", "order violations", "lower", 4, _ordinality("violations")),
    Metric("outer_ratio", "lowest–highest distance, × DM", "one", 2, lambda f, b: _mean(row["outer"] / b["ordinality"][t]["outer"] for t, row in f["ordinality"].items())),
    Metric("mae_whole", "severity error at the grades", "lower", 3, _truth("mae", "whole")),
    Metric("mae_between", "severity error between grades", "lower", 3, _truth("mae", "between")),
    Metric("mae_beyond", "severity error beyond the highest", "lower", 3, _truth("mae", "beyond")),
    Metric("rank_whole", "rank correlation at the grades", "higher", 4, _truth("rank", "whole")),
    Metric("rank_between", "rank correlation between grades", "higher", 4, _truth("rank", "between")),
    Metric("concordance", "same-seed pairs in order", "higher", 4, _truth("concordance", "all")),
)  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """Mean over seeds, with the ends of its 95 % interval (both the mean itself when there is one seed)."""

    values: tuple[float, ...]
    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        return self.high - self.mean


def estimate(values: list[float]) -> Estimate:
    """Student's t interval over ``values``, one a seed."""
    n, mean = len(values), _mean(values)
    half = 0.0
    if n > 1:
        deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
        half = (_T95[n - 2] if n - 2 < len(_T95) else 1.96) * deviation / math.sqrt(n)
    return Estimate(tuple(values), mean, mean - half, mean + half)


def collect(plan: Plan, out: Path) -> dict[str, Any]:
    """The content of ``ablation.json`` from the cells that are finished; only seeds whose baseline is finished count."""
    cells = {(s, name): finished(plan, out, s, name) for s in range(plan.seeds) for name in plan.settings}
    settings: dict[str, Any] = {}
    for name, changes in plan.settings.items():
        pairs = [(s, cells[s, name], cells[s, plan.baseline]) for s in range(plan.seeds)]
        pairs = [(s, f, b) for s, f, b in pairs if f is not None and b is not None]
        if not pairs:
            continue
        metrics: dict[str, Any] = {}
        for metric in METRICS:
            values = [(metric.of(f, b), metric.of(b, b)) for _, f, b in pairs if f is not None and b is not None]
            complete = [(v, w) for v, w in values if v is not None and w is not None]
            if not complete:
                continue
            own, difference = estimate([v for v, _ in complete]), estimate([v - w for v, w in complete])
            metrics[metric.key] = {
                "mean": own.mean,
                "low": own.low,
                "high": own.high,
                "values": list(own.values),
                "difference": {"mean": difference.mean, "low": difference.low, "high": difference.high},
            }
        first = [f for _, f, _ in pairs if f is not None]
        curves = {
            "psnr_by_t": {t: _mean(f["psnr"][t] for f in first) for t in first[0]["psnr"]},
            **{
                f"{key}_by_t": {t: _mean(f["ordinality"][t][key] for f in first) for t in first[0]["ordinality"]}
                for key in ("straightness", "violations", "outer", "cosine")
            },
            "measured_by_asked": {
                f"{s:g}": _mean(_mean(f["measured"][i]) for f in first) for i, s in enumerate(plan.asked)
            },
        }
        settings[name] = {"changes": changes, "seeds": [s for s, _, _ in pairs], "metrics": metrics, **curves}
    return {
        "what": "ablation on the phantom: means over seeds, 95 % intervals (Student's t over seeds)",
        "baseline": plan.baseline,
        "trunk_images": plan.trunk_images,
        "branch_images": plan.branch_images,
        "seeds_planned": plan.seeds,
        "pictures_per_severity": plan.pictures,
        "sampler": {"name": "dpmpp-2m", "steps": plan.steps, "guidance": 1.0},
        "asked": list(plan.asked),
        "base": plan.base,
        "settings": settings,
    }


def _verdict(metric: Metric, row: dict[str, Any]) -> str:
    """``+`` or ``−`` when the difference to the baseline is clear (its interval excludes zero) and better or worse."""
    d = row["difference"]
    if metric.better == "one" or len(row["values"]) < 2 or d["low"] <= 0 <= d["high"]:
        return ""
    return " +" if (d["mean"] < 0) == (metric.better == "lower") else " −"


def markdown(report: dict[str, Any]) -> str:
    """Two tables: what the estimates do, and what the pictures do."""
    seeds = sorted({len(s["seeds"]) for s in report["settings"].values()})
    lines = [
        f"Phantom, {report['trunk_images']:,} images to the trunk and {report['branch_images']:,} more to every branch, "
        f"{'–'.join(map(str, seeds))} seed{'s' if seeds != [1] else ''}; {report['pictures_per_severity']} pictures a severity and seed, "
        f"{report['sampler']['steps']} steps. Mean ± half of the 95 % interval over seeds. `+` / `−`: better / worse than `{report['baseline']}` "
        "of the same seed, the interval of the difference excluding zero.",
        "",
    ]
    for part in (METRICS[:5], METRICS[5:]):
        lines.append("| setting | " + " | ".join(m.label for m in part) + " |")
        lines.append("| --- |" + " ---: |" * len(part))
        for name, setting in report["settings"].items():
            cells = []
            for metric in part:
                row = setting["metrics"].get(metric.key)
                if row is None:
                    cells.append("")
                    continue
                half = row["high"] - row["mean"]
                spread = f" ± {half:.{metric.digits}f}" if len(row["values"]) > 1 else ""
                cells.append(f"{row['mean']:.{metric.digits}f}{spread}{_verdict(metric, row)}")
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


PANELS = (
    "straightness",
    "violations",
    "outer_ratio",
    "noise_loss",
    "mae_whole",
    "mae_between",
    "mae_beyond",
    "concordance",
)
_LEFT, _PANEL, _GAP, _ROW, _TOP = 150, 208, 30, 24, 64


def svg(report: dict[str, Any]) -> str:
    """A forest plot: a row a setting, a panel a figure; dots are means, bars intervals, the dashed line the baseline."""
    names = list(report["settings"])
    panels = [m for key in PANELS for m in METRICS if m.key == key and any(key in report["settings"][n]["metrics"] for n in names)]  # fmt: skip
    per_row = 4
    block = _TOP + _ROW * len(names) + 30
    width = _LEFT + per_row * (_PANEL + _GAP)
    height = math.ceil(len(panels) / per_row) * block + 12
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<title>Ablation on the phantom: mean and 95 % interval over seeds, by setting</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for k, metric in enumerate(panels):
        x0, y0 = _LEFT + (k % per_row) * (_PANEL + _GAP), (k // per_row) * block
        rows = [(n, report["settings"][n]["metrics"].get(metric.key)) for n in names]
        ends = [v for _, row in rows if row for v in (row["low"], row["high"])]
        low, high = min(ends), max(ends)
        pad = 0.06 * (high - low) or 0.01 * abs(high) or 1.0
        low, high = low - pad, high + pad

        def at(v: float, x0: int = x0, low: float = low, high: float = high) -> float:
            return x0 + _PANEL * (v - low) / (high - low)

        words = {"lower": "lower is better", "higher": "higher is better", "one": "1 is the DM's"}[metric.better]
        out.append(f'<text x="{x0}" y="{y0 + 24}" font-weight="600" fill="#111">{escape(metric.label)}</text>')
        out.append(f'<text x="{x0}" y="{y0 + 40}" fill="#555" font-size="11">{words}</text>')
        bottom = y0 + _TOP + _ROW * len(names)
        base = report["settings"].get(report["baseline"], {}).get("metrics", {}).get(metric.key)
        if base:
            out.append(f'<line x1="{at(base["mean"]):.1f}" x2="{at(base["mean"]):.1f}" y1="{y0 + _TOP - 12}" y2="{bottom}" stroke="#888" stroke-dasharray="3 3"/>')  # fmt: skip
        for r, (name, row) in enumerate(rows):
            y = y0 + _TOP + _ROW * r
            if k % per_row == 0:
                out.append(f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end" fill="#111">{escape(name)}</text>')
            out.append(f'<line x1="{x0}" x2="{x0 + _PANEL}" y1="{y}" y2="{y}" stroke="#eee"/>')
            if row:
                out.append(f'<line x1="{at(row["low"]):.1f}" x2="{at(row["high"]):.1f}" y1="{y}" y2="{y}" stroke="#1f5fa8" stroke-width="2"/>')  # fmt: skip
                out.append(f'<circle cx="{at(row["mean"]):.1f}" cy="{y}" r="4" fill="#1f5fa8"/>')
        out.append(f'<line x1="{x0}" x2="{x0 + _PANEL}" y1="{bottom}" y2="{bottom}" stroke="#555"/>')
        for v, anchor in ((low + pad, "start"), (high - pad, "end")):
            x = x0 if anchor == "start" else x0 + _PANEL
            out.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="{anchor}" fill="#555" font-size="11">{v:.{metric.digits}f}</text>')  # fmt: skip
    out.append("</svg>")
    return "\n".join(out) + "\n"


def write_report(plan: Plan, out: Path) -> dict[str, Any]:
    """Writes ``ablation.json``, ``ablation.md`` and ``ablation.svg`` below ``out``; returns the report."""
    report = collect(plan, out)
    (out / "ablation.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if report["settings"]:
        (out / "ablation.md").write_text(markdown(report), encoding="utf-8")
        (out / "ablation.svg").write_text(svg(report), encoding="utf-8")
    return report
