"""The bundles of this repository are whole: digests, budgets, parity references, cards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from odm.bundle import Bundle, read_description
from odm.noise import Purpose, normals

from .conftest import ROOT

MODELS = ROOT / "models"
BUNDLES: list[str] = json.loads((MODELS / "catalogue.json").read_text(encoding="utf-8"))["bundles"]
MIB = 1024 * 1024


def test_the_catalogue_names_every_bundle_once() -> None:
    assert sorted(BUNDLES) == sorted(p.parent.name for p in MODELS.glob("*/manifest.json"))


@pytest.mark.parametrize("name", BUNDLES)
def test_a_shipped_bundle(name: str) -> None:
    bundle = Bundle.open(MODELS / name)
    manifest = bundle.manifest
    assert manifest["id"] == name
    words = read_description(ROOT / "training" / "bundles" / f"{name}.toml")
    assert manifest["attribution"] == words["attribution"]
    assert set(manifest["variants"]) == {"odm", "dm"}
    for variant, entry in manifest["variants"].items():
        assert len(bundle.weights(variant)) == entry["bytes"] <= 16 * MIB
        assert entry["flopsPerEval"] <= 4e9
        parity = manifest["parity"][variant]
        x = normals(parity["seed"], Purpose.PARITY, 0, (1, *bundle.shape))
        out = bundle.predict(variant)(x, np.float32([parity["t"]]), np.float32([parity["y"]])).reshape(-1)
        np.testing.assert_allclose(out[parity["indices"]], parity["values"], atol=1e-5)
        assert np.sqrt(np.mean(out.astype(np.float64) ** 2)) == pytest.approx(parity["rms"], abs=1e-5)
    # both branches saw as many pictures: anything else would not be a comparison. An ordinal branch that goes on from the
    # standard one saw the last few alone, which the lab's README says; these and no more.
    seen = {variant: entry["imagesSeen"] for variant, entry in manifest["variants"].items()}
    assert seen["odm"] - seen["dm"] == {"fundus-idrid": 1_888, "colon-hyperkvasir": 2_560}.get(name, 0)
    for part in ("card", "preview"):
        assert (Path(bundle.folder) / manifest[part]).stat().st_size > 1000


@pytest.mark.parametrize("name", BUNDLES)
def test_figures_are_of_what_is_shipped(name: str) -> None:
    """A bundle's figures were measured on its very weights, drawn as the studio draws unless it is told otherwise."""
    manifest = Bundle.open(MODELS / name).manifest
    words = read_description(ROOT / "training" / "bundles" / f"{name}.toml")
    limits = {k: v for k, v in manifest["diffusion"].items() if k == "guidanceRange"}
    assert limits.get("guidanceRange") == words.get("guidance_range")
    for variant, entry in manifest["variants"].items():
        assert entry["defaults"].items() <= words["variants"][variant].items()
    if "evaluation" not in manifest:
        return
    metrics = json.loads((MODELS / name / manifest["evaluation"]).read_text(encoding="utf-8"))
    for variant, entry in manifest["variants"].items():
        mine = metrics["byVariant"][variant]
        assert mine["sha256"] == entry["sha256"]
        assert mine["sampling"] == {**entry["defaults"], **limits}


def test_the_phantom_is_small() -> None:
    files = (MODELS / "phantom").iterdir()
    assert sum(p.stat().st_size for p in files if p.suffix != ".json") <= MIB
