"""The report: figures (SVG and PNG), sheets of pictures, and one HTML page that carries them all.

The sheets show real images of the data sets beside generated ones. They are for whoever ran the evaluation, in the output
folder; nothing of them goes into a bundle.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ..bundle import guidance_words, write_atomically
from .install import metrics_bytes
from .tables import card_section, number, short_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .run import Evaluation

# Okabe and Ito's colours, told apart in every kind of colour vision; the markers differ as well
_STYLE = {"odm": ("#0072B2", "o"), "dm": ("#D55E00", "s"), "stylegan2": ("#009E73", "^")}
_OTHERS = (("#CC79A7", "D"), ("#E69F00", "v"), ("#56B4E9", "P"))
_FLOOR = "#666666"


def _style(keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    spare = iter(_OTHERS * 4)
    out = {}
    for k in keys:
        colour, marker = _STYLE.get(k) or next(spare)
        out[k] = {"color": colour, "marker": marker, "markersize": 5}
    return out


def _bars(ax: Axes, x: Sequence[float], estimates: Sequence[dict[str, Any] | None], factor: float = 1, **style: Any) -> None:  # fmt: skip
    """Values with their intervals; what is missing leaves a gap."""
    have = [(a, e) for a, e in zip(x, estimates, strict=True) if e is not None]
    if not have:
        return
    value = np.asarray([e["value"] for _, e in have]) * factor
    low = np.asarray([e["interval"][0] for _, e in have]) * factor
    high = np.asarray([e["interval"][1] for _, e in have]) * factor
    style = {"linewidth": 1.2, "capsize": 2, "elinewidth": 0.9, **style}
    ax.errorbar([a for a, _ in have], value, yerr=[np.maximum(value - low, 0), np.maximum(high - value, 0)], **style)


def _finish(ax: Axes, title: str, x: str, y: str) -> None:
    ax.set_title(title, fontsize=10, loc="left")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def _grades(ax: Axes, values: Sequence[float], names: dict[float, str]) -> None:
    ax.set_xticks(list(values), [names[v] for v in values])


class Figures:
    """Makes every figure that the metrics have numbers for."""

    def __init__(self, metrics: dict[str, Any], manifest: dict[str, Any]) -> None:
        import matplotlib

        matplotlib.use("Agg", force=True)
        matplotlib.rcParams.update({"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "odm", "figure.dpi": 110})
        self.metrics, self.by = metrics, metrics["byVariant"]
        self.names = short_names(manifest)
        self.values = list(self.names)
        self.style = _style(list(self.by))
        self.titles = {k: v["title"] for k, v in self.by.items()}

    def _figure(self, columns: int, rows: int = 1, width: float = 4.2, height: float = 3.3) -> tuple[Figure, Any]:
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False, layout="constrained")  # fmt: skip
        return figure, axes

    def all(self) -> dict[str, tuple[str, Figure]]:
        """Name -> (caption, figure)."""
        makers = {
            "classwise": self.classwise,
            "severity": self.severity,
            "confusion": self.confusion,
            "ordinality": self.ordinality,
            "psnr": self.psnr,
            "interpolation": self.interpolation,
            "nfe": self.nfe,
            "memorisation": self.memorisation,
            "augmentation": self.augmentation,
            "colour": self.colour,
        }
        made = {name: maker() for name, maker in makers.items()}
        return {name: m for name, m in made.items() if m is not None}

    def _spread(self, k: int, count: int) -> float:
        """Horizontal offset, so that intervals do not cover each other."""
        step = min(np.diff(self.values)) if len(self.values) > 1 else 1.0
        return float((k - (count - 1) / 2) * 0.12 * step)

    def classwise(self) -> tuple[str, Figure]:
        figure, axes = self._figure(2, 2)
        floor = {h["grade"]: h["distance"] for h in self.metrics["floor"]["halves"]}
        count = len(self.by) + 1
        for row, (name, factor, label) in enumerate((("kid", 1000, "KID x 1000"), ("fd", 1, "Frechet distance"))):
            for column, against in enumerate(("training", "heldOut")):
                ax = axes[row, column]
                for i, (k, v) in enumerate(self.by.items()):
                    cells = v["judgement"]["classwise"]
                    x = [c["grade"] + self._spread(i, count) for c in cells]
                    _bars(ax, x, [c[against] and c[against][name] for c in cells], factor, label=self.titles[k], linestyle="", **self.style[k])  # fmt: skip
                x = [g + self._spread(count - 1, count) for g in self.values]
                if against == "training":
                    cells = [floor[g] and floor[g][name] for g in self.values]
                else:
                    cells = [h["distance"] and h["distance"][name] for h in self.metrics["floor"]["heldOut"]]
                _bars(
                    ax,
                    x,
                    cells,
                    factor,
                    label="real against real",
                    linestyle="",
                    color=_FLOOR,
                    marker="_",
                    markersize=9,
                )
                _grades(ax, self.values, self.names)
                _finish(ax, f"{label}, against {'training' if against == 'training' else 'held-out'} images", "", label)
                if (row, column) == (0, 0):
                    ax.legend(frameon=False, fontsize=8)
        return "Class-wise distances of generated to real images, with 95 % intervals; lower is better. The Frechet distance is biased at these sizes: read it beside real against real.", figure  # fmt: skip

    def severity(self) -> tuple[str, Figure]:
        figure, axes = self._figure(2)
        own = self.metrics["grader"]["crossValidated"]
        ax = axes[0, 0]
        _bars(ax, self.values, [g["severity"] for g in own["byGrade"]], label="real images (cross-validated)", linestyle="--", color=_FLOOR, marker="x")  # fmt: skip
        for i, (k, v) in enumerate(self.by.items()):
            cells = v["judgement"]["grader"]["byGrade"]
            _bars(ax, [c["grade"] + self._spread(i, len(self.by)) for c in cells], [c["severity"] for c in cells], label=self.titles[k], **self.style[k])  # fmt: skip
        ax.plot(self.values, self.values, color="black", linewidth=0.6, alpha=0.5)
        _grades(ax, self.values, self.names)
        _finish(ax, "Severity read by grade asked for", "grade asked for", "mean severity read")
        ax.legend(frameon=False, fontsize=8)
        ax = axes[0, 1]
        rows: list[tuple[Any, ...]] = [("real images", own["qwk"], {"color": _FLOOR, "marker": "x"})]
        rows += [(self.titles[k], v["judgement"]["grader"]["qwk"], self.style[k]) for k, v in self.by.items()]
        for i, (_, e, style) in enumerate(rows):
            _bars(ax, [i], [e], linestyle="", **style)
        ax.set_xticks(range(len(rows)), [r[0] for r in rows], rotation=15)
        ax.set_xlim(-0.5, len(rows) - 0.5)
        _finish(ax, "Agreement of the grade asked for and the grade read", "", "quadratic weighted kappa")
        return f"What the grader reads ({self.metrics['grader']['chosen']}; trained on real images only).", figure

    def confusion(self) -> tuple[str, Figure]:
        panels = [("real images, cross-validated", self.metrics["grader"]["crossValidated"])]
        panels += [(self.titles[k], v["judgement"]["grader"]) for k, v in self.by.items()]
        figure, axes = self._figure(len(panels), width=3.0, height=3.0)
        for ax, (title, a) in zip(axes[0], panels, strict=True):
            counts = np.asarray(a["confusion"], dtype=float)
            shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
            ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
            for (i, j), n in np.ndenumerate(counts):
                ax.text(j, i, f"{int(n)}", ha="center", va="center", fontsize=8, color="white" if shares[i, j] > 0.55 else "black")  # fmt: skip
            labels = [self.names[v] for v in self.values]
            ax.set_xticks(range(len(labels)), labels, rotation=30)
            ax.set_yticks(range(len(labels)), labels)
            ax.set_title(f"{title}\nQWK {a['qwk']['value']:.2f}", fontsize=9, loc="left")
            ax.set_xlabel("grade read")
        axes[0, 0].set_ylabel("true grade, or the one asked for")
        return "Confusion of grades; the shade is the share of the row.", figure

    def ordinality(self) -> tuple[str, Figure] | None:
        keys = [k for k in self.by if "ordinality" in self.by[k]]
        if not keys:
            return None
        quantities = (("straightness", "straightness"), ("violations", "order violations (share)"), ("cosine", "cosine of successive differences"), ("outer", "distance lowest to highest"))  # fmt: skip
        figure, axes = self._figure(4, 2, width=3.3, height=2.9)
        for row, where in enumerate(("noised", "trajectory")):
            for column, (name, label) in enumerate(quantities):
                ax = axes[row, column]
                for k in keys:
                    points = self.by[k]["ordinality"][where]
                    _bars(ax, [p["t"] for p in points], [p[name] for p in points], label=self.titles[k], **{**self.style[k], "markersize": 3})  # fmt: skip
                if name == "outer":
                    ax.set_yscale("log")
                place = "real images, noised" if where == "noised" else "sampling trajectories"
                _finish(ax, f"{label}\n{place}", "t", "")
        axes[0, 0].legend(frameon=False, fontsize=8)
        return "Geometry of the grades' noise estimates over time. On a straight, ordered line: straightness 1, violations 0, cosine 1.", figure  # fmt: skip

    def psnr(self) -> tuple[str, Figure] | None:
        keys = [k for k in self.by if "psnr" in self.by[k]]
        if not keys:
            return None
        figure, axes = self._figure(1, width=5.5)
        ax = axes[0, 0]
        points = self.by[keys[0]]["psnr"]
        ax.plot(
            [p["t"] for p in points],
            [p["input"] for p in points],
            color=_FLOOR,
            linestyle="--",
            label="the noisy picture",
        )
        for k in keys:
            points = self.by[k]["psnr"]
            _bars(ax, [p["t"] for p in points], [p["psnr"] for p in points], label=self.titles[k], **self.style[k])
        ax.set_xscale("log")
        ax.set_xticks([p["t"] for p in points], [f"{p['t']:g}" for p in points])
        ax.minorticks_off()
        _finish(ax, "Denoiser PSNR on held-out images", "t", "dB")
        ax.legend(frameon=False, fontsize=8)
        return "How well each model denoises held-out images, by noise level.", figure

    def interpolation(self) -> tuple[str, Figure] | None:
        if not any(v["interpolation"] for v in self.by.values()):
            return None
        measured = any(r["severityMeasured"] for v in self.by.values() for r in v["interpolation"])
        real = any(r["real"] for v in self.by.values() for r in v["interpolation"])
        figure, axes = self._figure(1 + measured + real, width=4.6)
        panels = ["severityRead"] + ["severityMeasured"] * measured
        for ax, name in zip(axes[0], panels, strict=False):
            for i, (k, v) in enumerate(self.by.items()):
                shift = self._spread(i, len(self.by))
                rows = v["interpolation"]
                whole = [(c["grade"], c["severity"]) for c in v["judgement"]["grader"]["byGrade"]] if name == "severityRead" else [(c["grade"], c["mean"]) for c in v.get("severityMeasured", [])]  # fmt: skip
                points = sorted([(r["severity"], r[name]) for r in rows] + whole, key=lambda p: p[0])
                _bars(
                    ax,
                    [p[0] + shift / 2 for p in points],
                    [p[1] for p in points],
                    label=self.titles[k],
                    **self.style[k],
                )
            if name == "severityRead":
                rows = [r for r in next(iter(self.by.values()))["interpolation"] if r["real"]]
                _bars(ax, [r["severity"] for r in rows], [r["real"]["severityRead"] for r in rows], label="real half grades", linestyle="", color=_FLOOR, marker="x")  # fmt: skip
            ends = sorted({r["severity"] for v in self.by.values() for r in v["interpolation"]} | set(self.values))
            ax.plot([ends[0], ends[-1]], [ends[0], ends[-1]], color="black", linewidth=0.6, alpha=0.5)
            what = "read by the grader" if name == "severityRead" else "measured (the truth)"
            _finish(ax, f"Severity {what}", "severity asked for", "mean severity")
            ax.legend(frameon=False, fontsize=8)
        if real:
            ax = axes[0, -1]
            places: list[tuple[float, str]] = []
            for i, (k, v) in enumerate(self.by.items()):
                x = 0.0
                for r in v["interpolation"]:
                    if not r["real"]:
                        continue
                    cells = [(f"{r['severity']:g} drawn", r["real"]["kid"])] + [(f"{self.names[o['grade']]} drawn", o["kid"]) for o in r["real"]["neighbours"]]  # fmt: skip
                    for label, e in cells:
                        _bars(ax, [x + 0.2 * (i - (len(self.by) - 1) / 2)], [e], 1000, linestyle="", label=self.titles[k] if x == 0 else None, **self.style[k])  # fmt: skip
                        if i == 0:
                            places.append((x, f"{label}\nvs real {r['severity']:g}"))
                        x += 1
                    x += 0.5
            ax.set_xticks([p[0] for p in places], [p[1] for p in places], rotation=60, fontsize=7)
            _finish(ax, "KID x 1000 to the real half grades", "", "KID x 1000")
        return "Pictures between the grades.", figure

    def nfe(self) -> tuple[str, Figure] | None:
        keys = [k for k in self.by if "nfe" in self.by[k]]
        if not keys:
            return None
        figure, axes = self._figure(len(keys))
        for ax, k in zip(axes[0], keys, strict=True):
            points = self.by[k]["nfe"]
            for i, sampler in enumerate(dict.fromkeys(p["sampler"] for p in points)):
                mine = [p for p in points if p["sampler"] == sampler]
                colour, marker = (*_STYLE.values(), *_OTHERS)[i]
                _bars(ax, [p["steps"] for p in mine], [p["kid"] for p in mine], 1000, label=sampler, color=colour, marker=marker, markersize=4)  # fmt: skip
            ax.set_xscale("log")
            ax.set_yscale("symlog", linthresh=100)
            steps = sorted({p["steps"] for p in points})
            ax.set_xticks(steps, [str(s) for s in steps], fontsize=7)
            ax.minorticks_off()
            _finish(ax, self.titles[k], "steps", "mean class-wise KID x 1000")
            ax.legend(frameon=False, fontsize=8)
        sampling = self.by[keys[0]]["sampling"]
        guidance, limits = sampling["guidance"], sampling.get("guidanceRange")
        if guidance == 1:
            each = "each step is one evaluation"
        else:
            each = f"{guidance_words(guidance, limits)}: each step{' there' if limits else ''} is two evaluations"
        return f"Quality by number of steps ({each}).", figure

    def memorisation(self) -> tuple[str, Figure]:
        figure, axes = self._figure(2)
        for ax, space in zip(axes[0], ("pixels", "features"), strict=True):
            rows: list[tuple[Any, ...]] = [("held-out\nreal images", next(iter(self.by.values()))["memorisation"][space]["heldOut"], {"color": _FLOOR, "marker": "x"})]  # fmt: skip
            rows += [(self.titles[k], v["memorisation"][space]["generated"], self.style[k]) for k, v in self.by.items()]
            for i, (_, e, style) in enumerate(rows):
                _bars(ax, [i], [e], linestyle="", **style)
            ax.set_xticks(range(len(rows)), [r[0] for r in rows], fontsize=8)
            ax.set_xlim(-0.5, len(rows) - 0.5)
            ax.set_ylim(bottom=0)
            _finish(ax, f"Distance to the nearest training image, {space}", "", "median distance")
        return "Nearer to the training images than held-out real ones would be a sign of copying.", figure

    def augmentation(self) -> tuple[str, Figure] | None:
        a = self.metrics.get("augmentation")
        if not a:
            return None
        figure, axes = self._figure(2)
        labels = ["real only"] + [f"real +\n{self.titles[arm['variant']]}" for arm in a["arms"][1:]]
        styles: list[dict[str, Any]] = [{"color": _FLOOR, "marker": "x"}] + [
            self.style[arm["variant"]] for arm in a["arms"][1:]
        ]
        for i, arm in enumerate(a["arms"]):
            _bars(axes[0, 0], [i], [arm["qwk"]], linestyle="", **styles[i])
            for j, r in enumerate(arm["recall"]):
                _bars(axes[0, 1], [j + 0.15 * (i - len(a["arms"]) / 2)], [r["recall"]], linestyle="", label=labels[i].replace("\n", " ") if j == 0 else None, **styles[i])  # fmt: skip
        axes[0, 0].set_xticks(range(len(labels)), labels, fontsize=8)
        axes[0, 0].set_xlim(-0.5, len(labels) - 0.5)
        axes[0, 1].set_xticks([0, 1], [self.names[r["grade"]] for r in a["arms"][0]["recall"]])
        _finish(axes[0, 0], "QWK on real images, five folds", "", "quadratic weighted kappa")
        _finish(axes[0, 1], "Recall of the highest grades", "", "recall")
        axes[0, 1].legend(frameon=False, fontsize=8)
        return (
            f"Synthetic pictures added to a grader's training ({a['syntheticPerGrade']} a grade). {a['note']}",
            figure,
        )

    def colour(self) -> tuple[str, Figure] | None:
        c = self.metrics.get("colourNormalised")
        if not c:
            return None
        figure, axes = self._figure(2)
        ax = axes[0, 0]
        count = len(c["byVariant"])
        for i, (k, j) in enumerate(c["byVariant"].items()):
            cells = j["classwise"]
            _bars(ax, [r["grade"] + self._spread(i, count) for r in cells], [r["training"] and r["training"]["kid"] for r in cells], 1000, label=self.titles[k], linestyle="", **self.style[k])  # fmt: skip
        _grades(ax, self.values, self.names)
        _finish(ax, "KID x 1000, colours normalised", "", "KID x 1000")
        ax.legend(frameon=False, fontsize=8)
        ax = axes[0, 1]
        rows: list[tuple[Any, ...]] = [("real images", self.metrics["grader"]["crossValidated"]["qwk"], c["grader"]["crossValidated"]["qwk"], {"color": _FLOOR, "marker": "x"})]  # fmt: skip
        rows += [(self.titles[k], self.by[k]["judgement"]["grader"]["qwk"], j["grader"]["qwk"], self.style[k]) for k, j in c["byVariant"].items()]  # fmt: skip
        for i, (_, plain, normalised, style) in enumerate(rows):
            _bars(ax, [i - 0.12], [plain], linestyle="", **style)
            _bars(ax, [i + 0.12], [normalised], linestyle="", **{**style, "markerfacecolor": "none"})
        ax.set_xticks(range(len(rows)), [r[0] for r in rows], fontsize=8)
        ax.set_xlim(-0.5, len(rows) - 0.5)
        _finish(ax, "QWK: as it is (left), colours normalised (right, hollow)", "", "quadratic weighted kappa")
        return c["method"], figure


# --- sheets -----------------------------------------------------------------------------------------------------------


def sheet(rows: Sequence[tuple[str, Sequence[NDArray[np.uint8]]]], heads: Sequence[str], foot: str) -> Image.Image:
    """Rows of pictures with their names at the left and heads above."""
    side = rows[0][1][0].shape[0]
    scale = max(1, 96 // side)
    tile, gap, left, top = side * scale, 4, 150, 22
    columns = max(len(r[1]) for r in rows)
    out = Image.new("RGB", (left + columns * (tile + gap), top + len(rows) * (tile + gap) + 22), (16, 18, 22))
    pen = ImageDraw.Draw(out)
    for i, head in enumerate(heads):
        pen.text((left + i * (tile + gap) + tile / 2, top / 2), head, fill=(235, 235, 235), anchor="mm")
    for r, (name, pictures) in enumerate(rows):
        y = top + r * (tile + gap)
        pen.multiline_text((8, y + 8), name, fill=(235, 235, 235), spacing=4)
        for c, picture in enumerate(pictures):
            image = Image.fromarray(picture).resize((tile, tile), Image.Resampling.NEAREST)
            out.paste(image, (left + c * (tile + gap), y))
    pen.text((8, out.height - 14), foot, fill=(235, 235, 235))
    return out


def side_by_side(run: Evaluation, per_grade: int = 2) -> Image.Image:
    """Real, then every variant, by grade: the first pictures of each, not chosen."""
    real, values = run.real, run.values
    rng = np.random.default_rng(run.settings.seed_bootstrap)
    rows = []
    centre = real.centre(real.training)
    for i in range(per_grade):
        chosen = [centre[rng.choice(np.flatnonzero(real.training.labels == g))] for g in range(len(values))]
        rows.append(("real image" if i == 0 else "", chosen))
    for key, v in run.variants.items():
        pictures = run.some_pictures(key, [(g, i) for i in range(per_grade) for g in range(len(values))])
        for i in range(per_grade):
            rows.append((f"{v.title}\nsynthetic" if i == 0 else "", pictures[i * len(values) : (i + 1) * len(values)]))  # fmt: skip
    heads = [g["short"] for g in run.bundle.manifest["grades"]]
    return sheet(
        rows,
        heads,
        "Rows named after a model are SYNTHETIC. The real images belong to their data set; do not pass this sheet on.",
    )


def nearest_pairs(run: Evaluation, metrics: dict[str, Any], count: int = 8) -> Image.Image:
    """Of each variant, the most suspicious pictures and the training image nearest to each, in features."""
    real, s = run.real, run.settings
    centre = real.centre(real.training)
    where = {name: i for i, name in enumerate(real.training.names)}
    rows = []
    for key in run.variants:
        for space in ("pixels", "features"):
            closest = metrics["byVariant"][key]["memorisation"][space]["closest"][:count]
            which = []
            for c in closest:
                g = run.values.index(c["grade"])
                which.append((g, c["seed"] - s.seed_generation - g * s.seed_stride))
            drawn = run.some_pictures(key, which)
            rows.append((f"{run.variants[key].title}\nsynthetic\n({space})", drawn))
            ratios = ", ".join(f"{c['ratio']:.2f}" for c in closest[:3])
            rows.append(
                (
                    f"nearest training\nimage ({space})\nratios {ratios} …",
                    [centre[where[c["trainingImage"]]] for c in closest],
                )
            )
    return sheet(rows, [str(i + 1) for i in range(count)], "Smallest ratio of nearest to second nearest distance first. The real images belong to their data set; do not pass this sheet on.")  # fmt: skip


# --- the page ---------------------------------------------------------------------------------------------------------

_CSS = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1rem 1.2rem 4rem}
h1,h2{line-height:1.2}h2{margin-top:2.5rem}
figure{margin:1.5rem 0;background:#fff;color:#111;border:1px solid #8884;border-radius:6px;padding:.8rem;overflow-x:auto}
figure svg,figure img{max-width:100%;height:auto;display:block}
figcaption{font-size:.9rem;margin-top:.5rem;color:#333}
table{border-collapse:collapse;font-size:.88rem;margin:1rem 0}
.wide{overflow-x:auto}
th,td{border:1px solid #8886;padding:.25rem .5rem;text-align:left;vertical-align:top}
th{background:#8882}
.note{border-left:4px solid #0072b2;padding:.2rem 1rem;background:#0072b211}
"""


def _markdown_html(text: str) -> str:
    """Headings, paragraphs and tables: as much Markdown as ``tables`` writes."""
    out: list[str] = []
    table: list[list[str]] = []

    def close() -> None:
        if table:
            head = "".join(f"<th>{c}</th>" for c in table[0])
            body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in table[1:])
            out.append(f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>')
            table.clear()

    for line in text.splitlines():
        if line.startswith("|"):
            if not set(line) <= set("|-"):
                table.append([html.escape(c.strip()) for c in line.strip().strip("|").split(" | ")])
            continue
        close()
        if line.startswith("## "):
            out.append(f"<h2>{html.escape(line[3:])}</h2>")
        elif line and not line.startswith("<!--"):
            out.append(f"<p>{html.escape(line)}</p>")
    close()
    return "\n".join(out)


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def write_report(run: Evaluation, metrics: dict[str, Any], found: dict[str, Any]) -> None:
    """metrics.json, figures/, sheets/ and report.html into the output folder."""
    import matplotlib.pyplot as plt

    out: Path = run.out
    manifest = run.bundle.manifest
    write_atomically(out / "metrics.json", metrics_bytes(metrics))
    section = card_section(metrics, manifest)
    write_atomically(out / "table.md", section.encode())
    (out / "figures").mkdir(exist_ok=True)
    (out / "sheets").mkdir(exist_ok=True)
    parts = [
        f"<h1>{html.escape(manifest['title'])}: evaluation, protocol {metrics['protocol']}</h1>",
        f"<p>{metrics['date']}; {html.escape(metrics['hardware']['device'])}, {html.escape(metrics['hardware']['software'])}, "
        f"{metrics['hardware']['seconds']:.0f} seconds. Every figure has a 95 % interval; seeds: "
        f"<code>{html.escape(json.dumps(metrics['seeds']))}</code>.</p>",
        '<p class="note">This report shows real images of the data set beside synthetic ones; it is for whoever ran the '
        "evaluation. Synthetic pictures show no patient and are not for diagnosis.</p>",
    ]
    candidates = [[c["name"], number(c["qwk"]), number(c["mae"])] for c in metrics["grader"]["candidates"]]
    parts.append("<h2>Grader, on real images</h2>")
    parts.append(
        _markdown_html("\n".join(["| grader | QWK | MAE |", "|---|", *(f"| {' | '.join(r)} |" for r in candidates)]))
    )
    sheets = {"pictures": side_by_side(run), "nearest": nearest_pairs(run, metrics)}
    captions = {
        "pictures": "Real images and each model's, by grade; the first seeds, not chosen.",
        "nearest": "The most suspicious pictures of each model, and the training image nearest to each.",
    }
    for name, image in sheets.items():
        content = _jpeg(image)
        write_atomically(out / "sheets" / f"{name}.jpg", content)
        parts.append(f'<figure><img alt="{html.escape(captions[name])}" src="data:image/jpeg;base64,{base64.b64encode(content).decode()}"><figcaption>{html.escape(captions[name])}</figcaption></figure>')  # fmt: skip
    for name, (caption, figure) in Figures(metrics, manifest).all().items():
        svg = _svg(figure)
        write_atomically(out / "figures" / f"{name}.svg", svg)
        write_atomically(out / "figures" / f"{name}.png", _png(figure))
        plt.close(figure)
        uri = base64.b64encode(svg).decode()
        parts.append(f'<figure><img alt="{html.escape(caption)}" src="data:image/svg+xml;base64,{uri}"><figcaption>{html.escape(caption)}</figcaption></figure>')  # fmt: skip
    parts.append(_markdown_html(section))
    page = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Evaluation of {html.escape(manifest["id"])}</title><style>{_CSS}</style></head><body>{"".join(parts)}</body></html>'  # fmt: skip
    write_atomically(out / "report.html", page.encode())
