"""Data sets from disk: every layout that the lab knows, read into one list of records, then into one array.

A reader turns a folder into records (which picture, which grade, whose eye or bowel) without opening a picture; ``load_records``
decodes, crops and resizes them, in threads, with an optional cache for sets that take long to decode. The layouts are those in
which the sets are published; ``SETS`` says of each where it comes from, under which licence, and whether patients are known.
Whatever is wrong with the data is a ``DataError`` that names the file and the row.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from .config import DataConfig
from .cropping import find_disc, find_mucosa
from .data import ImageSet
from .errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Record:
    """One picture of a set before it is opened."""

    file: Path  # the picture, or the archive that holds it
    name: str  # unique in the set; decides the hold-out where there is no group
    label: int  # index into the declared grades
    group: str = ""  # the patient, where the set says so: never on both sides of a split
    held_out: bool | None = None  # the publisher's own split, where there is one
    row: int | None = None  # line of the table that names it, for messages
    pixels: NDArray[np.uint8] | None = None  # [H, W, 3], when the set is an archive of arrays


def grade_index(text: str, grades: tuple[float, ...], file: Path, row: int | None) -> int:
    """Index of a clinical value among the declared grades."""
    try:
        return grades.index(float(text))
    except ValueError:
        declared = ", ".join(f"{g:g}" for g in grades)
        raise DataError(f"label {text!r} is not one of the declared grades {declared}", file=file, row=row) from None


def _table(file: Path, needed: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, row) of a CSV file with a header; column names are stripped, empty rows left out."""
    if not file.is_file():
        raise DataError(f"{file.name} is missing", file=file)
    # utf-8-sig: spreadsheets put a byte-order mark before the first column's name
    with file.open(newline="", encoding="utf-8-sig") as handle:
        reader = csv.DictReader(handle)
        reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
        absent = [c for c in needed if c not in reader.fieldnames]
        if absent:
            raise DataError(f"column{'s' if len(absent) > 1 else ''} {', '.join(absent)} missing", file=file, row=1)
        for row in reader:
            values = {c: (row[c] or "").strip() for c in needed}
            if any(values.values()):
                yield reader.line_num, values


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise DataError("the data folder is missing", file=path)
    return path


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in IMAGE_SUFFIXES)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in _folder(folder).iterdir() if p.is_dir() and not p.name.startswith("."))


# --- the lab's own two layouts ---------------------------------------------------------------------------------------------


def read_labels_csv(folder: Path, config: DataConfig) -> list[Record]:
    """``labels.csv`` with columns ``file``, ``config.label_column`` and, when a role is asked for, ``role``."""
    table = folder / "labels.csv"
    needed = ["file", config.label_column] + (["role"] if config.role else [])
    return [
        Record(
            folder / row["file"],
            row["file"],
            grade_index(row[config.label_column], config.grades, table, number),
            row=number,
        )  # fmt: skip
        for number, row in _table(table, needed)
        if not config.role or row["role"] == config.role
    ]


def read_class_folders(folder: Path, config: DataConfig) -> list[Record]:
    """One folder per grade, named by its clinical value (``0``, ``1.5`` …)."""
    records = []
    for sub in _subfolders(folder):
        index = grade_index(sub.name, config.grades, sub, None)
        records += [Record(p, f"{sub.name}/{p.name}", index) for p in _pictures(sub)]
    return records


# --- published sets, in their own layouts ----------------------------------------------------------------------------------


def read_eyepacs(folder: Path, config: DataConfig) -> list[Record]:
    """Kaggle "Diabetic Retinopathy Detection": ``trainLabels.csv`` (image, level) and ``train/<image>.jpeg``.

    An image is ``<patient>_left`` or ``<patient>_right``; both eyes of a patient stay on one side of the split.
    """
    table = _folder(folder) / "trainLabels.csv"
    records = []
    for number, row in _table(table, ["image", "level"]):
        match = re.fullmatch(r"(\d+)_(left|right)", row["image"])
        if match is None:
            raise DataError(f"image {row['image']!r} is not of the form 123_left", file=table, row=number)
        file = folder / "train" / f"{row['image']}.jpeg"
        label = grade_index(row["level"], config.grades, table, number)
        records.append(Record(file, row["image"], label, group=match[1], row=number))
    return records


def read_aptos(folder: Path, config: DataConfig) -> list[Record]:
    """Kaggle "APTOS 2019 Blindness Detection": ``train.csv`` (id_code, diagnosis) and ``train_images/<id_code>.png``."""
    table = _folder(folder) / "train.csv"
    return [
        Record(
            folder / "train_images" / f"{row['id_code']}.png",
            row["id_code"],
            grade_index(row["diagnosis"], config.grades, table, number),
            row=number,
        )
        for number, row in _table(table, ["id_code", "diagnosis"])
    ]


def read_limuc(folder: Path, config: DataConfig) -> list[Record]:
    """LIMUC (Zenodo 5827695): ``patient_based_classified_images/<patient>/Mayo 0 … Mayo 3/*.bmp``; split by patient.

    ``folder`` may be that folder or the one around it. Folders inside a class folder are left out, as its authors do.
    """
    inner = _folder(folder) / "patient_based_classified_images"
    root = inner if inner.is_dir() else folder
    records = []
    for patient in _subfolders(root):
        for scored in _subfolders(patient):
            match = re.fullmatch(r"Mayo\s*([0-3])", scored.name, re.IGNORECASE)
            if match is None:
                raise DataError("a patient's folders are named Mayo 0 to Mayo 3", file=scored)
            pictures = _pictures(scored)
            if pictures:
                label = grade_index(match[1], config.grades, scored, None)
                records += [Record(p, f"{patient.name}/{scored.name}/{p.name}", label, group=patient.name) for p in pictures]  # fmt: skip
    return records


_UC = Path("lower-gi-tract") / "pathological-findings"


def read_hyperkvasir(folder: Path, config: DataConfig) -> list[Record]:
    """HyperKvasir: ``labeled-images/lower-gi-tract/pathological-findings/ulcerative-colitis-grade-*/*.jpg``.

    Grades 1, 2, 3 are ``role = "train"``; those that two readers could not settle (``0-1``, ``1-2``, ``2-3``) lie half-way and are
    ``role = "interpolation-test"``. An empty role reads both. ``folder`` may be ``labeled-images`` or the one around it.
    """
    inner = _folder(folder) / "labeled-images"
    root = (inner if inner.is_dir() else folder) / _UC
    records = []
    for sub in _subfolders(root):
        match = re.fullmatch(r"ulcerative-colitis-grade-(\d)(?:-(\d))?", sub.name)
        if match is None:
            continue  # the folder holds other findings too
        role = "interpolation-test" if match[2] else "train"
        if config.role and config.role != role:
            continue
        value = (int(match[1]) + int(match[2] or match[1])) / 2
        label = grade_index(f"{value:g}", config.grades, sub, None)
        records += [Record(p, f"{sub.name}/{p.name}", label) for p in _pictures(sub)]
    return records


def read_idrid(folder: Path, config: DataConfig) -> list[Record]:
    """IDRiD, "B. Disease Grading": ``1. Original Images/`` and ``2. Groundtruths/*.csv``; its testing set is held out.

    ``folder`` may be that folder or the one around it.
    """
    inner = _folder(folder) / "B. Disease Grading"
    root = inner if inner.is_dir() else folder
    records = []
    for letter, part, held in (("a", "Training", False), ("b", "Testing", True)):
        table = root / "2. Groundtruths" / f"{letter}. IDRiD_Disease Grading_{part} Labels.csv"
        pictures = root / "1. Original Images" / f"{letter}. {part} Set"
        for number, row in _table(table, ["Image name", "Retinopathy grade"]):
            name = row["Image name"]
            label = grade_index(row["Retinopathy grade"], config.grades, table, number)
            records.append(Record(pictures / f"{name}.jpg", f"{part}/{name}", label, held_out=held, row=number))
    return records


def read_retinamnist(file: Path, config: DataConfig) -> list[Record]:
    """MedMNIST's RetinaMNIST, one ``.npz`` of any of its sizes; its validation and test parts are held out."""
    if not file.is_file():
        raise DataError("the archive is missing", file=file)
    records = []
    try:
        with np.load(file, allow_pickle=False) as archive:
            needed = [f"{part}_{what}" for part in ("train", "val", "test") for what in ("images", "labels")]
            if absent := [name for name in needed if name not in archive.files]:
                raise DataError(f"array{'s' if len(absent) > 1 else ''} {', '.join(absent)} missing", file=file)
            arrays = {name: archive[name] for name in needed}
    except (ValueError, OSError, EOFError) as e:
        raise DataError(f"not a readable .npz archive ({e})", file=file) from e
    for part in ("train", "val", "test"):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or len(images) != len(labels):
            raise DataError(f"{part}_images must be uint8 [N, H, W, 3], one per label, not {images.dtype} {list(images.shape)}", file=file)  # fmt: skip
        for k, value in enumerate(labels.reshape(len(labels), -1)[:, 0].tolist()):
            label = grade_index(str(value), config.grades, file, k)
            records.append(Record(file, f"{part}/{k}", label, held_out=part != "train", row=k, pixels=images[k]))
    return records


@dataclass(frozen=True)
class Source:
    """What the lab knows of a layout."""

    read: Callable[[Path, DataConfig], list[Record]]
    title: str
    licence: str  # what a card must say of pictures or weights that come from it
    split: str  # what a hold-out keeps apart


SETS: dict[str, Source] = {
    "labels-csv": Source(read_labels_csv, "a folder with labels.csv", "the data's own", "pictures, by file name"),
    "class-folders": Source(read_class_folders, "a folder a class", "the data's own", "pictures, by file name"),
    "eyepacs": Source(
        read_eyepacs,
        "EyePACS, Kaggle Diabetic Retinopathy Detection (2015)",
        "Kaggle competition rules: an account and their acceptance are needed; the images may not be passed on",
        "patients: both eyes of one on the same side",
    ),
    "aptos": Source(
        read_aptos,
        "APTOS 2019 Blindness Detection (Aravind Eye Hospital), Kaggle",
        "Kaggle competition rules: an account and their acceptance are needed; the images may not be passed on",
        "pictures: the set names no patients, and some pictures occur twice in it",
    ),
    "limuc": Source(
        read_limuc,
        "LIMUC, Labeled Images for Ulcerative Colitis (Polat et al., Marmara University; Zenodo 5827695)",
        "CC BY 4.0",
        "patients",
    ),
    "retinamnist": Source(
        read_retinamnist,
        "RetinaMNIST of MedMNIST v2 (Yang et al. 2023), made from the DeepDRiD challenge's fundus photographs",
        "CC BY 4.0",
        "the publisher's own parts: validation and test are held out",
    ),
    "hyperkvasir": Source(
        read_hyperkvasir,
        "HyperKvasir (Borgli et al. 2020, Simula), ulcerative colitis classes",
        "CC BY 4.0",
        "pictures: the set has no patient numbers, so figures on held-out pictures are too kind",
    ),
    "idrid": Source(
        read_idrid,
        "IDRiD, Indian Diabetic Retinopathy Image Dataset (Porwal et al. 2018), Disease Grading",
        "CC BY 4.0",
        "the publisher's own parts: the testing set is held out; no patients are named",
    ),
}


# --- from records to arrays ------------------------------------------------------------------------------------------------


def open_picture(record: Record) -> Image.Image:
    """The picture of a record as RGB; raises ``DataError``."""
    if record.pixels is not None:
        return Image.fromarray(record.pixels)
    try:
        with Image.open(record.file) as raw:
            return raw.convert("RGB")
    except FileNotFoundError as e:
        raise DataError("the image is missing", file=record.file, row=record.row) from e
    except (UnidentifiedImageError, OSError) as e:
        raise DataError(f"the image can't be read ({e})", file=record.file, row=record.row) from e


Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels; may reach beyond the picture


class NothingFoundError(DataError):
    """A picture in which the automatic crop found neither disc nor mucosa."""


def crop_box(image: Image.Image, config: DataConfig, record: Record) -> Box:
    """What of a picture is kept: the found disc or mucosa, or the whole, and of that ``config.crop``."""
    left, top, right, bottom = 0.0, 0.0, float(image.width), float(image.height)
    if config.autocrop != "none":
        find = find_disc if config.autocrop == "disc" else find_mucosa
        found = find(np.asarray(image))
        if found is None:
            what = "illuminated disc" if config.autocrop == "disc" else "patch of mucosa"
            raise NothingFoundError(f'no {what} was found in the picture; set autocrop_missing = "skip" to leave such out', file=record.file, row=record.row)  # fmt: skip
        left, top, right, bottom = found
    w, h, c = right - left, bottom - top, config.crop
    return left + c[0] * w, top + c[1] * h, left + c[2] * w, top + c[3] * h


def cut(image: Image.Image, box: Box, side: int) -> Image.Image:
    """``box`` of ``image`` at ``side`` x ``side`` pixels; black where the box reaches beyond the picture."""
    left, top, right, bottom = box
    if left >= 0 and top >= 0 and right <= image.width and bottom <= image.height:
        return image.resize((side, side), Image.Resampling.LANCZOS, box=box)
    pad = int(np.ceil(max(-left, -top, right - image.width, bottom - image.height, 0)))
    padded = Image.new("RGB", (image.width + 2 * pad, image.height + 2 * pad))
    padded.paste(image, (pad, pad))
    moved = (left + pad, top + pad, right + pad, bottom + pad)
    return padded.resize((side, side), Image.Resampling.LANCZOS, box=moved)


def _decode(record: Record, config: DataConfig, side: int) -> NDArray[np.uint8] | None:
    """[side, side, 3], or None for a picture that is to be left out."""
    image = open_picture(record)
    try:
        box = crop_box(image, config, record)
    except NothingFoundError:
        if config.autocrop_missing == "skip":
            return None
        raise
    return np.asarray(cut(image, box, side))


def _cache_key(records: list[Record], config: DataConfig, side: int) -> str:
    def stamp(r: Record) -> list[Any]:
        try:
            stat = r.file.stat()
        except FileNotFoundError as e:
            raise DataError("the image is missing", file=r.file, row=r.row) from e
        return [r.name, str(r.file), stat.st_size, stat.st_mtime_ns]

    what = {
        "version": 1,
        "side": side,
        "crop": config.crop,
        "autocrop": config.autocrop,
        "files": [stamp(r) for r in records],
    }
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]


def _decode_all(records: list[Record], config: DataConfig, side: int, images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Fills ``images`` [N, side, side, 3]; returns [N] whether there is a picture."""
    found = np.ones(len(records), dtype=bool)
    # Pillow decodes and resizes outside the interpreter's lock
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        for start in range(0, len(records), 256):  # in parts, so that an unreadable picture ends it soon
            part = pool.map(lambda r: _decode(r, config, side), records[start : start + 256])
            for k, picture in enumerate(part, start):
                found[k] = picture is not None
                images[k] = 0 if picture is None else picture
    return found


def _decode_into_cache(records: list[Record], config: DataConfig, side: int, kept: Path) -> None:
    """Writes ``kept`` (the pictures) and, before it, which of them there are."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = kept.with_suffix(f".{os.getpid()}.tmp")
    try:
        images = np.lib.format.open_memmap(temporary, "w+", np.uint8, (len(records), side, side, 3))
        found = _decode_all(records, config, side, images)
        images.flush()
        np.save(_found_file(kept), found)
        os.replace(temporary, kept)
    finally:
        temporary.unlink(missing_ok=True)


def _found_file(kept: Path) -> Path:
    return kept.with_suffix(".found.npy")


def check_grades(records: list[Record], config: DataConfig, source: Path) -> None:
    """Raises ``DataError`` when a declared grade has no picture."""
    present = {r.label for r in records}
    for index, grade in enumerate(config.grades):
        if index not in present:
            raise DataError(f"no image has grade {grade:g}", file=source)


def load_records(records: list[Record], config: DataConfig, side: int, source: Path) -> ImageSet:
    """Decodes all records to ``side`` x ``side``; raises ``DataError`` for the first that can't be.

    With ``ODM_CACHE`` naming a folder, the array is kept there and mapped into memory the next time, by any number of processes
    at once; a changed file, crop or size makes another array.
    """
    check_grades(records, config, source)  # before hours of decoding
    cache = os.environ.get("ODM_CACHE")
    images: NDArray[np.uint8]
    if cache:
        kept = Path(cache) / f"{_cache_key(records, config, side)}.npy"
        if not kept.is_file():
            _decode_into_cache(records, config, side, kept)
        images, found = np.load(kept, mmap_mode="r"), np.load(_found_file(kept))
    else:
        images = np.empty((len(records), side, side, 3), dtype=np.uint8)
        found = _decode_all(records, config, side, images)
    if not found.all():
        warnings.warn(
            f"{source}: {(~found).sum()} of {len(found)} pictures left out, nothing was found in them", stacklevel=2
        )
        images, records = images[found], [r for r, there in zip(records, found.tolist()) if there]
        check_grades(records, config, source)
    labels = np.asarray([r.label for r in records], dtype=np.int64)
    groups = tuple(r.group for r in records) if any(r.group for r in records) else ()
    declared = [r.held_out for r in records]
    held = None if any(h is None for h in declared) else np.asarray(declared, dtype=bool)
    return ImageSet(images, labels, tuple(r.name for r in records), config.grades, groups, held)


def read_records(config: DataConfig, root: Path | None) -> tuple[list[Record], Path]:
    """The records of a configuration's set, and the folder they come from."""
    if root is None:
        raise DataError("say where the data is: --data FOLDER or ODM_DATA", file=Path(config.path))
    source = root / config.path
    if not config.left_out:
        return SETS[config.data].read(source, config), source
    every = replace(config, grades=tuple(sorted((*config.grades, *config.left_out))))
    mine = {every.grades.index(v): k for k, v in enumerate(config.grades)}
    found = SETS[config.data].read(source, every)
    return [replace(r, label=mine[r.label]) for r in found if r.label in mine], source
