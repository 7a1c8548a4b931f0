"""``python -m odm evaluate``: arguments, and what is done with the results."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bundle import write_atomically
from ..errors import ConfigError, DataError

if TYPE_CHECKING:
    from .run import Evaluation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, nargs="+", help="bundle folders, e.g. models/phantom")
    parser.add_argument("--data", type=Path, help="the folder that holds the data sets (default: ODM_DATA)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/evaluation"), help="results, one folder a bundle below it"
    )
    parser.add_argument("--count", type=int, default=500, help="pictures of each grade (default 500)")
    parser.add_argument(
        "--count-between", type=int, default=200, help="pictures of each fractional severity (default 200)"
    )
    parser.add_argument(
        "--nfe-count", type=int, default=32, help="pictures a grade and point of the NFE curve (default 32)"
    )
    parser.add_argument(
        "--order-count", type=int, default=64, help="pictures for the geometry of the grades (default 64)"
    )
    parser.add_argument("--steps", type=_numbers, help="steps of the NFE curve (default 250,50,20,10,8,4,2,1)")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--graders", type=_words, default=("ridge", "fine-tuned"), help="of ridge, fine-tuned and small, the best is kept (default ridge,fine-tuned)")  # fmt: skip
    parser.add_argument("--grader-epochs", type=int, help="of training a grader (default 24)")
    parser.add_argument("--features", default="lite0", help="lite0 (default) or inception")
    parser.add_argument(
        "--limit", type=int, default=0, help="at most this many real pictures of a grade (default: all)"
    )
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--variants", type=_words, default=(), help="of the bundle (default: all)")
    parser.add_argument(
        "--join", action="store_true",
        help="judge only --variants, by the bundle's grader, and put them beside the figures the bundle has of the others",
    )  # fmt: skip
    parser.add_argument("--stages", type=_words, default=(), help="only these; metrics.json needs the judging ones")
    parser.add_argument(
        "--left-out", action="append", default=[], metavar="VARIANT=CHECKPOINT",
        help="a checkpoint like VARIANT trained without a grade (may be given several times)",
    )  # fmt: skip
    parser.add_argument("--device", help="cpu, cuda … (default: cuda where it is there)")
    parser.add_argument("--tf32", action="store_true", help="TF32 matrix products on CUDA: faster, less exact")
    parser.add_argument("--no-pictures", action="store_true", help="do not keep the drawn pictures' arrays")
    parser.add_argument(
        "--minutes", type=float, help="begin no stage after this much time; the same command goes on later"
    )
    parser.add_argument("--pack", type=Path, help="write results, figures and reports as one .tar.gz")
    parser.add_argument("--install", action="store_true", help="put metrics.json, the grader and the card's table into the bundle")  # fmt: skip
    parser.add_argument("--threads", type=int, default=0, help="CPU threads")


def _words(text: str) -> tuple[str, ...]:
    return tuple(w for w in text.split(",") if w)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(w) for w in text.split(",") if w)


def evaluate(args: argparse.Namespace, data: Path | None) -> None:
    import torch

    from .run import STAGES, Evaluation, Settings, TimeIsUp, pack_results, set_tf32

    if args.threads > 0:
        torch.set_num_threads(args.threads)
    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    set_tf32(args.tf32)
    torch.backends.cudnn.benchmark = device.type == "cuda"
    settings = Settings(
        count=args.count,
        between=args.count_between,
        nfe_count=args.nfe_count,
        order_count=args.order_count,
        folds=args.folds,
        graders=args.graders,
        features=args.features,
        limit=args.limit,
        batch=args.batch,
    )
    if args.grader_epochs is not None:
        settings = dataclasses.replace(settings, epochs=args.grader_epochs)
    if args.steps is not None:
        settings = dataclasses.replace(settings, steps=args.steps)
    left_out = []
    for text in args.left_out:
        like, found, path = text.partition("=")
        if not found:
            raise ConfigError(f"--left-out needs VARIANT=CHECKPOINT, not {text!r}")
        left_out.append((like, Path(path)))
    deadline = None if args.minutes is None else time.time() + 60 * args.minutes
    runs = []
    for folder in args.bundle:
        # a trailing slash or a relative folder still names the bundle
        out = args.out / folder.resolve().name
        runs.append(
            Evaluation(
                folder, data, out, settings, device, args.variants, left_out,
                keep_pictures=not args.no_pictures, deadline=deadline, joined=args.join,
            )
        )  # fmt: skip
    wanted = list(args.stages or STAGES)
    # what judges comes first for every bundle, so that a run cut short has judged them all
    late = [s for s in ("colour", "nfe") if s in wanted]
    rounds = [[s for s in wanted if s not in late]] + [[s] for s in late]
    late_error: TimeIsUp | None = None
    for k in range(len(rounds)):
        asked = [s for part in rounds[: k + 1] for s in part]
        if not asked:
            continue
        for run in runs:
            start = time.time()
            run.seconds = 0.0
            try:
                found = run.run(asked)
            except TimeIsUp as e:
                late_error = e
                print(e)
                continue
            finally:
                if args.pack is not None:
                    pack_results([r.out for r in runs], args.pack)
            _finish(
                run,
                found,
                report=k == len(rounds) - 1 or deadline is not None,
                given=bool(args.stages),
                put=args.install,
            )
            print(f"{run.out}: {time.time() - start:.0f} s")
    if args.pack is not None:
        pack_results([r.out for r in runs], args.pack)
    if late_error is not None:
        raise late_error


def _finish(run: Evaluation, found: dict[str, Any], report: bool, given: bool, put: bool) -> None:
    """metrics.json, the report and the installation, as far as the stages allow."""
    from .install import install, metrics_bytes
    from .report import write_report

    try:
        metrics = run.metrics(found)
    except DataError as e:
        if not given:
            raise
        print(f"no metrics.json yet: {e}")
        return
    write_atomically(run.out / "metrics.json", metrics_bytes(metrics))
    if report:
        write_report(run, metrics, found)
    if put and report:
        install(run, metrics, found)
