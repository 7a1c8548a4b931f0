"""Checkpoints made of what is there: of a shipped denoiser, of two branches, of a network at half the size.

A shipped file holds the averaged weights, the large ones rounded to float16; the optimiser's state and what training alone
needs (the layer that tells the network how a picture was changed) are not in it. All checkpoints made here are thinned to an
average: they serve ``init_average``.

Two branches of one trunk can be averaged in their weights (Wortsman et al. 2022, "Model soups"): what they have seen
and how straight their grades lie is then in between.

A network can be enlarged to pictures of twice the side by patches of twice the side: it begins as the old one, shown every
2x2 pixels' mean, and costs the same.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from .bundle import Bundle, metadata_of
from .checkpoint import LATEST, load_ema, read_checkpoint, save_checkpoint
from .config import TrainConfig, parse_config, plain
from .data import load_image_set, split_holdout
from .errors import CheckpointError
from .export import TOLERANCE_ROUNDED, largest_difference, simplify, trace_network
from .network import Denoiser
from .validate import validation


def weights_of(payload: bytes, config: TrainConfig) -> dict[str, torch.Tensor]:
    """The state of ``Denoiser(config.network())`` that the ONNX file ``payload`` was exported from, float32.

    A network of the same shape is traced anew: its initialisers come in the file's order, and their values say whose they are.
    Raises ``CheckpointError`` when the two do not fit, or do not compute the same.
    """
    model = Denoiser(config.network()).eval()
    with torch.no_grad():
        for p in model.parameters():  # the exporter makes one initialiser of equal ones, and many begin as zeros
            p.normal_(std=0.02)
        # but for these two, which only ever act as a sum: the same start and the same gradients keep them equal
        model.head.bias.copy_(model.linear.bias)  # type: ignore[arg-type, union-attr]
    twin = trace_network(model, config.size)
    simplify(twin)
    named, stored = (
        [numpy_helper.to_array(i) for i in proto.graph.initializer] for proto in (twin, onnx.load_from_string(payload))
    )
    if len(stored) != len(named):
        raise CheckpointError(f"the file has {len(stored)} initialisers, this configuration's network {len(named)}")
    state: dict[str, torch.Tensor] = {}
    for name, p in model.named_parameters():
        # by value, since the exporter renames what it reshapes; every parameter is random here, so no two are alike
        own = p.detach().numpy()
        for mine, theirs in zip(named, stored, strict=True):
            if mine.size != own.size or mine.dtype != own.dtype:
                continue
            turned = own.ndim == 2 and np.array_equal(mine.ravel(), own.T.ravel())  # or transposes
            if turned or np.array_equal(mine.ravel(), own.ravel()):
                if theirs.size != own.size:
                    raise CheckpointError(f"{name}: the file has {theirs.size} values, this configuration's network {own.size}")  # fmt: skip
                values = theirs.astype(np.float32).reshape(own.T.shape if turned else own.shape)
                state[name] = torch.from_numpy(np.ascontiguousarray(values.T if turned else values))
                break
    if missing := sorted(set(dict(model.named_parameters())) - set(state)):
        raise CheckpointError(f"not found in the file: {', '.join(missing)}")
    model.load_state_dict(state, strict=False)
    difference = largest_difference(model, payload, config.size)
    if not difference <= TOLERANCE_ROUNDED:
        raise CheckpointError(f"the recovered network differs from the file by {difference:.1e}")
    return dict(model.state_dict())


def recover(bundle: Path, variant: str, folder: Path, batch: int) -> dict[str, Any]:
    """Writes ``folder/latest.pt`` from a bundle's variant; steps are counted in batches of ``batch``. Returns the state."""
    opened = Bundle.open(bundle)
    if variant not in opened.manifest["variants"]:
        raise CheckpointError(f"{bundle}: there is no variant {variant!r}")
    payload = opened.weights(variant)
    notes = metadata_of(payload)
    config = dataclasses.replace(parse_config(json.loads(notes["trainingConfig"])), augment=0.0, batch=batch, init_from="", init_average=False, init_continues=False, ordinal_anchor=0.0)  # fmt: skip
    seen = int(notes["imagesSeen"])
    if seen % batch:
        raise CheckpointError(f"{seen:,} images seen are no whole number of batches of {batch}")
    state = {
        "config": plain(config.to_dict()),
        "step": seen // batch,
        "seconds": float(notes["secondsTrained"]),
        "branched_at": seen - int(notes["branchImages"]),
        "counts": opened.manifest["data"]["counts"],
        "ema": weights_of(payload, config),
    }
    save_checkpoint(folder, state)
    return state


def enlarge(checkpoint: Path, folder: Path) -> dict[str, Any]:
    """Writes ``folder/latest.pt``: the checkpoint's average for pictures and patches of twice the side. Returns the state.

    The new network's value at a picture of equal 2x2 blocks is the old one's at the small picture, block by block.
    """
    old = read_checkpoint(checkpoint)
    config = parse_config(old["config"])
    patch, side = config.patch, 2 * config.patch
    # channel c, row i, column j of the large patch lies over channel c, row i // 2, column j // 2 of the small one
    c, i, j = np.indices((3, side, side)).reshape(3, -1)
    below = torch.from_numpy((c * patch + i // 2) * patch + j // 2)
    ema = dict(old["ema"])
    ema["stem.weight"] = ema["stem.weight"][:, below] / 4
    for name in ("linear", "head"):
        ema[f"{name}.weight"], ema[f"{name}.bias"] = ema[f"{name}.weight"][below], ema[f"{name}.bias"][below]
    larger = dataclasses.replace(config, size=2 * config.size, resize=2 * config.resize, patch=side)
    state = {**{key: old[key] for key in ("step", "seconds", "branched_at", "counts")}, "config": plain(larger.to_dict()), "ema": ema}  # fmt: skip
    save_checkpoint(folder, state)
    return state


def average(first: Path, second: Path, share: float, folder: Path, data_root: Path | None) -> dict[str, Any]:
    """Writes ``folder/latest.pt``: ``share`` of the first checkpoint's average and the rest of the second's; and measures it.

    Everything else, the images seen too, is the first one's. Raises ``CheckpointError`` when the second has seen more images
    or is of another network.
    """
    if not 0 <= share <= 1:
        raise CheckpointError(f"the share must lie in 0..1, not {share:g}")
    a, b = read_checkpoint(first), read_checkpoint(second)
    images = [state["step"] * state["config"]["batch"] for state in (a, b)]
    if images[0] < images[1]:
        raise CheckpointError(f"{second} has seen {images[1]:,} images, more than {first}: name it first")
    shapes = [{k: tuple(v.shape) for k, v in state["ema"].items()} for state in (a, b)]
    if shapes[0] != shapes[1]:
        raise CheckpointError(f"{first} and {second} are of different networks")
    state = {key: a[key] for key in ("config", "step", "seconds", "branched_at")}
    state["ema"] = {k: torch.lerp(b["ema"][k], v, share) if v.is_floating_point() else v for k, v in a["ema"].items()}
    config = parse_config(a["config"])
    train, held = split_holdout(load_image_set(config, data_root), config.holdout)
    state["counts"] = train.counts
    save_checkpoint(folder, state)
    model, _, _ = load_ema(folder / LATEST)
    entry = {"images": images[0], **validation(model, train, held, config.size, torch.device("cpu"))}
    (folder / "log.jsonl").write_text(json.dumps(entry) + "\n", encoding="utf-8")
    return state
