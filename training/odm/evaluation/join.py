"""Figures of one more system put beside those that a bundle has already, so that a new one need not have all judged again.

The kept figures are taken over as they are. What both evaluations measured of real pictures alone (the floor, the grader of
normalised colours, the arm without synthetic pictures) must agree, or the two are not by one protocol and are not put side by
side. It need not agree in every digit: another processor rounds otherwise, and a picture on the border of two grades is then
read as the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..errors import DataError

RELATIVE = 0.02
ABSOLUTE = {"kid": 1e-3, "fd": 0.05, "qwk": 0.02, "mae": 0.02, "recall": 0.05, "severity": 0.02}


def _values(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], float | None]:
    """The ``value`` of every estimate in a tree, by where it stands; None for a distance that was not measured."""
    if isinstance(value, dict) and "interval" in value:
        return {path: float(value["value"])}
    if isinstance(value, dict):
        return {k: v for key, child in value.items() for k, v in _values(child, (*path, str(key))).items()}
    if isinstance(value, list):
        return {k: v for i, child in enumerate(value) for k, v in _values(child, (*path, str(i))).items()}
    return {path: None} if value is None else {}


def disagreements(kept: Any, new: Any) -> list[str]:
    """Estimates that differ by more than rounding: ``where: kept, new``."""
    a, b = _values(kept), _values(new)
    out = [f"{'/'.join(p)} is in one only" for p in sorted(a.keys() ^ b.keys())]
    for p in sorted(a.keys() & b.keys()):
        x, y = a[p], b[p]
        allowed = max((ABSOLUTE.get(word, 0.0) for word in p), default=0.0)
        if (x is None) != (y is None) or (
            x is not None and y is not None and not math.isclose(x, y, rel_tol=RELATIVE, abs_tol=allowed)
        ):
            out.append(f"{'/'.join(p)}: {x} and {y}")
    return out


def _of_real(metrics: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on any generated picture."""
    coloured = metrics.get("colourNormalised", {})
    return {
        "floor": metrics["floor"],
        "colour": {k: coloured[k] for k in ("floor", "grader") if k in coloured},
        "arm": [a for a in metrics.get("augmentation", {}).get("arms", []) if a["variant"] is None],
    }


def without(metrics: dict[str, Any], variant: str) -> dict[str, Any] | None:
    """``metrics.json`` without the figures of a generator, which no other variant is compared with; None if none are left."""
    others = {k: v for k, v in metrics["byVariant"].items() if k != variant}
    if not others:
        return None
    hardware = {
        k: v if k == "seconds" else "; ".join(p for p in v.split("; ") if not p.startswith(f"{variant}: "))
        for k, v in metrics["hardware"].items()
    }
    left = {**metrics, "hardware": hardware, "byVariant": others}
    if arms := metrics.get("augmentation", {}).get("arms"):
        left["augmentation"] = {**metrics["augmentation"], "arms": [a for a in arms if a["variant"] != variant]}
    if coloured := metrics.get("colourNormalised"):
        judged = {k: v for k, v in coloured["byVariant"].items() if k != variant}
        left["colourNormalised"] = {**coloured, "byVariant": judged}
    return left


def join(kept: dict[str, Any], new: dict[str, Any], order: Sequence[str]) -> dict[str, Any]:
    """``metrics.json`` with the variants of both, those of ``new`` in place of kept ones, in ``order``; raises ``DataError``."""
    for key in ("formatVersion", "protocol", "bundle", "features", "seeds"):
        if kept[key] != new[key]:
            raise DataError(f"the bundle's figures cannot be joined, they have another {key}; evaluate all variants")
    for key in ("name", "training", "heldOut"):
        if kept["data"][key] != new["data"][key]:
            raise DataError(f"the bundle's figures are about other data ({key}); evaluate all variants")
    for part in ("augmentation", "colourNormalised"):
        if (part in kept) != (part in new):
            raise DataError(f"only one of the two evaluations has the stage {part}; ask for the same stages")
    for key in ("folds", "syntheticPerGrade"):
        if "augmentation" in kept and kept["augmentation"][key] != new["augmentation"][key]:
            raise DataError(f"the augmentation was measured with another {key}; evaluate all variants")
    drawn = {m["generatedPerGrade"] for part in (kept, new) for m in part["byVariant"].values()}
    between = {m["interpolation"][0]["severityRead"]["n"] for part in (kept, new) for m in part["byVariant"].values()}
    if len(drawn) > 1 or len(between) > 1:
        raise DataError(
            "the bundle's figures are of other numbers of pictures; give the same --count and --count-between"
        )
    if wrong := disagreements(_of_real(kept), _of_real(new)):
        raise DataError(f"the real pictures were measured otherwise ({'; '.join(wrong[:3])}); evaluate all variants")

    def both(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
        found = {**a, **b}
        return {k: found[k] for k in order if k in found}

    joined = {**new, **{k: kept[k] for k in ("floor", "grader")}}
    joined["byVariant"] = both(kept["byVariant"], new["byVariant"])
    joined["hardware"] = {
        **new["hardware"],
        "seconds": round(kept["hardware"]["seconds"] + new["hardware"]["seconds"], 1),
    }
    for part in ("device", "software"):
        if kept["hardware"][part] != new["hardware"][part]:
            names = ", ".join(new["byVariant"])
            joined["hardware"][part] = f"{kept['hardware'][part]}; {names}: {new['hardware'][part]}"
    if "augmentation" in kept:
        arms = {
            a["variant"]: a for part in (kept, new) for a in part["augmentation"]["arms"] if a["variant"] is not None
        }
        plain = [a for a in kept["augmentation"]["arms"] if a["variant"] is None]
        joined["augmentation"] = {**kept["augmentation"], "arms": plain + [arms[k] for k in order if k in arms]}
    if "colourNormalised" in kept:
        a, b = kept["colourNormalised"], new["colourNormalised"]
        joined["colourNormalised"] = {**a, "byVariant": both(a["byVariant"], b["byVariant"])}
    return joined
