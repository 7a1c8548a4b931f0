"""A contact sheet: what the crop does to a set, picture by picture, and what the network then sees.

It shows the data's own pictures. Data sets are not the project's to pass on, so a sheet goes to a folder that git ignores.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .config import DataConfig
from .errors import DataError
from .readers import Record, crop_box, cut, open_picture, read_records

TILE = 160


def _choose(records: list[Record], classes: int, count: int) -> list[Record]:
    """``count`` pictures a grade, by a hash of their names: the same ones each time, from all over the set."""
    out = []
    for grade in range(classes):
        members = sorted(
            (r for r in records if r.label == grade), key=lambda r: hashlib.sha256(r.name.encode()).digest()
        )
        out += members[:count]
    return out


def tile(record: Record, config: DataConfig) -> tuple[Image.Image, bool]:
    """[TILE, 2 TILE]: the photograph with the box drawn on it, the picture that training sees; and whether there is one."""
    image = open_picture(record)
    out = Image.new("RGB", (2 * TILE, TILE), "#333")
    scale = TILE / max(image.size)
    shown = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    x, y = (TILE - shown.width) // 2, (TILE - shown.height) // 2
    out.paste(shown, (x, y))
    try:
        box = crop_box(image, config, record)
    except DataError:
        draw = ImageDraw.Draw(out)
        draw.line([(0, 0), (TILE, TILE)], fill="#f33", width=2)
        draw.text((TILE + 8, 8), "nothing found", fill="#f88")
        return out, False
    corners = [x + box[0] * scale, y + box[1] * scale, x + box[2] * scale - 1, y + box[3] * scale - 1]
    corners = np.clip(corners, 0, TILE - 1).tolist()
    ImageDraw.Draw(out).rectangle(corners, outline="#3cf", width=2)
    side = config.resize or config.size
    out.paste(cut(image, box, side).resize((TILE, TILE), Image.Resampling.BILINEAR), (TILE, 0))
    return out, True


def committed(path: Path) -> bool:
    """Whether git would track a file there: data's pictures must not lie where a commit takes them along."""
    folder = path.resolve().parent
    inside = subprocess.run(["git", "-C", str(folder), "rev-parse", "--is-inside-work-tree"], capture_output=True)  # fmt: skip
    if inside.returncode != 0:
        return False
    return subprocess.run(["git", "-C", str(folder), "check-ignore", "-q", str(path.resolve())]).returncode != 0


def contact_sheet(
    config: DataConfig, root: Path | None, out: Path, count: int = 24, columns: int = 6
) -> dict[str, int]:
    """Writes the sheet; returns how many pictures are on it and in how many nothing was found. Raises ``DataError``."""
    out.parent.mkdir(parents=True, exist_ok=True)
    if committed(out):
        raise DataError(
            "a contact sheet shows the data's pictures: give a file that git ignores, e.g. below runs/", file=out
        )
    records, _ = read_records(config, root)
    chosen = _choose(records, len(config.grades), count)
    rows_of = [[r for r in chosen if r.label == k] for k in range(len(config.grades))]
    heights = [-(-len(rows) // columns) * TILE + 22 for rows in rows_of]
    sheet = Image.new("RGB", (columns * 2 * TILE, sum(heights)), "#111")
    draw = ImageDraw.Draw(sheet)
    top = missing = 0
    for grade, rows, height in zip(config.grades, rows_of, heights, strict=True):
        total = sum(r.label == config.grades.index(grade) for r in records)
        draw.text((6, top + 5), f"{config.data}: grade {grade:g}, {len(rows)} of {total}. Left the photograph, right what training sees", fill="#ddd")  # fmt: skip
        for k, record in enumerate(rows):
            made, found = tile(record, config)
            missing += not found
            sheet.paste(made, (k % columns * 2 * TILE, top + 22 + k // columns * TILE))
        top += height
    sheet.save(out)
    return {"pictures": len(chosen), "nothing_found": missing}
