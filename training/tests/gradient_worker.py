"""One process of the distributed test: the gradient of the first step, saved by the main process.

Usage: ``gradient_worker.py CONFIG OUT``, alone or under ``accelerate launch``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from odm.config import load_config
from odm.train import Run


def main(config: Path, out: Path) -> None:
    torch.set_num_threads(1)
    run = Run(load_config(config), out.with_suffix(""), None, resume=False)
    run.accelerator.backward(run.train_step.loss(run.model, 0)[0])
    if run.main:
        bare = run.accelerator.unwrap_model(run.model)
        gradients = {k: p.grad for k, p in bare.named_parameters() if p.grad is not None}
        torch.save({"processes": run.accelerator.num_processes, "gradients": gradients}, out)
    run.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
