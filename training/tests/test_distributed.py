"""Two processes under ``accelerate launch`` have the gradient of one on the same global batch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from . import gradient_worker
from .conftest import TINY, toml

HERE = Path(__file__).resolve().parent


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_two_processes_agree_with_one(tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(toml({**TINY, "batch": 8}), encoding="utf-8")
    worker = str(HERE / "gradient_worker.py")
    launch = [
        # --multi_gpu is accelerate's name for its own launcher of several processes; on a machine without a GPU they
        # use gloo on the CPU (--cpu would leave the launching to MPI)
        *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
        *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
        *("--num_cpu_threads_per_process", "1", "--main_process_port", str(free_port())),
    ]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}
    one, two = tmp_path / "one.pt", tmp_path / "two.pt"
    gradient_worker.main(config, one)
    done = subprocess.run(
        [*launch, worker, str(config), str(two)], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results = [torch.load(out, weights_only=True) for out in (one, two)]
    assert [r["processes"] for r in results] == [1, 2]
    alone, together = (r["gradients"] for r in results)
    assert set(alone) == set(together)
    scale = max(float(g.abs().max()) for g in alone.values())
    assert scale > 0
    for name, gradient in alone.items():
        torch.testing.assert_close(together[name], gradient, rtol=1e-4, atol=1e-6 * scale, msg=name)
