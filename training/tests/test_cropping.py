"""Cropping on synthetic photographs whose disc and mucosa are known, and the contact sheet."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from odm.__main__ import main
from odm.config import parse_config
from odm.contact_sheet import contact_sheet
from odm.cropping import find_disc, find_mucosa, mucosa_mask
from odm.data import load_image_set
from odm.errors import DataError

from .test_readers import aptos, config


def fundus(size: tuple[int, int], cx: float, cy: float, radius: float, seed: int = 0, notch: bool = False) -> NDArray[np.uint8]:  # fmt: skip
    """A reddish disc, darker towards its edge, on a not quite black ground."""
    width, height = size
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] + 0.5
    distance = np.hypot(x - cx, y - cy) / radius
    shade = np.where(distance < 1, 1 - 0.6 * distance**2, 0)
    out = shade[..., None] * np.array([190, 90, 40]) + rng.normal(4, 2, (height, width, 3))
    if notch:  # the mark that some cameras put at the edge
        out[(np.abs(x - cx - radius) < 0.08 * radius) & (np.abs(y - cy) < 0.05 * radius)] = (150, 70, 30)
    return np.clip(out, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "cx", "cy", "radius", "notch"),
    [
        ((400, 400), 200, 200, 180, False),
        ((640, 480), 330, 250, 200, True),  # off centre, with a notch
        ((800, 530), 400, 265, 330, False),  # cut at top and bottom, as in EyePACS
        ((800, 530), 420, 300, 330, True),  # cut more at the bottom
        ((2000, 1500), 980, 760, 700, False),
    ],
)
def test_the_disc_is_found(size: tuple[int, int], cx: float, cy: float, radius: float, notch: bool) -> None:
    box = find_disc(fundus(size, cx, cy, radius, notch=notch))
    assert box is not None
    left, top, right, bottom = box
    assert right - left == pytest.approx(bottom - top)
    assert (left + right) / 2 == pytest.approx(cx, abs=0.05 * radius)
    assert (top + bottom) / 2 == pytest.approx(cy, abs=0.05 * radius)
    assert (right - left) / 2 == pytest.approx(radius, rel=0.06)


def test_a_letterboxed_disc_is_the_whole_circle() -> None:
    picture = fundus((600, 600), 300, 300, 290)
    picture[:100] = picture[500:] = 0
    box = find_disc(picture)
    assert box is not None and box[1] == pytest.approx(10, abs=18) and box[3] == pytest.approx(590, abs=18)


def test_no_disc() -> None:
    rng = np.random.default_rng(0)
    assert find_disc(np.clip(rng.normal(3, 1, (200, 200, 3)), 0, 8).astype(np.uint8)) is None


def colonoscopy(seed: int = 0, text: bool = True, box: bool = True, icon: bool = True, lumen: bool = True) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:  # fmt: skip
    """A frame of 256x256 with its furniture, and a mask of that furniture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:256, 0:256]
    tissue = np.array([190, 90, 70]) + 25 * np.sin(x / 23 + seed)[..., None] + rng.normal(0, 6, (256, 256, 3))
    image = Image.fromarray(np.clip(tissue, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    marks = Image.new("L", image.size)
    mark = ImageDraw.Draw(marks)
    for d in (draw, mark):  # the octagon's corners and a black margin on the left
        fill = 255 if d is mark else (2, 2, 2)
        for corner in ([(0, 0), (50, 0), (0, 50)], [(256, 0), (206, 0), (256, 50)], [(0, 256), (50, 256), (0, 206)], [(256, 256), (206, 256), (256, 206)]):  # fmt: skip
            d.polygon(corner, fill=fill)
        d.rectangle((0, 0, 11, 256), fill=fill)
    if lumen:
        draw.ellipse((140, 60, 190, 110), fill=(8, 4, 4))  # dark, and tissue all the same
    for _ in range(12):  # highlights
        hx, hy = rng.integers(100, 230, 2)
        draw.ellipse((hx, hy, hx + 5, hy + 4), fill=(255, 255, 250))
    if text:
        for k, line in enumerate(("01/02/2003", "Name", "CVP:A5", "Comment:")):
            place = (3, 60 + 16 * k)
            draw.text(place, line, fill=(250, 250, 250))
            mark.text(place, line, fill=255)
    if box:
        for d in (draw, mark):
            d.rectangle((0, 172, 84, 256), fill=255 if d is mark else (20, 165, 140))
        draw.line([(50, 240), (60, 200)], fill=(10, 60, 50))
    if icon:
        for d in (draw, mark):
            d.rectangle((241, 200, 256, 216), fill=255 if d is mark else (0, 0, 0))
        draw.arc((244, 202, 252, 212), 180, 360, fill=(240, 240, 255))
    return np.asarray(image), np.asarray(marks) > 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("text", "box", "icon"), [(False, False, False), (True, False, True), (True, True, True)])
def test_the_mucosa_is_clear_of_furniture(seed: int, text: bool, box: bool, icon: bool) -> None:
    picture, furniture = colonoscopy(seed, text, box, icon)
    found = find_mucosa(picture)
    assert found is not None
    left, top, right, bottom = (round(v) for v in found)
    assert right - left == bottom - top
    assert furniture[top:bottom, left:right].sum() == 0
    # and it isn't clear by being tiny
    assert right - left >= (150 if not box and not text else 120)


def test_a_dark_lumen_is_tissue() -> None:
    picture, _ = colonoscopy(text=False, box=False, icon=False)
    mask, step = mucosa_mask(picture)
    assert mask[85 // step, 165 // step]
    assert not mask[4 // step, 4 // step]


def test_no_mucosa() -> None:
    assert find_mucosa(np.zeros((100, 120, 3), np.uint8)) is None


def test_a_photograph_with_nothing_in_it_is_named_or_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    aptos(tmp_path)
    with pytest.raises(DataError, match="no illuminated disc") as caught:  # grade 0 is drawn black
        load_image_set(config("aptos", [0, 1, 2, 3, 4], autocrop="disc"), tmp_path)
    assert caught.value.row == 2
    # the others of that grade are there: one picture less
    Image.fromarray(fundus((60, 60), 30, 30, 27)).save(tmp_path / "set" / "train_images" / "000000000005.png")
    settings = config("aptos", [0, 1, 2, 3, 4], autocrop="disc", autocrop_missing="skip")
    for cache in ("", str(tmp_path / "cache"), str(tmp_path / "cache")):
        monkeypatch.setenv("ODM_CACHE", cache)
        with pytest.warns(UserWarning, match="1 of 10 pictures left out"):
            images = load_image_set(settings, tmp_path)
        assert images.counts == [1, 2, 2, 2, 2] and images.names[0] == "000000000001"
        assert images.images.shape == (9, 16, 16, 3)


def test_disc_reaching_beyond_the_picture_is_padded(tmp_path: Path) -> None:
    for k in range(2):
        folder = tmp_path / "set" / str(k)
        folder.mkdir(parents=True)
        Image.fromarray(fundus((400, 265), 200, 132, 165)).save(folder / "a.png")
    settings = {"data": "class-folders", "grades": [0, 1], "path": "set", "size": 64, "autocrop": "disc"}
    images = load_image_set(parse_config(settings), tmp_path)
    assert images.images[0, 0].max() == 0, "black above the cut circle"
    assert images.images[0, 32, 32, 0] > 150
    assert images.images[0, 32, 3, 0] > 20, "the circle's sides reach the square's"


def test_contact_sheet_shows_and_does_not_commit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "set" / "1").mkdir(parents=True)
    (tmp_path / "set" / "2").mkdir()
    for k in range(3):
        Image.fromarray(colonoscopy(k)[0]).save(tmp_path / "set" / "1" / f"{k}.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "set" / "2" / "black.png")
    file = tmp_path / "set.toml"
    file.write_text('data = "class-folders"\npath = "set"\ngrades = [1, 2]\nsize = 32\nautocrop = "mucosa"\n'
                    "channels = [8, 16]\nblocks = [1, 1]\nup_blocks = [1]\nattention = [1]\n")  # fmt: skip
    out = tmp_path / "runs" / "sheet.png"
    assert main(["contact-sheet", str(file), "--data", str(tmp_path), "--out", str(out), "--count", "2"]) == 0
    assert "3 pictures, nothing found in 1" in capsys.readouterr().out
    assert Image.open(out).size == (6 * 320, 2 * (160 + 22))
    # inside a repository the file must be one that git ignores
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    settings = parse_config({"data": "class-folders", "path": "set", "grades": [1, 2], "size": 32})
    with pytest.raises(DataError, match="git ignores"):
        contact_sheet(settings, tmp_path, out)
    (tmp_path / ".gitignore").write_text("runs/\n")
    assert contact_sheet(settings, tmp_path, out)["pictures"] == 4
