"""A model bundle as a folder: made from checkpoints, checked, sampled, packed.

A bundle's words (titles, grades, credit, limits) come from a description, ``bundles/*.toml``, whose keys are the
manifest's; its figures come from the checkpoint and from measurement. How a variant was trained travels inside its ONNX
file as metadata, so that the card can be written again from the bundle alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from .errors import ConfigError, DataError, ExportError
from .noise import Purpose, normals
from .sampling import (
    EVERY_TIME,
    SAMPLERS,
    Array,
    Plan,
    Predict,
    conditioning_plan,
    from_onnx,
    mixed_row,
    sample,
    sample_many,
    sampler_table,
    schedule_from,
    to_uint8,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from .export import Exported

MANIFEST, CARD, PREVIEW = "manifest.json", "card.md", "preview.webp"
PREVIEW_SEEDS = (1, 2, 3)
_SCHEMA = Path(__file__).with_name("manifest.schema.json")


# --- descriptions -----------------------------------------------------------------------------------------------------

_TEXTS = ("id", "title", "domain", "scale", "license", "attribution", "intendedUse")
_DATA_TEXTS = ("name", "license", "credit", "preprocessing")


def _take(table: dict[str, Any], keys: dict[str, Any], where: str) -> None:
    """Exactly ``keys``, of the types given; ``ConfigError`` otherwise."""
    unknown, missing = sorted(set(table) - set(keys)), sorted(set(keys) - set(table))
    if unknown or missing:
        what = "unknown key" if unknown else "missing key"
        raise ConfigError(f"{where}: {what} {', '.join(unknown or missing)}")
    for key, kind in keys.items():
        value = table[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ConfigError(f"{where}: {key} has the wrong type ({value!r})")


def read_description(path: Path) -> dict[str, Any]:
    """A checked ``bundles/*.toml``; raises ``ConfigError`` naming the key."""
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: there is no such file") from e
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{path}: {e}") from e
    tables = {"grades": list, "limits": list, "data": dict, "variants": dict}
    optional = {"guidance_range": list} if "guidance_range" in raw else {}
    _take(raw, dict.fromkeys(_TEXTS, str) | tables | optional, str(path))
    for i, grade in enumerate(raw["grades"]):
        kinds = {"value": (int, float), "label": str, "short": str, "description": str}
        _take(grade, kinds, f"{path}: grades[{i}]")
    _take(raw["data"], dict.fromkeys(_DATA_TEXTS, str) | {"knownFlaws": list}, f"{path}: data")
    for name, variant in raw["variants"].items():
        where = f"{path}: variants.{name}"
        if "sampler" not in variant:  # a generator: nothing to sample with
            _take(variant, {"title": str}, where)
            continue
        _take(variant, {"title": str, "sampler": str, "steps": int, "guidance": (int, float)}, where)
        if variant["sampler"] not in SAMPLERS:
            raise ConfigError(f"{where}: sampler must be one of {', '.join(SAMPLERS)}")
    return raw


# --- reading ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    return schema


def guidance_range(manifest: dict[str, Any]) -> tuple[float, float]:
    """The times (in the schedule's units, inclusive) at which guidance acts; every time where the manifest says nothing."""
    low, high = manifest["diffusion"].get("guidanceRange", EVERY_TIME)
    return low, high


def guidance_words(guidance: float, limits: Sequence[float] | None) -> str:
    """``guidance 4 at t from 0 to 0.6``, for a person to read; ``limits`` are the ``guidanceRange``, None at every time."""
    where = f" at t from {limits[0]:g} to {limits[1]:g}" if limits is not None and guidance != 1 else ""
    return f"guidance {guidance:g}{where}"


def is_generator(entry: dict[str, Any]) -> bool:
    """Whether a manifest's variant makes its picture in one evaluation, without a sampler."""
    return entry.get("kind") == "generator"


def check_manifest(manifest: dict[str, Any]) -> list[str]:
    """What is wrong with a manifest; empty when it is valid."""
    import jsonschema

    problems = [
        f"{'/'.join(map(str, e.absolute_path)) or 'manifest'}: {e.message}"
        for e in jsonschema.Draft202012Validator(_schema()).iter_errors(manifest)
    ]
    if problems:
        return problems
    # what a JSON Schema cannot say
    values = [g["value"] for g in manifest["grades"]]
    if any(a >= b for a, b in zip(values, values[1:], strict=False)):
        problems.append("grades must rise in value")
    if len(manifest["data"]["counts"]) != len(values):
        problems.append("data/counts: one count per grade is needed")
    variants = manifest["variants"]
    if set(variants) != set(manifest["parity"]):
        problems.append("every variant needs a parity reference")
    if all(is_generator(v) for v in variants.values()):
        problems.append("variants: at least one that is a diffusion model is needed")
    for name, reference in manifest["parity"].items():
        generator = name in variants and is_generator(variants[name])
        if generator != (reference["t"] is None):
            problems.append(f"parity/{name}/t must be null for a generator alone")
    low, high = manifest["diffusion"]["tRange"]
    if not low < high:
        problems.append("diffusion/tRange must be [low, high]")
    bottom, top = guidance_range(manifest)
    if not bottom < top:
        problems.append("diffusion/guidanceRange must be [low, high]")
    return problems


@dataclass(frozen=True)
class Bundle:
    """An existing bundle folder and its valid manifest."""

    folder: Path
    manifest: dict[str, Any]

    @staticmethod
    def open(folder: Path) -> Bundle:
        """Reads and checks ``manifest.json``; raises ``DataError``."""
        path = folder / MANIFEST
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as e:
            raise DataError("there is no manifest here", file=path) from e
        except ValueError as e:
            raise DataError(f"the manifest is not JSON ({e})", file=path) from e
        problems = check_manifest(manifest)
        if problems:
            raise DataError("; ".join(problems), file=path)
        return Bundle(folder, manifest)

    @property
    def values(self) -> list[float]:
        """Clinical values of the grades, lowest first."""
        return [g["value"] for g in self.manifest["grades"]]

    @property
    def shape(self) -> tuple[int, int, int]:
        image = self.manifest["image"]
        return image["channels"], image["height"], image["width"]

    def weights(self, variant: str) -> bytes:
        """The bytes of a variant's ONNX file, after checking its SHA-256; raises ``DataError``."""
        entry = self.manifest["variants"].get(variant)
        if entry is None:
            known = ", ".join(self.manifest["variants"])
            raise DataError(f"there is no variant {variant!r}; there is {known}", file=self.folder / MANIFEST)
        path = self.folder / entry["file"]
        try:
            payload = path.read_bytes()
        except FileNotFoundError as e:
            raise DataError("the weights are missing", file=path) from e
        if hashlib.sha256(payload).hexdigest() != entry["sha256"]:
            raise DataError("the SHA-256 of the weights is not the manifest's", file=path)
        return payload

    def metrics(self) -> dict[str, Any] | None:
        """What the evaluation protocol found; None for a bundle that was not evaluated."""
        if "evaluation" not in self.manifest:
            return None
        found: dict[str, Any] = json.loads((self.folder / self.manifest["evaluation"]).read_text(encoding="utf-8"))
        return found

    def predict(self, variant: str) -> Predict:
        """The diffusion variant on the CPU through onnxruntime; raises ``DataError`` for a generator."""
        inputs = self.manifest["inputs"]
        if variant in self.manifest["variants"] and is_generator(self.manifest["variants"][variant]):
            raise DataError(f"{variant} is a generator: it has nothing to denoise", file=self.folder / MANIFEST)
        if (
            self.manifest["diffusion"]["prediction"] != "x0"
            or inputs["t"]["kind"] != "float"
            or inputs["y"]["kind"] != "weights"
        ):
            raise DataError("only models that predict x0 from class weights run here", file=self.folder / MANIFEST)
        names = inputs["x"]["name"], inputs["t"]["name"], inputs["y"]["name"]
        return from_onnx(_session(self.weights(variant)), names, self.manifest["output"]["name"])

    def generate(self, variant: str, severities: Sequence[float], seeds: Sequence[int]) -> Array:
        """Pictures [N, 3, H, W] of a generator variant, one a severity and seed, on the CPU through onnxruntime.

        A fractional severity mixes the embeddings of its two neighbours; beyond an end the last segment is continued.
        """
        payload = self.weights(variant)
        return _generate(_session(payload), self.manifest["variants"][variant], self.values, severities, seeds)

    def sample(
        self,
        variant: str,
        severity: float,
        seed: int,
        sampler: str | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        eta: float = 0.0,
    ) -> Array:
        """One picture [3, H, W] in -1..1: what the browser draws for the same request, to float tolerance.

        A generator takes the severity and the seed alone; ``ConfigError`` when it is given more.
        """
        if variant in self.manifest["variants"] and is_generator(self.manifest["variants"][variant]):
            if (sampler, steps, guidance, eta) != (None, None, None, 0.0):
                raise ConfigError(f"{variant} is a generator: it has no sampler, steps, guidance or eta")
            return self.generate(variant, [severity], [seed])[0]
        predict = self.predict(variant)
        defaults = self.manifest["variants"][variant]["defaults"]
        name = sampler or defaults["sampler"]
        if name not in SAMPLERS:
            raise ConfigError(f"unknown sampler {name!r}; there are {', '.join(SAMPLERS)}")
        table = self.table(name, steps if steps is not None else defaults["steps"], eta)
        plan = self.plan(severity, defaults["guidance"] if guidance is None else guidance)
        return sample(predict, plan, table, seed, self.shape)

    def plan(self, severity: float, guidance: float) -> Plan:
        """How to evaluate a severity, with guidance at the times at which this bundle's models take it."""
        return conditioning_plan(severity, self.values, guidance, guidance_range(self.manifest))

    def table(self, sampler: Any, steps: int, eta: float = 0.0) -> Any:
        """The sampler's rows on this bundle's schedule."""
        diffusion = self.manifest["diffusion"]
        low, high = diffusion["tRange"]
        return sampler_table(schedule_from(diffusion["schedule"]), sampler, steps, (low, high), eta)

    def save_png(self, picture: Array, path: Path) -> None:
        Image.fromarray(to_uint8(picture)).save(path)


def _generate(
    session: Any, entry: dict[str, Any], values: Sequence[float], severities: Sequence[float], seeds: Sequence[int]
) -> Array:
    z = np.stack([normals(seed, Purpose.LATENT, 0, entry["latent"]) for seed in seeds])
    y = np.stack([mixed_row(severity, values) for severity in severities])
    feeds = {entry["inputs"]["z"]["name"]: z, entry["inputs"]["y"]["name"]: y}
    pictures: Array = session.run([entry["output"]["name"]], feeds)[0]
    return pictures


def _session(payload: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])


# --- making -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Made:
    """What the two kinds of checkpoints have in common once they are exported."""

    config: Any  # TrainConfig or GanConfig
    state: dict[str, Any]
    exported: Exported
    flops: int
    entry: dict[str, Any]  # what the variant's manifest entry has beyond the common
    diffusion: dict[str, Any] | None  # the bundle's, None when this variant has none
    parity: Callable[[bytes], dict[str, Any]]


def _read_denoiser(checkpoint: Path) -> _Made:
    from .checkpoint import load_ema
    from .export import export_network, parity_reference
    from .network import count_flops

    model, config, state = load_ema(checkpoint)
    return _Made(
        config=config,
        state=state,
        exported=export_network(model, config.size),
        flops=count_flops(config.network(), config.size),
        entry={},
        diffusion={"prediction": "x0", "schedule": {"kind": "cosine"}, "tRange": list(config.t_range)},
        parity=lambda payload: asdict(parity_reference(payload, len(config.grades), config.size)),
    )


def _read_generator(checkpoint: Path) -> _Made:
    from .export import export_generator, generator_parity_reference
    from .gan import load_generator
    from .stylegan import generator_flops

    model, config, state = load_generator(checkpoint)
    return _Made(
        config=config,
        state=state,
        exported=export_generator(model),
        flops=generator_flops(config.shape()),
        entry={
            "kind": "generator",
            "latent": config.latent,
            "inputs": {"z": {"name": "z"}, "y": {"name": "y"}},
            "output": {"name": "picture"},
        },
        diffusion=None,
        parity=lambda payload: asdict(generator_parity_reference(payload, len(config.grades), config.latent)),
    )


def export_variant(checkpoint: Path, description: Path, bundle: Path, variant: str, preview: bool = True) -> str:
    """Adds (or replaces) ``variant`` in the folder ``bundle`` from the EMA weights of ``checkpoint``.

    Everything is made and checked before the first byte is written; a failure is an ``ExportError`` (or the error of
    the file at fault) and leaves the bundle as it was. Returns a few lines on what was done.
    """
    from .checkpoint import read_checkpoint
    from .evaluation.install import metrics_bytes
    from .evaluation.join import without
    from .evaluation.tables import card_section, with_section
    from .gan import KIND

    words = read_description(description)
    if variant not in words["variants"]:
        raise ExportError(f"{description} describes no variant {variant!r}")
    generator = read_checkpoint(checkpoint).get("kind") == KIND
    if generator == ("sampler" in words["variants"][variant]):
        kind = "a generator" if generator else "a diffusion model"
        raise ExportError(f"{description}: {variant!r} is not described as {kind}, which {checkpoint} is")
    made = _read_generator(checkpoint) if generator else _read_denoiser(checkpoint)
    config, state, exported = made.config, made.state, made.exported
    if [float(g["value"]) for g in words["grades"]] != list(config.grades):
        raise ExportError(f"{description}: the grades are not those the model was trained on, {config.grades}")

    images = state["step"] * config.batch
    # a checkpoint that travelled with its average already rounded says what that cost, measured before it left
    max_error_float32 = max(exported.max_error_float32, state.get("rounding", 0.0))
    payload = _with_metadata(
        exported,
        {
            "trainingConfig": json.dumps(state["config"]),
            "imagesSeen": str(images),
            "branchImages": str(images - state.get("branched_at", 0)),
            "secondsTrained": f"{state['seconds']:.0f}",
            "validation": json.dumps(_last_validation(checkpoint.parent / "log.jsonl")),
            "maxErrorFloat32": f"{max_error_float32:.2e}",
            "maxErrorRounded": f"{exported.max_error_rounded:.2e}",
        },
    )
    about = words["variants"][variant]
    entry: dict[str, Any] = {
        "title": about["title"],
        "file": f"{variant}.onnx",
        "sha256": hashlib.sha256(payload).hexdigest(),
        "bytes": len(payload),
        "precision": "float16-weights",
        "params": exported.params,
        "flopsPerEval": made.flops,
        "imagesSeen": images,
        **made.entry,
    }
    if not generator:
        entry["defaults"] = {k: about[k] for k in ("sampler", "steps", "guidance")}
    image = {"width": config.size, "height": config.size, "channels": 3, "range": [-1, 1]}
    before = _existing(bundle, words["id"])
    others = [v for k, v in before["variants"].items() if k != variant] if before else []
    if made.diffusion is None and (before is None or all(map(is_generator, others))):
        raise ExportError(f"{bundle}: a generator is added to a bundle that has a diffusion model; export that first")
    diffusion = made.diffusion or before["diffusion"]  # type: ignore[index]
    if "guidance_range" in words:
        diffusion = {**diffusion, "guidanceRange": words["guidance_range"]}
    for key, now, concerned in (
        ("diffusion", diffusion, not all(map(is_generator, others))),
        ("image", image, bool(others)),
    ):
        if before is not None and concerned and before[key] != now:
            raise ExportError(f"{bundle}: the other variants of this bundle have another {key}; remove them first")
    metrics = found = Bundle(bundle, before).metrics() if before else None
    if found and variant in found["byVariant"]:  # about weights that are no longer there
        # the other variants' figures compare them with a diffusion model, with a generator none do
        metrics = without(found, variant) if generator else None
    manifest: dict[str, Any] = {
        "formatVersion": 1,
        **{k: words[k] for k in ("id", "title", "domain", "scale", "grades")},
        "image": image,
        "diffusion": diffusion,
        "inputs": {
            "x": {"name": "x"},
            "t": {"name": "t", "kind": "float"},
            "y": {"name": "y", "kind": "weights"},
        },
        "output": {"name": "x0"},
        "variants": {**(before["variants"] if before else {}), variant: entry},
        "parity": {
            **(before["parity"] if before else {}),
            variant: made.parity(payload),
        },
        "data": {
            **{k: words["data"][k] for k in ("name", "license", "credit")},
            "counts": [int(n) for n in state["counts"]],
            "preprocessing": words["data"]["preprocessing"],
            "knownFlaws": words["data"]["knownFlaws"],
        },
        "card": CARD,
        "preview": PREVIEW,
        # a grader is of the data, metrics are of the weights: these go with the weights they were about
        **({"grader": before["grader"]} if before and "grader" in before else {}),
        **({"evaluation": before["evaluation"]} if before and metrics else {}),
        **{k: words[k] for k in ("license", "attribution", "intendedUse", "limits")},
    }
    for part in ("variants", "parity"):  # the order people see: odm first
        manifest[part] = {k: manifest[part][k] for k in words["variants"] if k in manifest[part]}
    problems = check_manifest(manifest)
    if problems:
        raise ExportError(f"{bundle}: the manifest would be invalid: {'; '.join(problems)}")

    whole = Bundle(bundle, manifest)
    payloads = {k: payload if k == variant else whole.weights(k) for k in manifest["variants"]}
    text = card(manifest, payloads)
    if metrics:
        text = with_section(text, card_section(metrics, manifest))
    files = {entry["file"]: payload, CARD: text.encode()}
    if preview or not (bundle / PREVIEW).exists():
        drawn = [k for k, v in manifest["variants"].items() if not is_generator(v)]
        shown = "odm" if "odm" in drawn else drawn[0]
        files[PREVIEW] = _preview(whole, shown, payloads[shown])
    if metrics and metrics is not found:
        files[manifest["evaluation"]] = metrics_bytes(metrics)
    files[MANIFEST] = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()  # last: it names the rest
    bundle.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_atomically(bundle / name, content)
    if before is not None and "evaluation" in before and metrics is None:
        (bundle / before["evaluation"]).unlink(missing_ok=True)
    return (
        f"{bundle / entry['file']}: {len(payload):,} bytes, {exported.params:,} parameters, {images:,} images seen\n"
        f"max difference {max_error_float32:.1e} from the float32 network, "
        f"{exported.max_error_rounded:.1e} from the same rounded weights\n"
        f"operators: {', '.join(f'{k} {v}' for k, v in sorted(exported.operators.items()))}"
    )


def write_atomically(path: Path, content: bytes) -> None:
    """The whole file or nothing: written beside it, then renamed."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def _existing(folder: Path, identity: str) -> dict[str, Any] | None:
    if not (folder / MANIFEST).exists():
        return None
    manifest = Bundle.open(folder).manifest
    if manifest["id"] != identity:
        raise ExportError(f"{folder} holds the bundle {manifest['id']}, not {identity}")
    return manifest


def _last_validation(log: Path) -> dict[str, Any]:
    """The last line of a run's log that has held-out figures, or nothing."""
    if not log.is_file():
        return {}
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    found = [line for line in lines if "psnr_held_out" in line]
    return found[-1] if found else {}


def _with_metadata(exported: Exported, entries: dict[str, str]) -> bytes:
    import onnx

    proto = onnx.load_from_string(exported.payload)
    onnx.helper.set_model_props(proto, entries)
    content: bytes = proto.SerializeToString()
    return content


def _preview(bundle: Bundle, variant: str, payload: bytes) -> bytes:
    """A WebP sheet from the shipped weights: one column a grade, one row a seed, labelled as synthetic."""
    defaults = bundle.manifest["variants"][variant]["defaults"]
    values = bundle.values
    plans = [bundle.plan(v, defaults["guidance"]) for _ in PREVIEW_SEEDS for v in values]
    seeds = [s for s in PREVIEW_SEEDS for _ in values]
    table = bundle.table(defaults["sampler"], defaults["steps"])
    pictures = to_uint8(sample_many(from_onnx(_session(payload)), plans, table, seeds, bundle.shape))
    scale = max(1, 128 // bundle.shape[2])
    tile = bundle.shape[2] * scale
    gap, head, foot = 4, 20, 20
    width = len(values) * (tile + gap) + gap
    height = head + len(PREVIEW_SEEDS) * (tile + gap) + foot
    sheet = Image.new("RGB", (width, height), (16, 18, 22))
    pen = ImageDraw.Draw(sheet)
    for column, grade in enumerate(bundle.manifest["grades"]):
        x = gap + column * (tile + gap)
        pen.text((x + tile / 2, head / 2), grade["short"], fill=(235, 235, 235), anchor="mm")
        for row in range(len(PREVIEW_SEEDS)):
            picture = Image.fromarray(pictures[row * len(values) + column])
            sheet.paste(picture.resize((tile, tile), Image.Resampling.NEAREST), (x, head + row * (tile + gap)))
    text = f"SYNTHETIC - {bundle.manifest['id']} {variant}, seeds {', '.join(map(str, PREVIEW_SEEDS))}"
    pen.text((width / 2, height - foot / 2), text, fill=(235, 235, 235), anchor="mm")
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=88, method=6)
    return buffer.getvalue()


# --- the card ---------------------------------------------------------------------------------------------------------

_SETTINGS = [
    "size",
    "resize",
    "crop",
    "flips",
    "holdout",
    "class_balance",
    "patch",
    "channels",
    "blocks",
    "attention",
    "embedding",
    "dropout",
    "ordinal_embedding",
    "grade_line",
    "null_probability",
    "log_sigma_mean",
    "log_sigma_std",
    "uniform_share",
    "low_noise_share",
    "t_range",
    "ordinal_lambda",
    "ordinal_reading",
    "ordinal_weight",
    "ordinal_anchor",
    "ordinal_anchor_to",
    "ordinal_share",
    "trains",
    "seed",
    "batch",
    "learning_rate",
    "betas",
    "weight_decay",
    "gradient_clip",
    "ema_halflife_images",
    "precision",
]


_BOOKKEEPING = frozenset(["augment", "images", "log_images", "checkpoint_minutes", "samples_minutes"])


def metadata_of(payload: bytes) -> dict[str, str]:
    """What an ONNX file says of its own training."""
    import onnx

    proto = onnx.load_from_string(payload)
    return {p.key: p.value for p in proto.metadata_props}


def card(manifest: dict[str, Any], payloads: dict[str, bytes]) -> str:
    """The model card (Markdown) of a bundle, from its manifest and what its weights say of their training."""
    data, grades = manifest["data"], manifest["grades"]
    notes = {k: metadata_of(p) for k, p in payloads.items()}
    configs = {k: json.loads(n["trainingConfig"]) for k, n in notes.items()}
    out = [
        f"# {manifest['title']}",
        "",
        manifest["intendedUse"],
        "",
        f"Pictures of {manifest['image']['width']}x{manifest['image']['height']} pixels, conditioned on "
        f"{manifest['scale']}. **Every picture drawn with these weights is synthetic.**",
        "",
        "![Pictures drawn with the shipped weights](preview.webp)",
        "",
        "## Data",
        "",
        f"{data['name']}. Licence: {data['license']}. Credit: {data['credit']}",
        "",
        f"Preprocessing: {data['preprocessing']}",
        "",
        "| grade | label | training images |",
        "|---|---|---|",
    ]
    for grade, n in zip(grades, data["counts"], strict=True):
        out.append(f"| {grade['short']} | {grade['label']} | {n} |")
    if data["knownFlaws"]:
        out += ["", "Known flaws of the data:", "", *(f"- {flaw}" for flaw in data["knownFlaws"])]
    out += ["", "## What it cannot do", "", *(f"- {limit}" for limit in manifest["limits"])]

    names = list(payloads)
    columns = [manifest["variants"][k]["title"] for k in names]
    out += ["", "## Variants", "", "| | " + " | ".join(columns) + " |", "|---" * (len(names) + 1) + "|"]

    def line(title: str, cells: list[str]) -> None:
        out.append(f"| {title} | " + " | ".join(cells) + " |")

    entries = [manifest["variants"][k] for k in names]
    line("file", [f"`{e['file']}`, {e['bytes']:,} bytes" for e in entries])
    line("parameters", [f"{e['params']:,}" for e in entries])
    line("GFLOP an evaluation", [f"{e['flopsPerEval'] / 1e9:.3g}" for e in entries])
    line("images seen, common trunk included", [f"{e['imagesSeen']:,}" for e in entries])
    line("of them in this branch", [f"{int(notes[k]['branchImages']):,}" for k in names])
    defaults = [e.get("defaults") for e in entries]
    line(
        "default sampler",
        [
            f"{d['sampler']}, {d['steps']} steps, {guidance_words(d['guidance'], manifest['diffusion'].get('guidanceRange'))}"
            if d
            else "none: one evaluation"
            for d in defaults
        ],
    )
    line("difference from the float32 network", [notes[k]["maxErrorFloat32"] for k in names])
    line("from the same float16-rounded weights", [notes[k]["maxErrorRounded"] for k in names])

    checks = {k: json.loads(notes[k]["validation"]) for k in names}
    if any(checks.values()):
        out += ["", "## Measured on held-out pictures during training (moving average of the weights)", ""]
        out += ["| | " + " | ".join(columns) + " |", "|---" * (len(names) + 1) + "|"]

        def figures(title: str, key: str, inner: str | None, form: str) -> None:
            times = sorted({t for k in names for t in checks[k].get(key, {})}, key=float)
            for t in times:
                cells = []
                for k in names:
                    value = checks[k].get(key, {}).get(t)
                    value = value[inner] if value is not None and inner is not None else value
                    cells.append("-" if value is None else format(value, form))
                line(f"{title}, t = {t}", cells)

        figures("denoiser PSNR in dB", "psnr_held_out", None, ".1f")
        figures("triangle slack of the grades' noise estimates", "ordinality", "slack", ".3f")
        figures("order violations (share of triples)", "ordinality", "violations", ".3f")
        figures("mean cosine of successive differences", "ordinality", "cosine", ".2f")
        figures("distance from the lowest to the highest grade", "ordinality", "outer", ".4f")

    trained = [k for k in names if not is_generator(manifest["variants"][k])]
    titles = " | ".join(manifest["variants"][k]["title"] for k in trained)
    out += ["", "## Settings", "", f"| | {titles} |", "|---" * (len(trained) + 1) + "|"]
    for key in _SETTINGS:
        line(f"`{key}`", [_plain(configs[k].get(key)) for k in trained])
    for name in names:
        if name not in trained:
            title = manifest["variants"][name]["title"]
            out += ["", f"## Settings of {title}", "", f"| | {title} |", "|---|---|"]
            for key in sorted(set(configs[name]) - _BOOKKEEPING):
                line(f"`{key}`", [_plain(configs[name][key])])
    out += ["", "## Licence and credit", "", f"{manifest['license']}. {manifest['attribution']}", ""]
    return "\n".join(out)


def _plain(value: Any) -> str:
    if value is None:  # a setting that is newer than the weights
        return "-"
    return ", ".join(f"{v:g}" for v in value) if isinstance(value, list) else str(value)


# --- packing ----------------------------------------------------------------------------------------------------------


def pack(folder: Path, out: Path) -> None:
    """Writes a checked bundle as a ZIP file whose root holds ``manifest.json``; the bytes are reproducible."""
    bundle = Bundle.open(folder)
    for variant in bundle.manifest["variants"]:
        bundle.weights(variant)
    names = [MANIFEST, *(v["file"] for v in bundle.manifest["variants"].values())]
    if "grader" in bundle.manifest:
        names.append(bundle.manifest["grader"]["file"])
    names += [bundle.manifest[k] for k in ("card", "preview", "evaluation") if k in bundle.manifest]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            path = folder / name
            if not path.is_file():
                raise DataError("the manifest names this file, but it is not here", file=path)
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), path.read_bytes())
    write_atomically(out, buffer.getvalue())
