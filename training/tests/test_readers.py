"""Readers of the published layouts, on small made-up trees of the same shape; and what a hold-out keeps apart."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from odm.config import TrainConfig, parse_config
from odm.data import ImageSet, describe_split, load_image_set, split_holdout
from odm.errors import DataError
from odm.readers import SETS, read_records

DR = [0, 1, 2, 3, 4]


def config(data: str, grades: list[float], **changes: Any) -> TrainConfig:
    raw = {
        "data": data,
        "grades": grades,
        "size": 16,
        "patch": 2,
        "channels": [8, 16],
        "blocks": [1, 1],
        "up_blocks": [1],
        "attention": [1],
    }
    return parse_config({**raw, "path": "set", **changes})


def picture(path: Path, shade: int = 100, size: tuple[int, int] = (24, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, shade // 2, 0)).save(path)


def eyepacs(root: Path, patients: int = 40) -> list[str]:
    """Both eyes of each patient, sometimes of different grades."""
    lines = ["image,level"]
    for k in range(patients):
        for eye, grade in (("left", k % 5), ("right", (k + k % 2) % 5)):
            lines.append(f"{10 + k}_{eye},{grade}")
            picture(root / "set" / "train" / f"{10 + k}_{eye}.jpeg", 40 * grade)
    (root / "set" / "trainLabels.csv").write_text("\n".join(lines) + "\n")
    return lines


def aptos(root: Path) -> None:
    lines = ["id_code,diagnosis"]
    for k in range(10):
        lines.append(f"{k:012x},{k % 5}")
        picture(root / "set" / "train_images" / f"{k:012x}.png", 40 * (k % 5))
    (root / "set" / "train.csv").write_text("\n".join(lines) + "\n")


def limuc(root: Path, around: bool = True) -> None:
    base = root / "set" / ("patient_based_classified_images" if around else "")
    for patient in range(1, 25):
        for score in range(4):
            (base / str(patient) / f"Mayo {score}").mkdir(parents=True)  # as published: all four, often empty
        for k in range(3):
            score = (patient + (k == 2)) % 4
            picture(base / str(patient) / f"Mayo {score}" / f"UC_patient_{patient}_{k}.bmp", 60 * score)
    picture(base / "1" / "Mayo 0" / "redundant" / "again.bmp")


def hyperkvasir(root: Path) -> None:
    base = root / "set" / "labeled-images" / "lower-gi-tract" / "pathological-findings"
    for name in ("1", "2", "3", "0-1", "1-2", "2-3"):
        for k in range(3):
            picture(base / f"ulcerative-colitis-grade-{name}" / f"{name}-{k}.jpg")
    picture(base / "polyps" / "polyp.jpg")


def idrid(root: Path) -> None:
    base = root / "set" / "B. Disease Grading"
    for letter, part, count in (("a", "Training", 10), ("b", "Testing", 5)):
        # as published: a blank after a name, empty columns, empty rows at the end
        lines = ["Image name,Retinopathy grade,Risk of macular edema ,,,"]
        for k in range(count):
            lines.append(f"IDRiD_{k + 1:03d},{k % 5},0,,,")
            picture(base / "1. Original Images" / f"{letter}. {part} Set" / f"IDRiD_{k + 1:03d}.jpg", 40 * (k % 5))
        table = base / "2. Groundtruths" / f"{letter}. IDRiD_Disease Grading_{part} Labels.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("\ufeff" + "\n".join(lines) + "\n,,,,,\n", encoding="utf-8")


def retinamnist(root: Path, **changes: Any) -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in (("train", 20), ("val", 5), ("test", 10)):
        arrays[f"{part}_images"] = rng.integers(0, 256, (count, 28, 28, 3), dtype=np.uint8)
        arrays[f"{part}_labels"] = (np.arange(count) % 5).astype(np.uint8)[:, None]
    arrays |= changes
    np.savez(root / "set.npz", **{k: v for k, v in arrays.items() if v is not None})


def test_every_layout_has_its_licence_and_its_split() -> None:
    assert {"eyepacs", "aptos", "limuc", "retinamnist", "hyperkvasir", "idrid"} < set(SETS)
    assert all(s.title and s.licence and s.split for s in SETS.values())


def test_eyepacs_splits_by_patient(tmp_path: Path) -> None:
    eyepacs(tmp_path)
    images = load_image_set(config("eyepacs", DR), tmp_path)
    assert len(images) == 80 and images.images.shape == (80, 16, 16, 3)
    assert images.groups[:3] == ("10", "10", "11") and images.names[0] == "10_left"
    assert abs(int(images.images[images.labels == 3][0, 8, 8, 0]) - 120) < 8
    train, held = split_holdout(images, 0.2)
    assert not set(train.groups) & set(held.groups), "both eyes of a patient on one side"
    assert len(train) + len(held) == 80 and 12 <= len(held) <= 20
    for whole, part in zip(images.counts, held.counts, strict=True):
        assert abs(part - 0.2 * whole) <= 2
    assert split_holdout(images, 0.2)[1].names == held.names
    assert "no patient is on both sides" in describe_split(train, config("eyepacs", DR))


def test_aptos(tmp_path: Path) -> None:
    aptos(tmp_path)
    images = load_image_set(config("aptos", DR), tmp_path)
    assert images.counts == [2] * 5 and images.groups == () and images.held_out is None
    assert "10% of every grade" in describe_split(images, config("aptos", DR))
    assert "one patient may be on both sides" in describe_split(images, config("aptos", DR))


@pytest.mark.parametrize("around", [True, False])
def test_limuc_splits_by_patient(tmp_path: Path, around: bool) -> None:
    limuc(tmp_path, around)
    images = load_image_set(config("limuc", [0, 1, 2, 3]), tmp_path)
    assert len(images) == 72, "three pictures a patient; the folder inside a class folder is left out"
    train, held = split_holdout(images, 0.25)
    assert not set(train.groups) & set(held.groups)
    assert all(group == name.split("/")[0] for group, name in zip(images.groups, images.names, strict=True))
    assert min(train.counts) > 0 and min(held.counts) > 0


def test_hyperkvasir_keeps_half_grades_apart(tmp_path: Path) -> None:
    hyperkvasir(tmp_path)
    assert load_image_set(config("hyperkvasir", [1, 2, 3], role="train"), tmp_path).counts == [3, 3, 3]
    half = load_image_set(config("hyperkvasir", [0.5, 1.5, 2.5], role="interpolation-test"), tmp_path)
    assert half.counts == [3, 3, 3] and half.names[0].startswith("ulcerative-colitis-grade-0-1/")
    assert len(load_image_set(config("hyperkvasir", [0.5, 1, 1.5, 2, 2.5, 3]), tmp_path)) == 18


def test_idrid_and_retinamnist_keep_the_published_split(tmp_path: Path) -> None:
    idrid(tmp_path)
    train, held = split_holdout(load_image_set(config("idrid", DR), tmp_path), 0.5)
    assert (len(train), len(held)) == (10, 5), "whatever share is asked for"
    assert "the set's own split" in describe_split(train, config("idrid", DR))
    assert all(n.startswith("Testing/") for n in held.names)
    retinamnist(tmp_path)
    train, held = split_holdout(load_image_set(config("retinamnist", DR, path="set.npz", size=28, channels=[8, 16], patch=2), tmp_path), 0.1)  # fmt: skip
    assert (len(train), len(held)) == (20, 15)
    stored = np.load(tmp_path / "set.npz")
    np.testing.assert_array_equal(train.images[7], stored["train_images"][7])
    np.testing.assert_array_equal(held.labels, np.concatenate([stored["val_labels"], stored["test_labels"]])[:, 0])


def _without(name: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / "set" / name
        path.unlink()

    return change


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / "set" / name
        path.write_text(path.read_text().replace(old, new, 1))

    return change


GROUNDTRUTH = "B. Disease Grading/2. Groundtruths/a. IDRiD_Disease Grading_Training Labels.csv"


@pytest.mark.parametrize(
    ("data", "make", "spoil", "file", "row", "message"),
    [
        ("eyepacs", eyepacs, _without("train/10_right.jpeg"), "10_right.jpeg", 3, "missing"),
        ("eyepacs", eyepacs, _without("trainLabels.csv"), "trainLabels.csv", None, "missing"),
        ("eyepacs", eyepacs, _edit("trainLabels.csv", "11_left,1", "11_left,7"), "trainLabels.csv", 4, "'7'"),
        ("eyepacs", eyepacs, _edit("trainLabels.csv", "11_left", "left_11"), "trainLabels.csv", 4, "123_left"),
        ("eyepacs", eyepacs, _edit("trainLabels.csv", "level", "grade"), "trainLabels.csv", 1, "level"),
        ("aptos", aptos, _without("train_images/000000000002.png"), "000000000002.png", 4, "missing"),
        ("idrid", idrid, _edit(GROUNDTRUTH, "IDRiD_002,1", "IDRiD_002,"), "Training Labels.csv", 3, "''"),
        ("idrid", idrid, _edit(GROUNDTRUTH, "Image name", "Name"), "Training Labels.csv", 1, "Image name"),
    ],
)
def test_mistakes_name_file_and_row(tmp_path: Path, data: str, make: Callable[[Path], Any], spoil: Callable[[Path], None], file: str, row: int | None, message: str) -> None:  # fmt: skip
    make(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        load_image_set(config(data, DR), tmp_path)
    assert str(caught.value.file).endswith(file) and caught.value.row == row


def test_more_mistakes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="data folder is missing"):
        load_image_set(config("limuc", [0, 1, 2, 3]), tmp_path)
    limuc(tmp_path)
    (tmp_path / "set" / "patient_based_classified_images" / "3" / "severe").mkdir()
    with pytest.raises(DataError, match="Mayo 0 to Mayo 3"):
        load_image_set(config("limuc", [0, 1, 2, 3]), tmp_path)
    with pytest.raises(DataError, match="archive is missing"):
        load_image_set(config("retinamnist", DR, path="set.npz"), tmp_path)
    retinamnist(tmp_path, val_labels=None)
    with pytest.raises(DataError, match="val_labels missing"):
        load_image_set(config("retinamnist", DR, path="set.npz"), tmp_path)
    retinamnist(tmp_path, test_images=np.zeros((10, 28, 28), np.uint8))
    with pytest.raises(DataError, match="test_images must be uint8"):
        load_image_set(config("retinamnist", DR, path="set.npz"), tmp_path)
    (tmp_path / "set.npz").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match="not a readable"):
        load_image_set(config("retinamnist", DR, path="set.npz"), tmp_path)
    with pytest.raises(DataError, match="ODM_DATA"):
        read_records(config("aptos", DR), None)
    hyperkvasir(tmp_path)
    with pytest.raises(DataError, match="'0.5' is not one of the declared"):
        load_image_set(config("hyperkvasir", [1, 2, 3]), tmp_path)


def test_groups_of_one_split_as_pictures_do(tmp_path: Path) -> None:
    """A patient a picture is the same as no patients at all: the first of each grade by the names' hashes."""
    names = tuple(f"p{k}" for k in range(50))
    labels = np.arange(50, dtype=np.int64) % 3
    plain = ImageSet(np.zeros((50, 2, 2, 3), np.uint8), labels, names, (0.0, 1.0, 2.0))
    grouped = ImageSet(plain.images, labels, names, plain.grades, groups=names)
    assert split_holdout(plain, 0.2)[1].names == split_holdout(grouped, 0.2)[1].names
    assert split_holdout(plain, 0.2)[1].counts == [round(0.2 * n) for n in plain.counts]


def test_the_cache_holds_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aptos(tmp_path)
    fresh = load_image_set(config("aptos", DR), tmp_path)
    monkeypatch.setenv("ODM_CACHE", str(tmp_path / "cache"))
    first = load_image_set(config("aptos", DR), tmp_path)
    (kept,) = (p for p in (tmp_path / "cache").iterdir() if "found" not in p.name)
    stamp = kept.stat().st_mtime_ns
    again = load_image_set(config("aptos", DR), tmp_path)
    assert isinstance(again.images, np.memmap) and kept.stat().st_mtime_ns == stamp
    np.testing.assert_array_equal(first.images, fresh.images)
    np.testing.assert_array_equal(again.images, fresh.images)
    # another crop, or a picture that changed, is another array
    load_image_set(config("aptos", DR, crop=[0, 0, 0.5, 1]), tmp_path)
    assert len(list((tmp_path / "cache").iterdir())) == 4
    changed = tmp_path / "set" / "train_images" / "000000000000.png"
    picture(changed, 250)
    os.utime(changed, (time.time() + 5, time.time() + 5))
    assert load_image_set(config("aptos", DR), tmp_path).images[0, 8, 8, 0] == 250
