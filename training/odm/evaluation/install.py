"""The results into the bundle: ``metrics.json``, the grader, their manifest entries, and the card's table."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bundle import CARD, MANIFEST, Bundle, check_manifest, write_atomically
from ..errors import DataError, ExportError
from .grader import manifest_entry
from .tables import card_section, with_section

if TYPE_CHECKING:
    from .run import Evaluation

METRICS = "metrics.json"
_SCHEMA = Path(__file__).resolve().parents[1] / "metrics.schema.json"


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    return schema


def check_metrics(metrics: dict[str, Any]) -> list[str]:
    """What is wrong with metrics; empty when they are valid."""
    import jsonschema

    return [
        f"{'/'.join(map(str, e.absolute_path)) or 'metrics'}: {e.message[:200]}"
        for e in jsonschema.Draft202012Validator(_schema()).iter_errors(metrics)
    ]


def metrics_bytes(metrics: dict[str, Any]) -> bytes:
    """The file's content; raises ``ExportError`` for metrics that are not valid."""
    problems = check_metrics(metrics)
    if problems:
        raise ExportError(f"the metrics are not valid: {'; '.join(problems[:5])}")
    return (json.dumps(_rounded(metrics), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _rounded(value: Any) -> Any:
    """Six significant digits: no interval here is narrower."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return value


def install(run: Evaluation, metrics: dict[str, Any], found: dict[str, Any]) -> None:
    """Writes into the evaluated bundle, after checking everything."""
    payload = run.grader_file(found["graderFile"])
    entry = manifest_entry(payload, found["grader"]["chosen"], found["graderFile"]["params"], _rounded(found["grader"]["crossValidated"]["qwk"]))  # fmt: skip
    install_files(run.bundle.folder, metrics, payload, entry)


def install_files(folder: Path, metrics: dict[str, Any], grader: bytes, entry: dict[str, Any]) -> None:
    """The grader, the metrics and the card first, the manifest that names them last."""
    bundle = Bundle.open(folder)
    for key, mine in metrics["byVariant"].items():
        if bundle.manifest["variants"].get(key, {}).get("sha256") != mine["sha256"]:
            raise DataError(f"the metrics are about other weights of {key} than the bundle has", file=folder / MANIFEST)
    manifest: dict[str, Any] = {}
    for k, v in bundle.manifest.items():
        if k in ("grader", "evaluation"):
            continue
        if k == "parity":
            manifest["grader"] = entry
        manifest[k] = v
        if k in ("preview", "card"):
            manifest.pop("evaluation", None)
            manifest["evaluation"] = METRICS
    manifest.setdefault("evaluation", METRICS)
    problems = check_manifest(manifest)
    if problems:
        raise ExportError(f"{folder}: the manifest would be invalid: {'; '.join(problems)}")
    files = {entry["file"]: grader, METRICS: metrics_bytes(metrics)}
    card = folder / manifest.get("card", CARD)
    if card.is_file():
        # from the figures as they are kept, so that the card can be made again from them
        section = card_section(_rounded(metrics), manifest)
        files[card.name] = with_section(card.read_text(encoding="utf-8"), section).encode()
    files[MANIFEST] = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
    for name, content in files.items():
        write_atomically(folder / name, content)
