"""Sets of synthetic pictures from a bundle: the plan, file names and texts of the studio's own command line.

A plan is n pictures a grade with consecutive seeds. Pictures are handed out by their place in the plan, first to shards
(``--shard 1/4`` of an array job), then to the processes of ``accelerate launch``; what a picture is depends on neither. A
picture is written whole or not at all, and one that is there with the record of exactly its request is not drawn again,
so a killed run is gone on with by starting it once more. The texts are held to the studio's by a golden file.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from .bundle import MANIFEST, Bundle
from .errors import ConfigError
from .sampling import SAMPLERS, Array, Predict, from_torch, sample_many, to_uint8

SOFTWARE = "Ordinal Diffusion Studio"
DISCLAIMER = "Synthetic picture made by a model. Not a patient, not for diagnosis."
RECORD = "ordinal-diffusion-studio"
XMP_KEYWORD = "XML:com.adobe.xmp"
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MAX_COUNT = 100_000
MAX_SEED = 0xFFFFFFFF
_KEYS = ("formatVersion", "model", "variant", "modelSha256", "grades", "count", "seed", "sampler", "steps", "guidance", "eta")  # fmt: skip

Request = dict[str, Any]


def number(value: float) -> str:
    """A number as JavaScript writes it: ``2`` for 2.0, ``1e-7``, never more digits than needed."""
    if value == 0:
        return "0"
    if float(value).is_integer() and abs(value) < 1e21:
        return str(int(value))
    text = repr(float(value))
    size = abs(value)
    if "e" in text and 1e-6 <= size < 1e21:
        return format(Decimal(text), "f")
    return re.sub(r"e([+-])0*(\d)", r"e\1\2", text)


def _plain(value: Any) -> Any:
    """Whole floats as integers, so that JSON has them as JavaScript does."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value


_FLOAT = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+\.\d+(?:e[+-]?\d+)?|-?\d+e[+-]?\d+')


def _json(value: Any, **how: Any) -> str:
    """JSON as ``JSON.stringify`` writes it, its numbers too."""
    text = json.dumps(_plain(value), ensure_ascii=False, **how)
    return _FLOAT.sub(lambda m: m.group() if m.group().startswith('"') else number(float(m.group())), text)


@dataclass(frozen=True)
class Plan:
    """A checked plan; ``grades`` are severities, each once; every grade has the seeds ``seed`` .. ``seed + count - 1``."""

    values: dict[str, Any]

    @staticmethod
    def of(values: dict[str, Any]) -> Plan:
        """Raises ``ConfigError`` for what cannot be."""
        unknown = sorted(set(values) ^ set(_KEYS))
        if unknown:
            raise ConfigError(f"the plan has unknown or missing keys: {', '.join(unknown)}")
        if values["formatVersion"] != 1:
            raise ConfigError(f"the plan is of format version {values['formatVersion']}; this lab reads 1")
        checks = {
            "sampler": values["sampler"] in SAMPLERS,
            "count": 1 <= values["count"] <= MAX_COUNT,
            "seed": values["seed"] >= 0 and values["seed"] + values["count"] - 1 <= MAX_SEED,
            "steps": 1 <= values["steps"] <= 1000,
            "guidance": 0 <= values["guidance"] <= 20,
            "eta": 0 <= values["eta"] <= 1,
            "grades": len(values["grades"]) > 0
            and len(set(values["grades"])) == len(values["grades"])
            and all(math.isfinite(g) for g in values["grades"]),
        }
        wrong = [key for key, fine in checks.items() if not fine]
        if wrong:
            raise ConfigError(f"the plan cannot be: {', '.join(wrong)} out of range")
        return Plan({key: values[key] for key in _KEYS})

    def __len__(self) -> int:
        return len(self.values["grades"]) * int(self.values["count"])

    def request(self, index: int) -> Request:
        """Picture ``index``: all grades of the first seed, then all of the next."""
        grades = self.values["grades"]
        v = self.values
        return {
            "model": v["model"],
            "variant": v["variant"],
            "severity": grades[index % len(grades)],
            "seed": v["seed"] + index // len(grades),
            **{key: v[key] for key in ("sampler", "steps", "guidance", "eta")},
        }

    def share(self, index: int, of: int) -> Iterator[Request]:
        """Every ``of``-th picture from ``index`` (0-based) on."""
        return (self.request(i) for i in range(index, len(self), of))

    def text(self) -> str:
        """``plan.json``."""
        return _json(self.values, indent=2) + "\n"


def picture_file(request: Request) -> str:
    return f"images/{number(request['severity'])}/{request['seed']}.png"


def labels_csv(plan: Plan, there: Callable[[Request], bool]) -> str:
    """``labels.csv`` of the pictures that are there."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = ("severity", "seed", "model", "variant", "sampler", "steps", "guidance", "eta")
    # The grade of a planned picture is never changed on the way: that column of the studio's tables stays empty.
    writer.writerow(["file", "grade", *names[1:], "changed_from", "model_sha256"])
    for request in plan.share(0, 1):
        if there(request):
            cells = [request[n] for n in names]
            shown = [c if isinstance(c, str) else number(c) for c in cells]
            writer.writerow([picture_file(request), *shown, "", plan.values["modelSha256"]])
    return out.getvalue()


def readme(manifest: dict[str, Any], plan: Plan) -> str:
    """``README.md``: what the set is, how it was made, under which licence."""
    v, data = plan.values, manifest["data"]
    grades = {g["value"]: f"{g['short']}, {g['label']}" for g in manifest["grades"]}
    named = [
        f"- `images/{number(s)}/`: " + grades.get(s, f"severity {number(s)}, between or beyond the trained grades")
        for s in v["grades"]
    ]
    lines = [
        "# Synthetic pictures",
        "",
        f"**{DISCLAIMER}**",
        "",
        f"Drawn by {manifest['title']} (`{manifest['id']}`, variant `{v['variant']}`), {manifest['scale']}: "
        f"{v['count']} a grade, seeds {v['seed']} to {v['seed'] + v['count'] - 1}, the same at every grade.",
        f"Sampler {v['sampler']}, {v['steps']} steps, guidance {number(v['guidance'])}, eta {number(v['eta'])}. "
        f"SHA-256 of the weights: `{v['modelSha256']}`.",
        "",
        *named,
        "",
        "`labels.csv` names every picture with its whole request; the same is written inside each PNG. `images/` is laid out as",
        "`torchvision.datasets.ImageFolder` expects it, which numbers the folders in the order of their names as text.",
        "",
        "## What the model cannot do",
        "",
        *(f"- {limit}" for limit in manifest["limits"]),
        "",
        "## Licence and credit",
        "",
        f"{manifest['license']}. {manifest['attribution']}",
        "",
        f"The model was trained on {data['name']} ({data['license']}). {data['credit']}",
        "",
    ]
    return "\n".join(lines)


def provenance(manifest: dict[str, Any], request: Request, provider: str, versions: dict[str, str]) -> dict[str, Any]:
    """The record inside a finished picture, as the studio writes and reads it."""
    steps = request["steps"]
    limited = request["guidance"] != 1 and "guidanceRange" in manifest["diffusion"]
    return {
        "formatVersion": 3,
        "software": SOFTWARE,
        "versions": versions,
        "request": request,
        **({"guidanceRange": manifest["diffusion"]["guidanceRange"]} if limited else {}),
        "modelSha256": manifest["variants"][request["variant"]]["sha256"],
        "provider": provider,
        "frame": {"index": steps, "steps": steps},
        "license": manifest["license"],
        "attribution": manifest["attribution"],
    }


def record_text(record: dict[str, Any]) -> str:
    """The record as JSON in ASCII."""
    text = _json(record, separators=(",", ":"))
    utf16 = text.encode("utf-16-be", "surrogatepass")
    units = [int.from_bytes(utf16[i : i + 2], "big") for i in range(0, len(utf16), 2)]
    return "".join(chr(u) if 0x20 <= u <= 0x7E else f"\\u{u:04x}" for u in units)


def latin1(text: str) -> str:
    """Text for a tEXt chunk; typographic signs get their plain forms."""
    for pattern, plain in (("[–—−]", "-"), ("[‘’]", "'"), ("[“”]", '"')):
        text = re.sub(pattern, plain, text)
    return re.sub("[^\\n\u0020-\u007e\u00a0-\u00ff]", "?", text)


def parameters_text(record: dict[str, Any]) -> str:
    """The settings in words."""
    r, frame = record["request"], record["frame"]
    fields = [
        f"Steps: {r['steps']}",
        f"Sampler: {r['sampler']}",
        f"CFG scale: {number(r['guidance'])}",
        *([f"CFG at t: {' to '.join(map(number, record['guidanceRange']))}"] if "guidanceRange" in record else []),
        f"Seed: {r['seed']}",
        *([f"Eta: {number(r['eta'])}"] if r["sampler"] == "ddim" else []),
        *([f"Stopped at step: {frame['index']}"] if frame["index"] < frame["steps"] else []),
        f"Model: {r['model']} ({r['variant']})",
        f"Model hash: {record['modelSha256'][:10]}",
        f"Provider: {record['provider']}",
        *(["Version: " + "; ".join(f"{k} {v}" for k, v in record["versions"].items())] if record["versions"] else []),
    ]
    return f"Synthetic picture, severity {number(r['severity'])}\n" + ", ".join(fields)


def xmp_packet(tool: str, description: str, rights: str) -> str:
    """An XMP packet that names the picture as made by a trained model, in IPTC's vocabulary."""

    def escape(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")

    def alternative(text: str) -> str:
        return f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt>'

    return "\n".join(
        [
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>',
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">',
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
            '<rdf:Description rdf:about=""',
            ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"',
            ' xmlns:dc="http://purl.org/dc/elements/1.1/"',
            ' xmlns:xmp="http://ns.adobe.com/xap/1.0/">',
            f"<Iptc4xmpExt:DigitalSourceType>{DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>",
            f"<xmp:CreatorTool>{escape(tool)}</xmp:CreatorTool>",
            f"<dc:description>{alternative(description)}</dc:description>",
            f"<dc:rights>{alternative(rights)}</dc:rights>",
            "</rdf:Description>",
            "</rdf:RDF>",
            "</x:xmpmeta>",
            '<?xpacket end="r"?>',
        ]
    )


def encode_png(picture: Array, record: dict[str, Any]) -> bytes:
    """A picture [3, H, W] in -1..1 as PNG with its record."""
    rights = f"{record['attribution']} ({record['license']})"
    text = PngImagePlugin.PngInfo()
    entries = {
        "Software": SOFTWARE,
        "Disclaimer": DISCLAIMER,
        "Copyright": latin1(rights),
        "parameters": latin1(parameters_text(record)),
        RECORD: record_text(record),
    }
    for key, value in entries.items():
        text.add_text(key, value)
    text.add_itxt(XMP_KEYWORD, xmp_packet(SOFTWARE, DISCLAIMER, rights))
    out = io.BytesIO()
    Image.fromarray(to_uint8(picture)).save(out, "PNG", pnginfo=text)
    return out.getvalue()


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{uuid.uuid4()}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def _is_there(path: Path, request: Request, sha256: str) -> bool:
    """Whether a file holds, whole, the picture of this request by these weights."""
    try:
        with Image.open(path) as image:
            image.load()
            record = json.loads(str(image.info[RECORD]))
            return bool(record["request"] == request and record["modelSha256"] == sha256)
    except (OSError, KeyError, ValueError, SyntaxError):
        return False


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def _predictor(bundle: Bundle, variant: str, device: Any) -> tuple[Predict, str, dict[str, str]]:
    """(network, its provider's name, versions): ONNX Runtime on a CPU, the same file through PyTorch on a GPU."""
    if device.type == "cpu":
        return bundle.predict(variant), "CPU", {"odm": _version("odm"), "onnxruntime": _version("onnxruntime")}
    from .onnx_torch import OnnxModule

    bundle.predict(variant)  # the same refusals as on a CPU
    module = OnnxModule(bundle.weights(variant), device)
    return from_torch(module, device), device.type.upper(), {"odm": _version("odm"), "torch": _version("torch")}


def generate(
    bundle: Bundle,
    plan: Plan,
    out: Path,
    shard: tuple[int, int] = (1, 1),
    batch: int = 16,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Draws what is missing of a shard (1-based, of), in as many processes as there are, then lists what is there.

    ``on_progress(done, total)`` counts this process's pictures. Raises ``ConfigError`` when the folder holds another set.
    """
    from accelerate import PartialState

    state = PartialState()
    v = plan.values
    sha256 = bundle.manifest["variants"].get(v["variant"], {}).get("sha256")
    if bundle.manifest["id"] != v["model"] or sha256 != v["modelSha256"]:
        raise ConfigError(
            f"the plan is for {v['model']} ({v['variant']}) with other weights than those in {bundle.folder}"
        )
    plan_file = out / "plan.json"
    for grade in v["grades"]:
        (out / "images" / number(grade)).mkdir(parents=True, exist_ok=True)
    if plan_file.exists():
        if plan_file.read_text(encoding="utf-8") != plan.text():
            raise ConfigError(f"{out} already holds another set of pictures: choose another folder")
    else:
        _write(plan_file, plan.text().encode())

    index, of = shard
    mine = plan.share(index - 1 + of * state.process_index, of * state.num_processes)
    requests = list(mine)
    missing = [r for r in requests if not _is_there(out / picture_file(r), r, sha256)]
    done = len(requests) - len(missing)
    if on_progress is not None:
        on_progress(done, len(requests))
    if missing:
        predict, provider, versions = _predictor(bundle, v["variant"], state.device)
        table = bundle.table(v["sampler"], v["steps"], v["eta"])
        for start in range(0, len(missing), batch):
            part = missing[start : start + batch]
            plans = [bundle.plan(r["severity"], r["guidance"]) for r in part]
            pictures = sample_many(predict, plans, table, [r["seed"] for r in part], bundle.shape, chunk=max(32, batch))
            for request, picture in zip(part, pictures, strict=True):
                if not np.isfinite(picture).all():
                    raise ConfigError(f"the model gave numbers that are not finite for {request}")
                record = provenance(bundle.manifest, request, provider, versions)
                _write(out / picture_file(request), encode_png(picture, record))
            done += len(part)
            if on_progress is not None:
                on_progress(done, len(requests))
    state.wait_for_everyone()
    if state.is_main_process:
        _write_lists(bundle, plan, out, sha256)
    state.wait_for_everyone()


def _write_lists(bundle: Bundle, plan: Plan, out: Path, sha256: str) -> None:
    """What describes the set; looks again until nothing came in between, as other shards may end at the same time."""
    _write(out / "README.md", readme(bundle.manifest, plan).encode())
    for name in (MANIFEST, bundle.manifest.get("card")):
        if name and (bundle.folder / name).is_file():
            _write(out / name, (bundle.folder / name).read_bytes())
    listed = ""
    while True:
        text = labels_csv(plan, lambda r: _is_there(out / picture_file(r), r, sha256))
        if text == listed:
            return
        _write(out / "labels.csv", text.encode())
        listed = text


def parse_shard(text: str) -> tuple[int, int]:
    """``2/4`` -> (2, 4); raises ``ConfigError``."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    index, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= index <= of:
        raise ConfigError(f"{text!r} is not a shard; write it as 1/4: the first of four")
    return index, of
