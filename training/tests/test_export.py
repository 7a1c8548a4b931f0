"""From a checkpoint to a bundle, and back: the same pictures, the stated figures, and nothing written on failure."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from odm import export
from odm.__main__ import main
from odm.bundle import Bundle, check_manifest, export_variant, pack, read_description
from odm.checkpoint import save_checkpoint
from odm.config import TrainConfig, parse_config
from odm.errors import CheckpointError, ConfigError, DataError, ExportError
from odm.network import Denoiser
from odm.noise import Purpose, normals
from odm.sampling import CosineSchedule, conditioning_plan, from_torch, sample, sampler_table

from .conftest import TINY

DESCRIPTIONS = Path(__file__).resolve().parents[1] / "bundles"
PHANTOM = DESCRIPTIONS / "phantom.toml"
CONFIG: TrainConfig = parse_config({**TINY, "patch": 2, "ordinal_embedding": True})


def network(seed: int) -> Denoiser:
    """A network whose every weight matters (some are zero at initialisation)."""
    torch.manual_seed(seed)
    model = Denoiser(CONFIG.network()).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.02 * torch.randn_like(p))
    return model


def checkpoint(folder: Path, model: Denoiser) -> Path:
    state = {
        "config": json.loads(json.dumps(CONFIG.to_dict())),
        "step": 30,
        "seconds": 1.0,
        "branched_at": 8,
        "counts": [9] * 5,
        "model": {k: torch.zeros_like(v) for k, v in model.state_dict().items()},
        "ema": model.state_dict(),
        "optimizer": {},
    }
    save_checkpoint(folder, state)
    return folder / "latest.pt"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Denoiser]:
    """A bundle with both variants, and the network behind ``odm``."""
    folder = tmp_path_factory.mktemp("export")
    model = network(0)
    (folder / "run").mkdir()
    line = {"psnr_held_out": {"0.1": 30.0}, "ordinality": {"0.5": {"slack": 0.1, "violations": 0.0, "cosine": 0.9, "outer": 0.2}}}  # fmt: skip
    (folder / "run" / "log.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    odm = checkpoint(folder / "run", model)
    dm = checkpoint(folder / "run-dm", network(1))
    export_variant(odm, PHANTOM, folder / "phantom", "odm")
    export_variant(dm, PHANTOM, folder / "phantom", "dm")
    return folder / "phantom", model


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())} if folder.exists() else {}


def test_the_bundle_is_whole(made: tuple[Path, Denoiser]) -> None:
    folder, model = made
    assert set(files(folder)) == {"manifest.json", "odm.onnx", "dm.onnx", "card.md", "preview.webp"}
    manifest = Bundle.open(folder).manifest
    assert list(manifest["variants"]) == ["odm", "dm"]
    entry, payload = manifest["variants"]["odm"], (folder / "odm.onnx").read_bytes()
    assert entry["sha256"] == hashlib.sha256(payload).hexdigest()
    assert entry["bytes"] == len(payload)
    assert entry["params"] == sum(p.numel() for p in model.parameters())
    assert entry["imagesSeen"] == 30 * CONFIG.batch
    assert manifest["data"]["counts"] == [9] * 5
    assert len(payload) < 2.6 * entry["params"] + 40_000
    with Image.open(folder / "preview.webp") as preview:
        assert preview.width > 5 * 128


def test_the_card_has_what_a_reader_needs(made: tuple[Path, Denoiser]) -> None:
    text = (made[0] / "card.md").read_text(encoding="utf-8")
    for needed in ("synthetic", "Licence", "| 0 | No lesions | 9 |", "What it cannot do", "`ordinal_lambda`", "0.100", "120"):  # fmt: skip
        assert needed in text, needed


def test_the_graph_is_fit_for_a_gpu(made: tuple[Path, Denoiser]) -> None:
    proto = onnx.load(made[0] / "odm.onnx")
    assert {n.op_type for n in proto.graph.node} <= export.ALLOWED_OPS
    assert proto.opset_import[0].version == export.OPSET
    inputs = {i.name: [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim] for i in proto.graph.input}
    assert inputs == {"x": ["batch", 3, 32, 32], "t": ["batch"], "y": ["batch", 6]}
    assert all(i.type.tensor_type.elem_type == onnx.TensorProto.FLOAT for i in proto.graph.input)
    halved = [i for i in proto.graph.initializer if i.data_type == onnx.TensorProto.FLOAT16]
    sizes = {name: p.numel() for name, p in made[1].named_parameters()}
    # the coarse grids', which are most of the file
    assert sum(int(np.prod(i.dims)) for i in halved) == sum(sizes[name] for name in export.halved_names(made[1]))
    assert sum(int(np.prod(i.dims)) for i in halved) > 0.7 * Bundle.open(made[0]).manifest["variants"]["odm"]["params"]
    # int64 values only say shapes and axes: nothing is computed with them
    integers = {i.name for i in proto.graph.initializer if i.data_type == onnx.TensorProto.INT64}
    for node in proto.graph.node:
        if integers & set(node.input):
            assert node.op_type in {"Reshape", "Slice", "Split", "Squeeze", "Unsqueeze"}


def test_the_file_agrees_with_pytorch_for_any_batch(made: tuple[Path, Denoiser]) -> None:
    payload = (made[0] / "odm.onnx").read_bytes()
    for batch in (1, 2, 5):
        assert export.largest_difference(made[1], payload, 32, batch) <= export.TOLERANCE_FLOAT32
        assert export.largest_difference(export.rounded(made[1]), payload, 32, batch) <= export.TOLERANCE_ROUNDED


def test_the_parity_reference_is_what_the_file_gives(made: tuple[Path, Denoiser]) -> None:
    bundle = Bundle.open(made[0])
    for variant in ("odm", "dm"):
        parity = bundle.manifest["parity"][variant]
        x = normals(parity["seed"], Purpose.PARITY, 0, (1, 3, 32, 32))
        out = bundle.predict(variant)(x, np.float32([parity["t"]]), np.float32([parity["y"]])).reshape(-1)
        np.testing.assert_allclose(out[parity["indices"]], parity["values"], atol=1e-6)
        assert np.sqrt(np.mean(out.astype(np.float64) ** 2)) == pytest.approx(parity["rms"], abs=1e-6)
        assert len(set(parity["indices"])) == 64


def test_a_picture_from_the_bundle_is_that_of_the_network(made: tuple[Path, Denoiser], tmp_path: Path) -> None:
    bundle = Bundle.open(made[0])
    picture = bundle.sample("odm", 2.5, seed=3, sampler="ddpm", steps=6, guidance=1.5)
    table = sampler_table(CosineSchedule(), "ddpm", 6, (CONFIG.t_range[0], CONFIG.t_range[1]))
    plan = conditioning_plan(2.5, CONFIG.grades, 1.5)
    want = sample(from_torch(export.rounded(made[1])), plan, table, 3, (3, 32, 32))
    assert np.abs(picture - want).max() < 1e-4
    raw, png = tmp_path / "p.f32", tmp_path / "p.png"
    command = ["sample", "--bundle", str(made[0]), "--severity", "2.5", "--seed", "3", "--sampler", "ddpm"]
    assert main([*command, "--steps", "6", "--guidance", "1.5", "--raw", str(raw), "--out", str(png)]) == 0
    np.testing.assert_array_equal(np.frombuffer(raw.read_bytes(), "<f4").reshape(3, 32, 32), picture)
    with Image.open(png) as image:
        assert image.size == (32, 32)


def test_a_failed_check_writes_nothing(
    made: tuple[Path, Denoiser], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = checkpoint(tmp_path / "run", network(2))
    before = files(made[0])
    monkeypatch.setattr(export, "TOLERANCE_ROUNDED", 0.0)
    with pytest.raises(ExportError, match="rounded weights"):
        export_variant(source, PHANTOM, made[0], "odm")
    assert files(made[0]) == before


def test_exports_that_do_not_fit(made: tuple[Path, Denoiser], tmp_path: Path) -> None:
    source = checkpoint(tmp_path / "run", network(2))
    with pytest.raises(ExportError, match="no variant 'fast'"):
        export_variant(source, PHANTOM, tmp_path / "b", "fast")
    with pytest.raises(ExportError, match="grades are not those"):
        export_variant(source, DESCRIPTIONS / "colon-hyperkvasir.toml", tmp_path / "b", "odm")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        export_variant(tmp_path / "none.pt", PHANTOM, tmp_path / "b", "odm")
    assert not (tmp_path / "b").exists()


def test_what_only_training_needs_is_not_counted() -> None:
    torch.manual_seed(0)
    plain, told = (Denoiser(parse_config({**TINY, "patch": 2, "augment": a}).network()).eval() for a in (0.0, 0.1))
    assert export.export_network(told, CONFIG.size).params == sum(p.numel() for p in plain.parameters())


def test_weights_that_do_not_fit_float16() -> None:
    weight = onnx.numpy_helper.from_array(np.full((2, 2), 1e6, dtype=np.float32), "w")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2, 2])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Add", ["x", "w"], ["y"])], "g", [value], [], [weight])
    with pytest.raises(ExportError, match="w does not fit float16"):
        export.halve(onnx.helper.make_model(graph), {"w"})


@pytest.mark.parametrize("path", sorted(DESCRIPTIONS.glob("*.toml")), ids=lambda p: p.stem)
def test_shipped_descriptions_are_valid(path: Path) -> None:
    assert read_description(path)["id"] == path.stem


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "phantom"', 'id = "phantom"\ncolour = "red"', "unknown key colour"),
        ('scale = "Lesion', 'scales = "Lesion', "unknown key scales"),
        ("steps = 20", 'steps = "20"', "steps has the wrong type"),
        ('sampler = "dpmpp-2m"', 'sampler = "euler"', "sampler must be one of"),
        ('short = "2"\n', "", r"grades\[2\]: missing key short"),
    ],
)
def test_wrong_descriptions(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = PHANTOM.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "d.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_description(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(colour="red"), "colour"),
        (lambda m: m.update(formatVersion=2), "formatVersion"),
        (lambda m: m["grades"].reverse(), "rise"),
        (lambda m: m["data"]["counts"].pop(), "one count per grade"),
        (lambda m: m["parity"].pop("dm"), "parity reference"),
        (lambda m: m["diffusion"].update(tRange=[0.9, 0.1]), "tRange"),
        (lambda m: m["diffusion"].update(guidanceRange=[0.6, 0.2]), "guidanceRange"),
        (lambda m: m["variants"]["odm"].update(sha256="00"), "sha256"),
    ],
)
def test_wrong_manifests_are_refused(made: tuple[Path, Denoiser], change: Any, message: str) -> None:
    manifest = json.loads((made[0] / "manifest.json").read_text(encoding="utf-8"))
    assert check_manifest(manifest) == []
    change(manifest)
    assert message in "; ".join(check_manifest(manifest))


def test_damaged_and_missing_files_are_named(made: tuple[Path, Denoiser], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, content in files(made[0]).items():
        (copy / name).write_bytes(content)
    with pytest.raises(DataError, match="no variant 'fast'"):
        Bundle.open(copy).weights("fast")
    (copy / "dm.onnx").write_bytes(b"damaged")
    with pytest.raises(DataError, match="SHA-256") as caught:
        pack(copy, tmp_path / "copy.zip")
    assert caught.value.file == copy / "dm.onnx"
    assert not (tmp_path / "copy.zip").exists()
    (copy / "dm.onnx").unlink()
    with pytest.raises(DataError, match="weights are missing"):
        Bundle.open(copy).weights("dm")
    (copy / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="not JSON"):
        Bundle.open(copy)
    with pytest.raises(DataError, match="no manifest"):
        Bundle.open(tmp_path / "nowhere")


def test_pack(made: tuple[Path, Denoiser], tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        assert main(["pack", "--bundle", str(made[0]), "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == files(made[0])


def test_the_command_line_ends_an_expected_failure_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", "--bundle", str(tmp_path), "--severity", "1"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
