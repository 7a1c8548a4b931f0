"""The evaluation on the shipped phantom: drawing, features, grader, geometry, memorisation, and the whole protocol."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from sklearn.linear_model import Ridge

from odm import colour, sampling
from odm.__main__ import main
from odm.bundle import Bundle
from odm.checkpoint import save_checkpoint
from odm.config import parse_config
from odm.data import ImageSet
from odm.efficientnet import open_network
from odm.errors import ConfigError, DataError, ExportError
from odm.evaluation import augmentation, draw, geometry, grader, join, memorisation, subject
from odm.evaluation.features import open_features
from odm.evaluation.install import check_metrics, metrics_bytes
from odm.evaluation.run import Evaluation, Settings, pack_results
from odm.evaluation.tables import with_section
from odm.export import session
from odm.network import Denoiser
from odm.noise import normals
from odm.onnx_torch import OnnxModule
from odm.phantom import phantom_image_set

from .conftest import ROOT, TINY

CPU = torch.device("cpu")
PHANTOM = ROOT / "models" / "phantom"
VALUES = (0.0, 1.0, 2.0, 3.0, 4.0)


# --- drawing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 7, 0xFFFFFFFF])
@pytest.mark.parametrize("step", [0, 19])
def test_noise_is_that_of_the_reference(seed: int, step: int) -> None:
    got = draw.normals([seed, 3], 1, step, 1001, CPU)
    assert np.abs(got[0].numpy() - normals(seed, 1, step, 1001)).max() < 1e-6
    assert np.abs(got[1].numpy() - normals(3, 1, step, 1001)).max() < 1e-6


@pytest.mark.parametrize("sampler", sampling.SAMPLERS)
def test_pictures_are_those_of_the_reference(sampler: Any) -> None:
    bundle = Bundle.open(PHANTOM)
    table = bundle.table(sampler, 5)
    plans = [sampling.conditioning_plan(v, bundle.values, 1.5, (0, 0.5)) for v in (0, 1.5, 4)]
    want = sampling.sample_many(bundle.predict("odm"), plans, table, [1, 2, 3], bundle.shape)
    got = draw.draw(OnnxModule(bundle.weights("odm")), plans, table, [1, 2, 3], bundle.shape, CPU)
    np.testing.assert_allclose(got.numpy(), want, atol=2e-4)
    one = subject.Variant(bundle, "odm", CPU).pictures([0, 1.5, 5], [1, 2, 3], 2, sampler, 5)
    assert one.shape == (3, 32, 32, 3)


def test_a_batch_of_mixed_plans_keeps_its_order() -> None:
    """Whole, fractional and extrapolated severities have plans of different lengths."""
    variant = subject.Variant(Bundle.open(PHANTOM), "odm", CPU)
    together = variant.pictures([5.0, 1.5, 2.0], [4, 5, 6], 8, steps=3)
    alone = np.concatenate([variant.pictures([v], [s], 1, steps=3) for v, s in ((5.0, 4), (1.5, 5), (2.0, 6))])
    assert np.abs(together.astype(int) - alone.astype(int)).max() <= 1


def test_plans_may_differ_in_rows_at_some_times_only() -> None:
    """Guidance 0 is one row for any severity; at times without guidance one beyond the grades has two."""
    bundle = Bundle.open(PHANTOM)
    table = bundle.table("ddim", 4)
    plans = [sampling.conditioning_plan(v, bundle.values, 0.0, (0, 0.5)) for v in (1, 5)]
    assert [len(p.rows) for p in plans] == [1, 1] and [len(p.at(0.9).rows) for p in plans] == [1, 2]
    want = sampling.sample_many(bundle.predict("odm"), plans, table, [1, 2], bundle.shape)
    got = draw.draw(OnnxModule(bundle.weights("odm")), plans, table, [1, 2], bundle.shape, CPU)
    np.testing.assert_allclose(got.numpy(), want, atol=2e-4)


# --- features and grader ----------------------------------------------------------------------------------------------


def test_features_that_are_not_there() -> None:
    with pytest.raises(DataError, match="lite0 and inception"):
        open_features("vgg", CPU)


def pictures(count: int) -> ImageSet:
    return phantom_image_set(count, 32, VALUES, 5)


# what WebGPU and WASM of ONNX Runtime both run, and no more than the graders need
OPERATORS = {
    *("Add", "Cast", "Clip", "Conv", "Gemm", "GlobalAveragePool", "Mul", "Reshape", "Resize", "Sigmoid", "Softmax")
}


@pytest.mark.parametrize(
    ("kind", "count", "epochs", "batch", "largest"),
    [("fine-tuned", 80, 3, 16, grader.MAX_BYTES), ("small", 400, 16, 32, 40_000)],
)
def test_training_learns_and_exports(kind: str, count: int, epochs: int, batch: int, largest: int) -> None:
    how = dataclasses.replace(grader.TRAININGS[kind], epochs=epochs, batch=batch)
    model = grader.train(pictures(count), 32, "none", how, 0, CPU)
    judged = phantom_image_set(40, 32, VALUES, 6)
    read = grader.read_grades(grader.probabilities(model, judged.images, CPU, 32))
    assert np.corrcoef(read, judged.labels)[0, 1] > 0.5
    payload = grader.export_grader(model, 5, 32)
    assert len(payload) <= largest
    assert {n.op_type for n in onnx.load_from_string(payload).graph.node} <= OPERATORS
    x = draw.to_float(judged.images[:3], CPU)
    got = session(payload).run(None, {"x": x.numpy()})[0]
    with torch.no_grad():
        np.testing.assert_allclose(got, model(x).numpy(), atol=5e-3)
    np.testing.assert_allclose(got.sum(1), 1, atol=1e-5)


def test_a_grader_is_cross_validated_on_pictures_that_it_did_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    images, seen = pictures(30), []
    how = dataclasses.replace(grader.SMALL, title="as asked", epochs=1, batch=8)
    train = grader.train
    monkeypatch.setattr(grader, "train", lambda some, *args: seen.append(some.names) or train(some, *args))
    found = grader.try_training(images, 32, "none", how, 3, 0, CPU, 8)
    fold = grader.fold_numbers(images.labels, 3, 0)
    for k in range(3):
        assert set(seen[k]) == {n for n, f in zip(images.names, fold) if f != k}
    assert seen[3] == images.names
    assert found.name == "as asked"
    np.testing.assert_allclose(found.cross_validated.sum(1), 1, atol=1e-5)


def test_ridge_exports_what_it_computes() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 30)
    x = rng.normal(size=(90, 1280)) + labels[:, None] * 0.2
    values = (1.0, 2.0, 3.0)
    fit = grader.ridge(x, np.asarray(values)[labels], labels, np.ones(90, dtype=bool), 0)
    probabilities = grader.ridge_probabilities(x, fit, values)
    assert (grader.read_grades(probabilities) == labels).mean() > 0.9
    head = grader.RidgeHead(torch.from_numpy(fit[0]).float(), fit[1], fit[2], values)
    with torch.no_grad():
        np.testing.assert_allclose(head(torch.from_numpy(x).float()).numpy(), probabilities, atol=1e-4)
    model = grader.Grader(open_network(), head, 64).eval()
    payload = grader.export_grader(model, 3, 32)
    picture = torch.rand(2, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        np.testing.assert_allclose(
            session(payload).run(None, {"x": picture.numpy()})[0], model(picture).numpy(), atol=2e-2
        )


@pytest.mark.parametrize("count", [20, 90])
def test_ridge_regression(count: int) -> None:
    """More features than pictures, and fewer."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(2, 1, (count, 40)), rng.normal(3, 1, count)
    want = Ridge(alpha=30).fit(x, y)
    (weights, bias), _ = grader._solve(x, y, [30.0, 100.0])
    np.testing.assert_allclose(weights, want.coef_, atol=1e-10)
    assert bias == pytest.approx(want.intercept_)


def test_folds_spread_every_grade() -> None:
    labels = np.repeat(np.arange(3), [20, 7, 50])
    fold = grader.fold_numbers(labels, 5, 1)
    for g, n in ((0, 20), (1, 7), (2, 50)):
        counts = np.bincount(fold[labels == g], minlength=5)
        assert counts.sum() == n
        assert counts.max() - counts.min() <= 1


def test_augmentation_sees_a_useful_generator_and_a_useless_one() -> None:
    rng = np.random.default_rng(2)
    direction = rng.normal(size=30)

    def sample(n: int, noise: float) -> tuple[Any, Any]:
        labels = np.repeat(np.arange(3), n)
        return labels[:, None] * direction * 0.25 + noise * rng.normal(size=(3 * n, 30)), labels

    real, labels = sample(12, 1.0)
    held, held_labels = sample(40, 1.0)
    good, drawn_labels = sample(200, 1.0)
    found = augmentation.compare(
        real, labels, held, held_labels, {"good": good, "bad": rng.normal(size=good.shape)}, drawn_labels,
        (1.0, 2.0, 3.0), 5, 0, 0,
    )  # fmt: skip
    plain, helped, spoiled = (a["heldOutQwk"]["value"] for a in found["arms"])
    assert helped > plain
    assert helped > spoiled
    assert found["arms"][0]["gain"] is None
    assert [r["grade"] for r in found["arms"][1]["recall"]] == [2.0, 3.0]


# --- geometry ---------------------------------------------------------------------------------------------------------


def test_geometry_of_a_known_arrangement() -> None:
    """Estimates that lie on a line by construction, and estimates that do not."""
    line = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))

    def straight(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (y[:, :4] @ torch.tensor([0.0, 1.0, 2.0, 3.0])).view(-1, 1, 1, 1) * line

    def folded(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (y[:, :4] @ torch.tensor([0.0, 3.0, 1.0, 2.0])).view(-1, 1, 1, 1) * line

    x = torch.randn(5, 3, 8, 8)
    good = geometry.order_at(straight, x, 0.5, 0.7, 0.7, 4)
    np.testing.assert_allclose(good.straightness, 1, atol=1e-5)
    np.testing.assert_allclose(good.cosine, 1, atol=1e-5)
    assert not good.violations.any()
    np.testing.assert_allclose(good.outer, 3 * float(line.square().mean().sqrt()), rtol=1e-4)
    bad = geometry.order_at(folded, x, 0.5, 0.7, 0.7, 4)
    assert (bad.violations > 0.4).all()
    rows = geometry.order_json([good], [bad], 0)
    assert rows[0]["outerRatio"]["value"] == pytest.approx(1.5, rel=1e-4)


# --- memorisation -----------------------------------------------------------------------------------------------------


def test_a_flipped_and_shifted_copy_is_found() -> None:
    rng = np.random.default_rng(0)
    big = rng.integers(0, 256, (20, 40, 40, 3), dtype=np.uint8)
    images = ImageSet(big, np.zeros(20, dtype=np.int64), tuple(map(str, range(20))), (0.0, 1.0))
    copy = big[7, 4:36, 8:40][:, ::-1]
    fresh = rng.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    found = memorisation.pixel_neighbours(np.concatenate([copy[None], fresh]), images, 32, "horizontal", CPU)
    assert found.index[0] == 7
    assert found.ratio[0] < 0.01
    assert (found.ratio[1:] > 0.8).all()
    names = images.names
    row = memorisation.nearest_json(found, found, np.arange(4), np.zeros(4), names, 0)
    assert row["underThreshold"] == 1
    assert row["closest"][0]["trainingImage"] == "7"


def test_nearest_against_brute_force() -> None:
    rng = np.random.default_rng(1)
    queries, views = rng.normal(size=(6, 10)), rng.normal(size=(3, 8, 10))
    want = np.sort(np.sqrt(((queries[:, None, None] - views) ** 2).mean(-1)).min(1), axis=1)
    got = memorisation.nearest(torch.from_numpy(queries), (torch.from_numpy(v) for v in views), 8, chunk=4)
    np.testing.assert_allclose(got.first, want[:, 0])
    np.testing.assert_allclose(got.second, want[:, 1])


# --- colour -----------------------------------------------------------------------------------------------------------


def test_colours_are_taken_out() -> None:
    rng = np.random.default_rng(0)
    texture = rng.normal(0, 12, (6, 16, 16, 1))
    hue = rng.uniform(70, 150, (6, 1, 1, 3))
    images = np.clip(texture + hue, 30, 255).astype(np.uint8)
    images[:, :2] = 3  # background
    colours = colour.measure(images)
    out = colour.normalise(images, colours)
    assert (out[:, :2] == 3).all()
    means = out[:, 2:].mean((1, 2))
    np.testing.assert_allclose(means, np.broadcast_to(colours.mean, means.shape), atol=1)
    assert images[:, 2:].mean((1, 2)).std(0).min() > 10
    np.testing.assert_allclose(colour.normalise(out, colours).astype(int), out, atol=2)


# --- the real pictures ------------------------------------------------------------------------------------------------


def test_what_was_trained_on_is_judged_against_as_training_showed_it() -> None:
    def variant(key: str, **changes: Any) -> Any:
        config = {**parse_config({**TINY, "data": "idrid", "path": "x"}).to_dict(), **changes}
        return SimpleNamespace(key=key, notes={"trainingConfig": json.dumps(config)})

    shown = {"colour_constancy": True, "autocrop": "disc", "left_out": [2.0], "grades": [0.0, 1.0, 3.0, 4.0]}
    found = subject.data_config([variant("odm", **shown, seed=1), variant("dm", **shown, seed=2)])
    assert found.colour_constancy and found.autocrop == "disc" and found.left_out == (2.0,)
    with pytest.raises(DataError, match="different data: colour_constancy is True and False"):
        subject.data_config([variant("odm", **shown), variant("dm", **{**shown, "colour_constancy": False})])
    with pytest.raises(DataError, match="no variant says"):
        subject.data_config([SimpleNamespace(key="odm", notes={})])  # type: ignore[list-item]


def test_half_grades_come_from_their_role(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "set"
    folder.mkdir()
    lines = ["file,mayo,role"]
    for k, (grade, role) in enumerate([("1", "train"), ("2", "train")] * 3 + [("1.5", "interpolation-test")] * 2):
        Image.new("RGB", (20, 20), (k * 20, 0, 0)).save(folder / f"{k}.png")
        lines.append(f"{k}.png,{grade},{role}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = parse_config({"data": "labels-csv", "path": "set", "grades": [1, 2], "size": 16, "resize": 20, "label_column": "mayo", "role": "train", "holdout": 0.34})  # fmt: skip
    real = subject.load_real(config, tmp_path, 0)
    assert (len(real.training), len(real.held_out)) == (4, 2)
    assert {v: p.shape for v, p in real.between.items()} == {1.5: (2, 16, 16, 3)}
    assert real.shown_training.shape == (4, 16, 16, 3)
    assert real.digest != subject.load_real(config, tmp_path, 0, limit=1).digest


# --- the whole protocol -----------------------------------------------------------------------------------------------

SMALL = Settings(
    count=5, between=5, nfe_count=2, order_count=5, folds=2, epochs=1, graders=("ridge",), limit=8, batch=32, steps=(2, 1)
)  # fmt: skip


def evaluation(out: Path, folder: Path = PHANTOM, settings: Settings = SMALL, **more: Any) -> Evaluation:
    return Evaluation(folder, None, out, settings, CPU, quiet=True, **more)


def left_out_checkpoint(folder: Path) -> Path:
    config = parse_config({**TINY, "grades": [0, 1, 3, 4]})
    model = Denoiser(config.network())
    state = {
        "config": json.loads(json.dumps(config.to_dict())),
        "step": 5,
        "seconds": 1.0,
        "branched_at": 0,
        "counts": [9] * 4,
        "model": model.state_dict(),
        "ema": model.state_dict(),
        "optimizer": {},
    }
    save_checkpoint(folder, state)
    return folder / "latest.pt"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evaluation, dict[str, Any], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("evaluation")
    run = evaluation(folder / "phantom", left_out=[("odm", left_out_checkpoint(folder / "left"))])
    found = run.run()
    return folder, run, found, run.metrics(found)


def test_the_metrics_are_valid_and_whole(done: Any) -> None:
    _, run, _, metrics = done
    assert check_metrics(metrics) == []
    assert set(metrics["byVariant"]) == set(run.bundle.manifest["variants"]) >= {"odm", "dm"}
    odm = metrics["byVariant"]["odm"]
    assert odm["sha256"] == run.bundle.manifest["variants"]["odm"]["sha256"]
    assert np.sum(odm["judgement"]["grader"]["confusion"]) == 25
    assert odm["ordinality"]["reference"] == "dm"
    assert metrics["byVariant"]["dm"]["ordinality"]["noised"][0]["outerRatio"] is None
    assert [p["steps"] for p in odm["nfe"]] == [2, 1] * len(sampling.SAMPLERS)
    assert [r["severity"] for r in odm["interpolation"]] == [0.5, 1.5, 2.5, 3.5, 4.5, 5]
    assert odm["leaveOneOut"][0]["grade"] == 2
    assert odm["leaveOneOut"][0]["method"] == "interpolation"
    # a neighbour that the checkpoint was trained on, drawn by it and by the shipped model, on the same real pictures
    seen = odm["leaveOneOut"][0]["seen"]
    assert seen["grade"] in (1, 3)
    shipped = next(r for r in odm["judgement"]["classwise"] if r["grade"] == seen["grade"])["training"]
    assert seen["distanceTrainedWith"] == shipped
    assert seen["distance"]["kid"]["value"] > shipped["kid"]["value"]  # an untrained network draws noise
    assert metrics["colourNormalised"]["byVariant"].keys() == metrics["byVariant"].keys()
    # what the shipped phantom does is known: straight and ordered, and the lesions grow with the grade
    middle = next(p for p in odm["ordinality"]["noised"] if p["t"] == 0.5)
    assert middle["straightness"]["value"] > 0.95
    measured = [g["mean"]["value"] for g in odm["severityMeasured"]]
    assert measured[4] > measured[2] > measured[0]
    broken = json.loads(json.dumps(metrics))
    broken["byVariant"]["odm"]["extra"] = 1
    with pytest.raises(ExportError, match="extra"):
        metrics_bytes(broken)


def test_real_halves_against_each_other(done: Any) -> None:
    _, run, _, _ = done
    rng = np.random.default_rng(0)
    found = run._halves(rng.normal(size=(40, 16)))
    assert found["kid"]["interval"][0] < 0 < found["kid"]["interval"][1]
    assert found["reference"] == 20
    assert run._halves(rng.normal(size=(15, 16))) is None


def test_a_second_run_takes_the_kept_stages(done: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, run, _, metrics = done
    moved = folder / "elsewhere" / "phantom"
    shutil.copytree(run.out, moved)
    shutil.rmtree(moved / "pictures")  # a packed result has no pictures
    again = evaluation(moved, left_out=run.left_out)
    monkeypatch.setattr(subject.Variant, "pictures", lambda *a, **k: pytest.fail("a kept stage drew pictures"))
    fresh = again.metrics(again.run())
    fresh["date"] = metrics["date"]
    assert fresh == metrics
    other = evaluation(moved, settings=dataclasses.replace(SMALL, count=7))
    with pytest.raises(pytest.fail.Exception):
        other.run(["grader", "judgement"])


def test_the_report_and_the_pack(done: Any) -> None:
    from odm.evaluation.report import write_report

    folder, run, found, metrics = done
    write_report(run, metrics, found)
    page = (run.out / "report.html").read_text(encoding="utf-8")
    assert 'src="http' not in page
    assert page.count("<figure>") == 12
    assert json.loads((run.out / "metrics.json").read_text("utf-8"))["protocol"] == "v1"
    pack_results([run.out], folder / "all.tar.gz")
    with tarfile.open(folder / "all.tar.gz") as archive:
        names = archive.getnames()
    assert {"phantom/metrics.json", "phantom/report.html", "phantom/grader.onnx", "phantom/figures/nfe.svg"} <= set(
        names
    )
    assert not any("pictures/" in n for n in names)


def test_installing_into_a_bundle(done: Any, tmp_path: Path) -> None:
    from odm.evaluation.install import install

    _, run, found, metrics = done
    shutil.copytree(PHANTOM, tmp_path / "phantom")
    run.bundle = Bundle.open(tmp_path / "phantom")
    install(run, metrics, found)
    installed = Bundle.open(tmp_path / "phantom")
    assert installed.manifest["evaluation"] == "metrics.json"
    entry = installed.manifest["grader"]
    x = draw.to_float(pictures(5).images[:1], CPU).numpy()
    read = session((tmp_path / "phantom" / entry["file"]).read_bytes()).run([entry["output"]["name"]], {entry["input"]["name"]: x})[0]  # fmt: skip
    assert read.shape == (1, 5)
    card = (tmp_path / "phantom" / "card.md").read_text("utf-8")
    assert card.count("## Evaluation") == 1
    odm = metrics["byVariant"]["odm"]
    # what the two saw differs, and the card says so
    saw = [f"{m['imagesSeen']:,}" for m in (odm["leaveOneOut"][0], odm)]
    assert f"| Ordinal (ODM) | {saw[0]} | {saw[1]} | 2 | interpolation |" in card
    assert saw[0] != saw[1]
    assert f"| Ordinal (ODM) | {saw[0]} | {saw[1]} | {odm['leaveOneOut'][0]['seen']['grade']:g} | (seen) |" in card
    assert "| grade asked for | Ordinal (ODM) | Standard (DM) |" in card
    install(run, metrics, found)
    assert (tmp_path / "phantom" / "card.md").read_text("utf-8") == card
    (tmp_path / "phantom" / "odm.onnx").unlink()
    metrics = json.loads(json.dumps(metrics))
    metrics["byVariant"]["odm"]["sha256"] = "0" * 64
    with pytest.raises(DataError, match="other weights"):
        install(run, metrics, found)


def test_one_variant_is_put_beside_the_others(done: Any, tmp_path: Path) -> None:
    """Judged alone and joined, its figures and those of the others are what judging all at once gives."""
    from odm.evaluation.install import install

    _, run, found, metrics = done
    folder = tmp_path / "phantom"
    shutil.copytree(PHANTOM, folder)
    run.bundle = Bundle.open(folder)
    install(run, metrics, found)
    kept = json.loads((folder / "metrics.json").read_text("utf-8"))
    without = json.loads(json.dumps(kept))
    del without["byVariant"]["stylegan2"], without["colourNormalised"]["byVariant"]["stylegan2"]
    without["augmentation"]["arms"] = [a for a in without["augmentation"]["arms"] if a["variant"] != "stylegan2"]
    (folder / "metrics.json").write_text(json.dumps(without), encoding="utf-8")

    joined = evaluation(tmp_path / "out", folder, variants=["stylegan2"], joined=True)
    new = joined.run()
    assert list(new["byVariant"]) == ["stylegan2"]
    after = joined.metrics(new)
    install(joined, after, new)
    written = json.loads((folder / "metrics.json").read_text("utf-8"))
    for part in (written, kept):
        del part["date"], part["hardware"]["seconds"]
    assert written == kept
    assert list(written["byVariant"]) == list(kept["byVariant"])

    for change, message in (
        ({"floor": {**without["floor"], "halves": []}}, "measured otherwise"),
        ({"seeds": {**without["seeds"], "noise": 8}}, "another seeds"),
        ({"data": {**without["data"], "training": [1, 2, 3, 4, 5]}}, "other data"),
        ({"augmentation": {**without["augmentation"], "folds": 3}}, "another folds"),
    ):
        with pytest.raises(DataError, match=message):
            join.join({**without, **change}, joined.metrics_of_own(new), list(kept["byVariant"]))
    with pytest.raises(ConfigError, match="no figures of stylegan2 either"):
        (folder / "metrics.json").write_text(json.dumps(without), encoding="utf-8")
        evaluation(tmp_path / "out", folder, variants=["dm"], joined=True)
    with pytest.raises(ConfigError, match="--variants"):
        evaluation(tmp_path / "out", folder, joined=True)


def test_rounding_is_no_disagreement() -> None:
    def distance(value: float) -> dict[str, Any]:
        return {"kid": {"value": value, "interval": [0, 1], "n": 5}}

    assert join.disagreements([distance(0.1)], [distance(0.1005)]) == []
    assert join.disagreements([distance(0.0001)], [distance(-0.0004)]) == []
    assert join.disagreements([distance(0.1)], [distance(0.104)]) == ["0/kid: 0.1 and 0.104"]
    assert join.disagreements({"a": None}, {"a": distance(0.1)["kid"]}) == ["a: None and 0.1"]
    assert len(join.disagreements([distance(0.1)], [])) == 1


def test_the_cards_section_finds_its_place() -> None:
    assert with_section("# A\n\n## Settings\n\nx\n", "S") == "# A\n\nS\n\n## Settings\n\nx\n"


def test_wrong_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="no variant none"):
        Evaluation(PHANTOM, None, tmp_path, SMALL, CPU, ["none"])
    with pytest.raises(ConfigError, match="no stage"):
        evaluation(tmp_path).run(["all"])
    with pytest.raises(ConfigError, match="there are ridge, fine-tuned, small"):
        evaluation(tmp_path, settings=dataclasses.replace(SMALL, graders=("large",))).run(["grader"])
    assert main(["evaluate", str(PHANTOM), "--out", str(tmp_path), "--left-out", "x"]) == 1
    assert "VARIANT=CHECKPOINT" in capsys.readouterr().err
