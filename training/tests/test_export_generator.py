"""A generator joins a bundle: checked, named in the manifest, drawn by severity and seed, and never in a denoiser's place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from odm import export
from odm.__main__ import main
from odm.bundle import Bundle, check_manifest, export_variant
from odm.checkpoint import save_checkpoint
from odm.config import GanConfig, parse_settings
from odm.errors import ConfigError, DataError, ExportError
from odm.evaluation.subject import Variant
from odm.gan import KIND, latents
from odm.noise import Purpose, normals
from odm.sampling import mixed_row, to_uint8
from odm.stylegan import Generator, ModulatedConv, generator_flops

from .conftest import TINY_GAN
from .test_export import PHANTOM, checkpoint, files, network

CONFIG: GanConfig = parse_settings(GanConfig, TINY_GAN)


def generator(seed: int = 0) -> Generator:
    """A generator whose every weight matters."""
    torch.manual_seed(seed)
    model = Generator(CONFIG.shape()).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model


def gan_checkpoint(folder: Path, model: Generator) -> Path:
    state = {
        "kind": KIND,
        "config": json.loads(json.dumps(CONFIG.to_dict())),
        "step": 50,
        "seconds": 2.0,
        "counts": [9] * 5,
        "ema": model.state_dict(),
    }
    save_checkpoint(folder, state)
    return folder / "latest.pt"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Generator]:
    folder = tmp_path_factory.mktemp("generator")
    export_variant(checkpoint(folder / "odm", network(0)), PHANTOM, folder / "phantom", "odm")
    model = generator()
    export_variant(gan_checkpoint(folder / "gan", model), PHANTOM, folder / "phantom", "stylegan2")
    return folder / "phantom", model


def test_the_manifest_names_it(made: tuple[Path, Generator]) -> None:
    manifest = Bundle.open(made[0]).manifest
    entry = manifest["variants"]["stylegan2"]
    assert list(manifest["variants"]) == ["odm", "stylegan2"]
    assert entry["kind"] == "generator"
    assert entry["latent"] == 8
    assert "defaults" not in entry
    assert entry["imagesSeen"] == 50 * CONFIG.batch
    assert entry["flopsPerEval"] == generator_flops(CONFIG.shape())
    assert entry["params"] == sum(p.numel() for p in made[1].parameters())
    text = (made[0] / "card.md").read_text(encoding="utf-8")
    for needed in ("none: one evaluation", "## Settings of StyleGAN2", "`r1_gamma`"):
        assert needed in text, needed


def test_the_figures_of_the_other_variants_stay(tmp_path: Path) -> None:
    """A new variant is not evaluated and the others are still. New weights take figures with them: a generator its own, a
    diffusion model all.
    """
    folder, gan = tmp_path / "phantom", gan_checkpoint(tmp_path / "gan", generator())
    export_variant(checkpoint(tmp_path / "odm", network(0)), PHANTOM, folder, "odm")
    shipped = Path(__file__).resolve().parents[2] / "models" / "phantom" / "metrics.json"
    metrics = json.loads(shipped.read_text("utf-8"))
    all_three = json.loads(json.dumps(metrics))
    metrics["byVariant"] = {"odm": metrics["byVariant"]["odm"]}
    metrics["augmentation"]["arms"] = [a for a in metrics["augmentation"]["arms"] if a["variant"] in (None, "odm")]
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**manifest, "evaluation": "metrics.json"}), encoding="utf-8")
    for _ in range(2):
        export_variant(gan, PHANTOM, folder, "stylegan2", preview=False)
        assert Bundle.open(folder).manifest["evaluation"] == "metrics.json"
        assert json.loads((folder / "metrics.json").read_text("utf-8")) == metrics
        assert (folder / "card.md").read_text("utf-8").count("## Evaluation") == 1
    del all_three["byVariant"]["dm"]
    all_three["augmentation"]["arms"] = [a for a in all_three["augmentation"]["arms"] if a["variant"] != "dm"]
    assert "stylegan2" in all_three["byVariant"]
    (folder / "metrics.json").write_text(json.dumps(all_three), encoding="utf-8")
    export_variant(gan, PHANTOM, folder, "stylegan2", preview=False)
    assert Bundle.open(folder).manifest["evaluation"] == "metrics.json"
    assert json.loads((folder / "metrics.json").read_text("utf-8")) == metrics
    assert (folder / "card.md").read_text("utf-8").count("## Evaluation") == 1
    export_variant(tmp_path / "odm" / "latest.pt", PHANTOM, folder, "odm", preview=False)
    assert "evaluation" not in Bundle.open(folder).manifest
    assert not (folder / "metrics.json").exists()


def test_the_graph_is_fit_for_a_gpu(made: tuple[Path, Generator]) -> None:
    proto = onnx.load(made[0] / "stylegan2.onnx")
    assert {n.op_type for n in proto.graph.node} <= export.ALLOWED_OPS
    inputs = {i.name: [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim] for i in proto.graph.input}
    assert inputs == {"z": ["batch", 8], "y": ["batch", 5]}
    assert [o.name for o in proto.graph.output] == ["picture"]
    widths = {i.dims[0] for i in proto.graph.initializer if len(i.dims) == 4 and i.dims[0] > 3}
    assert all(width % 4 == 0 for width in widths)
    integers = {i.name for i in proto.graph.initializer if i.data_type == onnx.TensorProto.INT64}
    for node in proto.graph.node:
        if integers & set(node.input):
            assert node.op_type in {"Reshape", "ReduceMean", "ReduceSum", "Unsqueeze"}


def test_most_weights_are_halved() -> None:
    torch.manual_seed(3)
    wide = parse_settings(GanConfig, {**TINY_GAN, "channels": [64, 64, 32, 32]}).shape()
    model = Generator(wide).eval()
    exported = export.export_generator(model)
    proto = onnx.load_from_string(exported.payload)
    halved = sum(int(np.prod(i.dims)) for i in proto.graph.initializer if i.data_type == onnx.TensorProto.FLOAT16)
    large = sum(p.numel() for name, p in model.named_parameters() if name in export.halved_names(model))
    assert halved == large > 0.7 * exported.params
    assert exported.max_error_rounded <= export.TOLERANCE_GENERATOR_ROUNDED


def test_export_leaves_the_network_as_it_was() -> None:
    model = generator(1)
    z, y = torch.randn(2, 8), torch.eye(5)[:2]
    before = model(z, y)
    export.export_generator(model)
    assert torch.equal(model(z, y), before)
    assert not any(m.polyphase for m in model.modules() if isinstance(m, ModulatedConv))


def test_a_failed_check_writes_nothing(
    made: tuple[Path, Generator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(made[0])
    monkeypatch.setattr(export, "TOLERANCE_GENERATOR_FLOAT32", 0.0)
    with pytest.raises(ExportError, match="float32 network"):
        export_variant(gan_checkpoint(tmp_path, generator(2)), PHANTOM, made[0], "stylegan2")
    assert files(made[0]) == before


def test_pictures_are_those_of_the_network(made: tuple[Path, Generator], tmp_path: Path) -> None:
    bundle = Bundle.open(made[0])
    severities, seeds = [0, 2.25, 4], [5, 6, 7]
    pictures = bundle.generate("stylegan2", severities, seeds)
    y = torch.zeros(3, 5)
    y[0, 0] = y[2, 4] = 1
    y[1, 2], y[1, 3] = 0.75, 0.25
    with torch.no_grad():
        want = export.rounded(made[1])(torch.from_numpy(latents(seeds, 8)), y).numpy()
    assert np.abs(pictures - want).max() < 0.02
    one = bundle.sample("stylegan2", 2.25, 6)
    np.testing.assert_allclose(one, pictures[1], atol=1e-5)
    png = tmp_path / "p.png"
    command = ["sample", "--bundle", str(made[0]), "--variant", "stylegan2", "--severity", "2.25", "--out", str(png)]
    assert main(command) == 0
    assert png.is_file()


def test_the_evaluation_draws_the_same_pictures(made: tuple[Path, Generator]) -> None:
    bundle = Bundle.open(made[0])
    severities, seeds = [0, 1.5, 4.5], [8, 9, 10]
    got = Variant(bundle, "stylegan2", torch.device("cpu")).pictures(severities, seeds, batch=2)
    want = np.stack([to_uint8(p) for p in bundle.generate("stylegan2", severities, seeds)])
    assert np.abs(got.astype(int) - want.astype(int)).max() <= 1


def test_a_generator_is_not_sampled(made: tuple[Path, Generator]) -> None:
    bundle = Bundle.open(made[0])
    with pytest.raises(ConfigError, match="no sampler"):
        bundle.sample("stylegan2", 1, 0, steps=4)
    with pytest.raises(DataError, match="nothing to denoise"):
        bundle.predict("stylegan2")


def test_the_parity_reference_is_what_the_file_gives(made: tuple[Path, Generator]) -> None:
    bundle = Bundle.open(made[0])
    parity = bundle.manifest["parity"]["stylegan2"]
    assert parity["t"] is None
    z = normals(parity["seed"], Purpose.PARITY, 0, (1, 8))
    run = export.session(bundle.weights("stylegan2"))
    out = run.run(None, {"z": z, "y": np.float32([parity["y"]])})[0].reshape(-1)
    np.testing.assert_allclose(out[parity["indices"]], parity["values"], atol=1e-5)


def test_exports_that_do_not_fit(made: tuple[Path, Generator], tmp_path: Path) -> None:
    source = gan_checkpoint(tmp_path / "gan", generator())
    with pytest.raises(ExportError, match="export that first"):
        export_variant(source, PHANTOM, tmp_path / "new", "stylegan2")
    with pytest.raises(ExportError, match="not described as a generator"):
        export_variant(source, PHANTOM, made[0], "odm")
    with pytest.raises(ExportError, match="not described as a diffusion model"):
        export_variant(checkpoint(tmp_path / "odm", network(0)), PHANTOM, made[0], "stylegan2")
    assert not (tmp_path / "new").exists()


def test_wrong_manifests_are_refused(made: tuple[Path, Generator]) -> None:
    manifest = json.loads((made[0] / "manifest.json").read_text(encoding="utf-8"))
    assert check_manifest(manifest) == []
    manifest["parity"]["stylegan2"]["t"] = 0.5
    assert "null for a generator" in "; ".join(check_manifest(manifest))
    manifest["parity"]["stylegan2"]["t"] = None
    for part in ("variants", "parity"):
        del manifest[part]["odm"]
    assert "a diffusion model is needed" in "; ".join(check_manifest(manifest))


def test_a_severity_as_one_row() -> None:
    np.testing.assert_allclose(mixed_row(1.5, [0, 1, 2]), [0, 0.5, 0.5])
    np.testing.assert_allclose(mixed_row(2, [0, 1, 2]), [0, 0, 1])
    np.testing.assert_allclose(mixed_row(2.5, [0, 1, 2]), [0, -0.5, 1.5])
