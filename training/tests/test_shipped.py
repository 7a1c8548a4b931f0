"""The bundles of this repository are whole: digests, budgets, parity references, cards."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from odm.bundle import Bundle, card, is_generator, read_description
from odm.evaluation.grader import MAX_BYTES
from odm.evaluation.tables import card_section, with_section
from odm.export import ALLOWED_OPS, session
from odm.noise import Purpose, normals

from .conftest import ROOT

MODELS = ROOT / "models"
BUNDLES: list[str] = json.loads((MODELS / "catalogue.json").read_text(encoding="utf-8"))["bundles"]
MIB = 1024 * 1024


def test_the_catalogue_names_every_bundle_once() -> None:
    assert sorted(BUNDLES) == sorted(p.parent.name for p in MODELS.glob("*/manifest.json"))


def parity_output(bundle: Bundle, variant: str) -> NDArray[np.float32]:
    """What the file gives for its parity reference's own inputs; a generator has z in the noisy picture's place, and no time."""
    entry, parity = bundle.manifest["variants"][variant], bundle.manifest["parity"][variant]
    y = np.float32([parity["y"]])
    if not is_generator(entry):
        x = normals(parity["seed"], Purpose.PARITY, 0, (1, *bundle.shape))
        return bundle.predict(variant)(x, np.float32([parity["t"]]), y)
    names = entry["inputs"]
    z = normals(parity["seed"], Purpose.PARITY, 0, (1, entry["latent"]))
    run = session(bundle.weights(variant))
    (picture,) = run.run([entry["output"]["name"]], {names["z"]["name"]: z, names["y"]["name"]: y})
    out: NDArray[np.float32] = picture
    return out


@pytest.mark.parametrize("name", BUNDLES)
def test_a_shipped_bundle(name: str) -> None:
    bundle = Bundle.open(MODELS / name)
    manifest = bundle.manifest
    assert manifest["id"] == name
    words = read_description(ROOT / "training" / "bundles" / f"{name}.toml")
    assert manifest["attribution"] == words["attribution"]
    generators = {variant for variant, entry in manifest["variants"].items() if is_generator(entry)}
    assert set(manifest["variants"]) - generators == {"odm", "dm"}
    assert generators <= {"stylegan2"}
    for variant, entry in manifest["variants"].items():
        payload = bundle.weights(variant)  # checks the digest
        assert len(payload) == entry["bytes"] <= 16 * MIB
        assert 0 < entry["flopsPerEval"] <= 4e9
        assert {n.op_type for n in onnx.load_from_string(payload).graph.node} <= ALLOWED_OPS
        parity = manifest["parity"][variant]
        out = parity_output(bundle, variant)
        assert out.shape == (1, *bundle.shape)
        flat = out.reshape(-1)
        np.testing.assert_allclose(flat[parity["indices"]], parity["values"], atol=1e-5)
        assert np.sqrt(np.mean(flat.astype(np.float64) ** 2)) == pytest.approx(parity["rms"], abs=1e-5)
    # both branches saw as many pictures: anything else would not be a comparison. What each saw alone after the network that
    # both go on from (fundus 38,304 and 12,800, colon 2,560 and none) is in the lab's README; these and no more.
    seen = {variant: entry["imagesSeen"] for variant, entry in manifest["variants"].items()}
    assert seen["odm"] - seen["dm"] == {"fundus-idrid": 38_304 - 12_800, "colon-hyperkvasir": 2_560}.get(name, 0)
    for part in ("card", "preview"):
        assert (Path(bundle.folder) / manifest[part]).stat().st_size > 1000


@pytest.mark.parametrize("name", BUNDLES)
def test_shipped_variants_draw_pictures(name: str) -> None:
    """Whatever makes them: pictures in range, that differ by seed and by grade, and again the same for the same request."""
    bundle = Bundle.open(MODELS / name)
    low, high = bundle.values[0], bundle.values[-1]
    for variant, entry in bundle.manifest["variants"].items():
        few: dict[str, Any] = {} if is_generator(entry) else {"steps": 2}
        first, again, other, graded = (
            bundle.sample(variant, severity, seed, **few)
            for severity, seed in ((low, 1), (low, 1), (low, 2), (high, 1))
        )
        assert first.shape == bundle.shape
        assert np.array_equal(first, again)
        assert np.abs(first).max() < 2
        assert np.abs(first).mean() > 0.05
        for different in (other, graded):
            assert np.abs(first - different).mean() > 1e-3, variant


@pytest.mark.parametrize("name", BUNDLES)
def test_the_card_says_what_the_manifest_and_the_figures_say(name: str) -> None:
    bundle = Bundle.open(MODELS / name)
    manifest = bundle.manifest
    words = read_description(ROOT / "training" / "bundles" / f"{name}.toml")
    assert manifest["limits"] == words["limits"]
    metrics = json.loads((MODELS / name / manifest["evaluation"]).read_text(encoding="utf-8"))
    made = card(manifest, {variant: bundle.weights(variant) for variant in manifest["variants"]})
    shipped = (MODELS / name / manifest["card"]).read_text(encoding="utf-8")
    assert with_section(made, card_section(metrics, manifest)) == shipped


@pytest.mark.parametrize("name", BUNDLES)
def test_figures_are_of_what_is_shipped(name: str) -> None:
    """A bundle's figures were measured on its very weights, drawn as the studio draws unless it is told otherwise."""
    manifest = Bundle.open(MODELS / name).manifest
    words = read_description(ROOT / "training" / "bundles" / f"{name}.toml")
    limits = {k: v for k, v in manifest["diffusion"].items() if k == "guidanceRange"}
    assert limits.get("guidanceRange") == words.get("guidance_range")
    sampling = {}
    for variant, entry in manifest["variants"].items():
        assert entry["title"] == words["variants"][variant]["title"]
        # a generator has neither a sampler nor anything to guide
        assert ("defaults" in entry) == (not is_generator(entry))
        assert entry.get("defaults", {}).items() <= words["variants"][variant].items()
        sampling[variant] = None if is_generator(entry) else {**entry["defaults"], **limits}
    metrics = json.loads((MODELS / name / manifest["evaluation"]).read_text(encoding="utf-8"))
    assert set(metrics["byVariant"]) == set(manifest["variants"])
    for variant, entry in manifest["variants"].items():
        mine = metrics["byVariant"][variant]
        assert mine["sha256"] == entry["sha256"]
        assert mine["sampling"] == sampling[variant]
        assert mine["imagesSeen"] == entry["imagesSeen"]
        # what a trajectory is needed for is there for all that have one, and for no others
        for part in ("ordinality", "psnr"):
            assert (part in mine) == (not is_generator(entry)), (variant, part)
        assert "nfe" not in mine or not is_generator(entry)


@pytest.mark.parametrize("name", BUNDLES)
def test_the_shipped_grader(name: str) -> None:
    """The file that the manifest names, read by nothing but itself: probabilities of the grades, and its own agreement."""
    bundle = Bundle.open(MODELS / name)
    entry = bundle.manifest["grader"]
    payload = (MODELS / name / entry["file"]).read_bytes()
    assert hashlib.sha256(payload).hexdigest() == entry["sha256"]
    assert len(payload) == entry["bytes"] <= MAX_BYTES
    metrics = json.loads((MODELS / name / bundle.manifest["evaluation"]).read_text(encoding="utf-8"))
    assert entry["title"] == metrics["grader"]["chosen"]
    assert entry["qwk"] == metrics["grader"]["crossValidated"]["qwk"]
    x = np.clip(normals(1, Purpose.PARITY, 0, (2, *bundle.shape)), -1, 1)
    (read,) = session(payload).run([entry["output"]["name"]], {entry["input"]["name"]: x})
    assert read.shape == (2, len(bundle.values))
    np.testing.assert_allclose(read.sum(1), 1, atol=1e-4)


def test_the_phantom_is_small() -> None:
    """Three systems and a grader, each of a few hundred kilobytes at most: every browser test loads some of it."""
    files = (MODELS / "phantom").iterdir()
    assert sum(p.stat().st_size for p in files if p.suffix != ".json") <= 2 * MIB
