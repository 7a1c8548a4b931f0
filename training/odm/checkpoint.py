"""Checkpoints: written atomically, the previous one kept, a corrupt one recognised by its digest.

A file is a SHA-256 (32 bytes) followed by a ``torch.save`` payload of plain tensors and values.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import torch

from .config import TrainConfig, parse_config
from .errors import CheckpointError
from .network import Denoiser

LATEST, PREVIOUS = "latest.pt", "previous.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Writes ``latest.pt``; what it was becomes ``previous.pt``. A kill at any moment leaves one good file."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    temporary = folder / f"{LATEST}.{os.getpid()}.tmp"
    with temporary.open("wb") as handle:
        handle.write(hashlib.sha256(payload).digest())
        handle.write(payload)
        handle.flush()
        os.fsync(handle.fileno())
    latest = folder / LATEST
    if latest.exists():
        os.replace(latest, folder / PREVIOUS)
    os.replace(temporary, latest)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Reads one file; raises ``CheckpointError`` when it is missing, truncated or altered."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError as e:
        raise CheckpointError(f"{path}: there is no such checkpoint") from e
    digest, payload = raw[:32], raw[32:]
    if hashlib.sha256(payload).digest() != digest:
        raise CheckpointError(f"{path}: the checkpoint is corrupt (its digest does not match)")
    state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return state


def load_latest(folder: Path) -> tuple[dict[str, Any], CheckpointError | None]:
    """The newest good checkpoint of a run, and what was wrong with the newest file if the previous one was used."""
    try:
        return read_checkpoint(folder / LATEST), None
    except CheckpointError as problem:
        try:
            return read_checkpoint(folder / PREVIOUS), problem
        except CheckpointError:
            raise problem from None


def load_ema(path: Path) -> tuple[Denoiser, TrainConfig, dict[str, Any]]:
    """The averaged network of a checkpoint, ready to evaluate, its configuration, and the whole state."""
    state = read_checkpoint(path)
    config = parse_config(state["config"])
    model = Denoiser(config.network()).eval()
    model.load_state_dict(state["ema"])
    return model, config, state
