"""The readers, what they refuse (naming file and row), and batches as a pure function of the step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from odm.config import TrainConfig
from odm.data import BatchSource, ImageSet, center_crop, describe_split, load_image_set, split_holdout, to_float
from odm.errors import ConfigError, DataError

Tiny = Callable[..., TrainConfig]


def picture(path: Path, colour: tuple[int, int, int], side: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Grades 1, 2 and 3 with two pictures each, and one of a half grade with another role."""
    rows = ["file,grade,mayo,role"]
    for grade in (1, 2, 3):
        for k in range(2):
            picture(tmp_path / "set" / str(grade) / f"{k}.png", (grade * 50, k * 100, 0))
            rows.append(f"{grade}/{k}.png,x,{grade},train")
    picture(tmp_path / "set" / "half" / "a.png", (9, 9, 9))
    rows.append("half/a.png,x,1.5,interpolation-test")
    (tmp_path / "set" / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def labelled(tiny: Tiny) -> Callable[..., TrainConfig]:
    base = {"data": "labels-csv", "path": "set", "label_column": "mayo", "role": "train", "grades": [1, 2, 3]}
    return lambda **changes: tiny(**{**base, **changes})


def test_labels_csv(folder: Path, labelled: Tiny) -> None:
    images = load_image_set(labelled(), folder)
    assert images.images.shape == (6, 32, 32, 3)
    assert images.images.dtype == np.uint8
    assert images.counts == [2, 2, 2]
    assert images.names[0] == "1/0.png"
    assert images.images[3, 0, 0].tolist() == [100, 100, 0]


def test_rows_of_other_roles_are_not_read(folder: Path, labelled: Tiny) -> None:
    (folder / "set" / "half" / "a.png").unlink()
    assert len(load_image_set(labelled(), folder)) == 6
    with pytest.raises(DataError) as caught:
        load_image_set(labelled(role="", grades=[1, 1.5, 2, 3]), folder)
    assert caught.value.file == folder / "set" / "half" / "a.png"


def test_grades_left_out_are_not_read(folder: Path, labelled: Tiny) -> None:
    every = load_image_set(labelled(), folder)
    images = load_image_set(labelled(grades=[1, 3], left_out=[2], ordinal_lambda=0), folder)
    assert images.grades == (1, 3)
    assert images.counts == [2, 2]
    assert images.names == tuple(n for n in every.names if not n.startswith("2/"))
    assert (images.images == every.images[every.labels != 1]).all()
    with pytest.raises(ConfigError, match="left_out"):
        labelled(left_out=[2])
    with pytest.raises(DataError, match="not one of the declared grades"):
        load_image_set(labelled(grades=[1, 3], ordinal_lambda=0), folder)


def test_colour_constancy_leaves_no_hue_to_tell_grades_by(folder: Path, labelled: Tiny) -> None:
    rng = np.random.default_rng(0)
    for path in sorted((folder / "set").glob("[123]/*.png")):
        spread = rng.integers(-20, 20, (32, 32, 3))
        tint = np.asarray([60 * int(path.parent.name), 90, 40])
        Image.fromarray((spread + tint).clip(0, 255).astype(np.uint8)).save(path)
    before = load_image_set(labelled(), folder).images.mean((1, 2))
    after = load_image_set(labelled(colour_constancy=True), folder).images.mean((1, 2))
    assert np.ptp(before[:, 0]) > 100
    assert np.ptp(after, axis=0).max() < 1.5
    assert after.mean(0) == pytest.approx(before.mean(0), abs=1.5)
    with pytest.raises(ConfigError, match="colour_constancy"):
        labelled(data="phantom", path="", role="", colour_constancy=True)


def test_class_folders(folder: Path, labelled: Tiny) -> None:
    for path in ((folder / "set" / "half" / "a.png"), (folder / "set" / "labels.csv")):
        path.unlink()
    (folder / "set" / "half").rmdir()
    images = load_image_set(labelled(data="class-folders"), folder)
    assert images.counts == [2, 2, 2]
    (folder / "set" / "7").mkdir()
    with pytest.raises(DataError, match="'7' is not one of the declared grades 1, 2, 3"):
        load_image_set(labelled(data="class-folders"), folder)


def test_a_missing_file_names_file_and_row(folder: Path, labelled: Tiny) -> None:
    (folder / "set" / "2" / "1.png").unlink()
    with pytest.raises(DataError, match="missing") as caught:
        load_image_set(labelled(), folder)
    assert caught.value.file == folder / "set" / "2" / "1.png"
    assert caught.value.row == 5
    assert "row 5" in str(caught.value)


@pytest.mark.parametrize("content", [b"this is no picture", b""])
def test_an_unreadable_image_names_file_and_row(folder: Path, labelled: Tiny, content: bytes) -> None:
    (folder / "set" / "1" / "1.png").write_bytes(content)
    with pytest.raises(DataError, match="can't be read") as caught:
        load_image_set(labelled(), folder)
    assert (caught.value.file, caught.value.row) == (folder / "set" / "1" / "1.png", 3)


def test_a_truncated_image_is_unreadable(folder: Path, labelled: Tiny) -> None:
    path = folder / "set" / "1" / "1.png"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match="can't be read"):
        load_image_set(labelled(), folder)


@pytest.mark.parametrize("label", ["4", "two", ""])
def test_a_label_outside_the_declared_grades(folder: Path, labelled: Tiny, label: str) -> None:
    table = folder / "set" / "labels.csv"
    table.write_text(table.read_text().replace("3/0.png,x,3,", f"3/0.png,x,{label},"), encoding="utf-8")
    with pytest.raises(DataError, match="not one of the declared grades") as caught:
        load_image_set(labelled(), folder)
    assert (caught.value.file, caught.value.row) == (table, 6)


def test_missing_table_column_grade_and_root(folder: Path, labelled: Tiny) -> None:
    with pytest.raises(DataError, match="column severity missing"):
        load_image_set(labelled(label_column="severity"), folder)
    with pytest.raises(DataError, match="no image has grade 4"):
        load_image_set(labelled(grades=[1, 2, 3, 4]), folder)
    with pytest.raises(DataError, match=r"labels\.csv is missing"):
        load_image_set(labelled(path="elsewhere"), folder)
    with pytest.raises(DataError, match="say where the data is"):
        load_image_set(labelled(), None)


def test_the_crop_is_in_fractions(folder: Path, labelled: Tiny) -> None:
    halves = np.zeros((40, 40, 3), dtype=np.uint8)
    halves[:, 20:] = 255
    Image.fromarray(halves).save(folder / "set" / "1" / "0.png")
    cropped = load_image_set(labelled(crop=[0.5, 0.0, 1.0, 1.0]), folder).images[0]
    assert cropped[:, 2:].min() > 240  # the resampling filter reaches a pixel over the border


def test_the_holdout_is_stable_and_stratified(tiny: Tiny) -> None:
    images = load_image_set(tiny(phantom_count=200), None)
    train, held = split_holdout(images, 0.1)
    assert held.counts == [4] * 5
    assert train.counts == [36] * 5
    assert not set(train.names) & set(held.names)
    shuffled = images.subset(np.ones(len(images), dtype=bool))
    order = np.random.default_rng(0).permutation(len(images))
    shuffled = ImageSet(
        images.images[order], images.labels[order], tuple(images.names[i] for i in order), images.grades
    )
    assert set(split_holdout(shuffled, 0.1)[1].names) == set(held.names)
    said = describe_split(train, tiny(phantom_count=200))
    assert "10% of every grade" in said and "file" not in said and "patient" not in said


def test_batches_are_a_function_of_the_step(tiny: Tiny) -> None:
    config = tiny(batch=8)
    images = load_image_set(config, None)
    first, again = BatchSource(images, config), BatchSource(images, config)
    again.batch(0)
    np.testing.assert_array_equal(first.batch(3).x0, again.batch(3).x0)
    np.testing.assert_array_equal(first.batch(3).labels, again.batch(3).labels)
    assert not np.array_equal(first.batch(3).x0, first.batch(4).x0)


@pytest.mark.parametrize(("balance", "share"), [(0.0, 0.1), (0.5, 0.25), (1.0, 0.5)])
def test_class_balance(tiny: Tiny, balance: float, share: float) -> None:
    pictures = np.zeros((100, 32, 32, 3), dtype=np.uint8)
    labels = np.asarray([0] * 10 + [1] * 90)
    images = ImageSet(pictures, labels, tuple(map(str, range(100))), (0.0, 1.0))
    config = tiny(batch=4000, images=4000, class_balance=balance, grades=[0, 1], ordinal_lambda=0.0)
    assert np.mean(BatchSource(images, config).batch(0).labels == 0) == pytest.approx(share, abs=0.03)


def test_model_range_and_center_crop() -> None:
    pictures = np.zeros((1, 6, 6, 3), dtype=np.uint8)
    pictures[0, 2:4, 2:4] = 255
    assert to_float(center_crop(pictures, 2)).tolist() == np.ones((1, 3, 2, 2)).tolist()
    assert to_float(pictures).min() == -1
