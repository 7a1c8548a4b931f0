"""The command line: ``python -m odm train | train-gan | export | sample | generate | pack | bench | measure
| recover | average | enlarge | ablate | evaluate | prepare | estimate | contact-sheet``.

Sub-commands import what they need when they run, so that ``sample`` starts without PyTorch. An ``OdmError`` is printed
as one sentence and ends with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import OdmError


def _set_threads(threads: int) -> None:
    import torch

    if threads > 0:
        torch.set_num_threads(threads)


def _data_root() -> Path | None:
    return Path(os.environ["ODM_DATA"]) if os.environ.get("ODM_DATA") else None


def _train(args: argparse.Namespace) -> None:
    _set_threads(args.threads)
    from .config import load_config
    from .train import Run

    overrides = _overrides(args.set)
    if args.init is not None:
        overrides["init_from"] = str(args.init)
    if args.images is not None:
        overrides["images"] = args.images
    config = load_config(args.config, **overrides)
    folder = args.out or Path("runs") / args.config.stem
    if args.dry_run:
        from .dry_run import dry_run

        if said := dry_run(config, folder.with_name(folder.name + "-dry-run"), args.data or _data_root()):
            print(said)
        return
    Run(config, folder, args.data or _data_root(), resume=args.resume, compiled=args.compile).train(
        args.quiet, args.minutes
    )


def _train_gan(args: argparse.Namespace) -> None:
    _set_threads(args.threads)
    from .config import GanConfig, load_settings
    from .gan import GanRun

    overrides: dict[str, object] = {} if args.images is None else {"images": args.images}
    config = load_settings(GanConfig, args.config, **overrides)
    folder = args.out or Path("runs") / args.config.stem
    GanRun(config, folder, args.data or _data_root(), resume=args.resume).train(args.quiet, args.minutes)


def _overrides(pairs: list[str] | None) -> dict[str, object]:
    """``KEY=VALUE`` options as settings; the value is written as in a configuration file."""
    from .config import parse_toml
    from .errors import ConfigError

    out: dict[str, object] = {}
    for pair in pairs or []:
        key, equals, _ = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set {pair}: KEY=VALUE is needed, e.g. --set batch=32")
        out |= parse_toml(pair, f"--set {key.strip()}")
    return out


def _prepare(args: argparse.Namespace) -> None:
    from .config import load_config
    from .data import load_image_set, split_holdout
    from .errors import DataError
    from .readers import SETS

    config = load_config(args.config, **_overrides(args.set))
    if not os.environ.get("ODM_CACHE"):
        raise DataError("say where to keep the pictures: ODM_CACHE=FOLDER")
    images = load_image_set(config, args.data or _data_root())
    train, held = split_holdout(images, config.holdout)
    source = SETS[config.data]
    print(f"{source.title}\n  licence: {source.licence}\n  hold-out: {source.split}")
    if images.groups:
        print(f"  patients: {len(set(train.groups))} in training, {len(set(held.groups))} held out")
    for grade, t, h in zip(config.grades, train.counts, held.counts, strict=True):
        print(f"  grade {grade:g}: {t:,} in training, {h:,} held out")


def _estimate(args: argparse.Namespace) -> None:
    import json

    _set_threads(args.threads)
    from .config import load_config
    from .estimate import as_dict, estimate, report

    result = estimate(load_config(args.config, **_overrides(args.set)), args.devices, args.pictures)
    print(json.dumps(as_dict(result)) if args.json else report(result, args.tflops))


def _export(args: argparse.Namespace) -> None:
    _set_threads(args.threads)
    from .bundle import export_variant

    report = export_variant(
        checkpoint=args.checkpoint,
        description=args.description,
        bundle=args.bundle,
        variant=args.variant,
        preview=not args.no_preview,
    )
    print(report)


def _recover(args: argparse.Namespace) -> None:
    from .derive import recover

    state = recover(args.bundle, args.variant, args.out, args.batch)
    print(f"{args.out}: {state['step'] * args.batch:,} images seen; for init_average")


def _average(args: argparse.Namespace) -> None:
    from .derive import average

    average(args.first, args.second, args.share, args.out, args.data or _data_root())
    print(f"{args.out}: {args.share:g} of {args.first}, {1 - args.share:g} of {args.second}; for init_average")


def _enlarge(args: argparse.Namespace) -> None:
    from .derive import enlarge

    config = enlarge(args.checkpoint, args.out)["config"]
    print(f"{args.out}: size {config['size']}, patch {config['patch']}; for init_average")


def _sample(args: argparse.Namespace) -> None:
    from .bundle import Bundle

    bundle = Bundle.open(args.bundle)
    picture = bundle.sample(
        variant=args.variant,
        severity=args.severity,
        seed=args.seed,
        sampler=args.sampler,
        steps=args.steps,
        guidance=args.guidance,
        eta=args.eta,
    )
    if args.raw is not None:
        args.raw.write_bytes(picture.astype("<f4").tobytes())
    if args.out is not None:
        bundle.save_png(picture, args.out)


def _generate(args: argparse.Namespace) -> None:
    import json

    from .bundle import Bundle, is_generator
    from .errors import ConfigError
    from .generate import Plan, generate, parse_shard

    bundle = Bundle.open(args.bundle)
    if args.plan is not None:
        try:
            values = json.loads(args.plan.read_text(encoding="utf-8"))
        except (OSError, ValueError) as e:
            raise ConfigError(f"{args.plan}: {e}") from e
    else:
        variant = bundle.manifest["variants"].get(args.variant)
        if variant is None:
            raise ConfigError(
                f"there is no variant {args.variant!r}; there is {', '.join(bundle.manifest['variants'])}"
            )
        if is_generator(variant):
            raise ConfigError(
                f"{args.variant} is a generator; `npm run generate` draws sets with it: this command draws with a sampler"
            )
        defaults = variant["defaults"]
        try:
            grades = bundle.values if args.grade == "all" else [float(text) for text in args.grade.split(",")]
        except ValueError as e:
            raise ConfigError(f"--grade must be numbers separated by commas, or all: {e}") from e
        values = {
            "formatVersion": 1,
            "model": bundle.manifest["id"],
            "variant": args.variant,
            "modelSha256": variant["sha256"],
            "grades": grades,
            "count": args.count,
            "seed": args.seed,
            "sampler": args.sampler or defaults["sampler"],
            "steps": defaults["steps"] if args.steps is None else args.steps,
            "guidance": defaults["guidance"] if args.guidance is None else args.guidance,
            "eta": args.eta,
        }

    def say(done: int, total: int) -> None:
        print(f"{done} of {total} pictures", file=sys.stderr)

    generate(bundle, Plan.of(values), args.out, parse_shard(args.shard), args.batch, say)


def _pack(args: argparse.Namespace) -> None:
    from .bundle import pack

    pack(args.bundle, args.out)


def _bench(args: argparse.Namespace) -> None:
    _set_threads(args.threads)
    from .bench import bench
    from .config import load_config

    for name, value in bench(load_config(args.config)).items():
        print(f"{name}: {value:,.4g}")


def _measure(args: argparse.Namespace) -> None:
    _set_threads(args.threads)
    from .measure import measure

    measure(args.checkpoint, args.data or _data_root(), args.out)


def _contact_sheet(args: argparse.Namespace) -> None:
    from .config import load_config
    from .contact_sheet import contact_sheet

    overrides = {} if args.autocrop is None else {"autocrop": args.autocrop}
    figures = contact_sheet(load_config(args.config, **overrides), args.data or _data_root(), args.out, args.count)
    print(f"{args.out}: {figures['pictures']} pictures, nothing found in {figures['nothing_found']}")


def _ablate(args: argparse.Namespace) -> None:
    import dataclasses

    from .ablation import load_plan, run_all, run_cell
    from .ablation_report import markdown, write_report

    plan = load_plan(args.plan)
    if args.seeds is not None:
        plan = dataclasses.replace(plan, seeds=args.seeds)
    if args.cell is not None:
        _set_threads(1)
        import torch

        if args.device == "cuda" and not torch.cuda.is_available():
            raise OdmError("--device cuda: PyTorch sees no CUDA device here")
        seed, _, name = args.cell.partition("/")
        run_cell(plan, args.out, int(seed), name)
        return
    try:
        if not args.report:
            run_all(args.plan, plan, args.out, args.workers, args.device, args.quiet)
    finally:
        report = write_report(plan, args.out) if args.out.is_dir() else None
    if report is not None and report["settings"] and not args.quiet:
        print(markdown(report))


def _evaluate(args: argparse.Namespace) -> None:
    from .evaluation.cli import evaluate

    evaluate(args, args.data or _data_root())


def build_parser() -> argparse.ArgumentParser:
    """The parser of all sub-commands; ``run`` of the result is the function to call."""
    parser = argparse.ArgumentParser(prog="odm", description=__doc__.split("\n\n")[0] if __doc__ else None)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train a model (also under `accelerate launch -m odm train`)")
    train.add_argument("config", type=Path, help="a TOML file, see configs/")
    train.add_argument("--out", type=Path, help="the run's folder (default: runs/ and the configuration's name)")
    train.add_argument("--data", type=Path, help="the folder that holds the data sets (default: ODM_DATA)")
    train.add_argument("--resume", action="store_true", help="go on from the run's last good checkpoint")
    train.add_argument("--init", type=Path, help="start from the weights of this checkpoint (a trunk)")
    train.add_argument("--images", type=int, help="images to see, instead of the configuration's")
    train.add_argument(
        "--minutes", type=float, help="end after this much wall-clock time, with a checkpoint (one process)"
    )
    train.add_argument("--threads", type=int, default=0, help="CPU threads (default: PyTorch's choice)")
    train.add_argument("--compile", action="store_true", help="torch.compile the network (pays on a GPU, not on a CPU)")
    train.add_argument("--quiet", action="store_true", help="no progress bar")
    train.add_argument("--set", action="append", metavar="KEY=VALUE", help="replace a setting; may be given again")
    train.add_argument(
        "--dry-run", action="store_true", help="two steps with the real data, in a folder that is removed"
    )
    train.set_defaults(run=_train)

    gan = commands.add_parser("train-gan", help="train a StyleGAN2 (one process, one device)")
    gan.add_argument("config", type=Path, help="a TOML file, see configs/*-stylegan2.toml")
    gan.add_argument("--out", type=Path, help="the run's folder (default: runs/ and the configuration's name)")
    gan.add_argument("--data", type=Path, help="the folder that holds the data sets (default: ODM_DATA)")
    gan.add_argument("--resume", action="store_true", help="go on from the run's last good checkpoint")
    gan.add_argument("--images", type=int, help="real images to see, instead of the configuration's")
    gan.add_argument("--minutes", type=float, help="end after this much wall-clock time, with a checkpoint and a sheet")
    gan.add_argument("--threads", type=int, default=0, help="CPU threads (default: PyTorch's choice)")
    gan.add_argument("--quiet", action="store_true", help="no progress bar")
    gan.set_defaults(run=_train_gan)

    recover = commands.add_parser("recover", help="a shipped denoiser as a checkpoint that training goes on from")
    recover.add_argument("--bundle", type=Path, required=True)
    recover.add_argument("--variant", required=True)
    recover.add_argument("--batch", type=int, default=32, help="of the run to come: its steps are counted in it")
    recover.add_argument("--out", type=Path, required=True, help="the checkpoint's folder")
    recover.set_defaults(run=_recover)

    average = commands.add_parser("average", help="the weights of two branches of one trunk, averaged")
    average.add_argument("first", type=Path, help="a checkpoint")
    average.add_argument("second", type=Path, help="another, that has seen no more images")
    average.add_argument("--share", type=float, default=0.5, help="of the first (default 0.5)")
    average.add_argument("--out", type=Path, required=True, help="the checkpoint's folder")
    average.add_argument("--data", type=Path, help="the folder that holds the data sets (default: ODM_DATA)")
    average.set_defaults(run=_average)

    enlarge = commands.add_parser(
        "enlarge", help="a network for pictures of twice the side, by patches of twice the side"
    )
    enlarge.add_argument("checkpoint", type=Path)
    enlarge.add_argument("--out", type=Path, required=True, help="the checkpoint's folder")
    enlarge.set_defaults(run=_enlarge)

    export = commands.add_parser("export", help="add or replace a variant of a bundle")
    export.add_argument("--checkpoint", type=Path, required=True, help="a run's latest.pt; its EMA weights are used")
    export.add_argument(
        "--description", type=Path, required=True, help="what the bundle says of itself, bundles/*.toml"
    )
    export.add_argument("--bundle", type=Path, required=True, help="the bundle's folder, e.g. ../models/phantom")
    export.add_argument("--variant", required=True, help="the variant's key in the description, e.g. odm")
    export.add_argument("--no-preview", action="store_true", help="leave preview.webp as it is")
    export.add_argument("--threads", type=int, default=0, help="CPU threads")
    export.set_defaults(run=_export)

    sample = commands.add_parser("sample", help="draw one picture with a bundle's ONNX weights, as the browser does")
    sample.add_argument("--bundle", type=Path, required=True)
    sample.add_argument("--variant", default="odm")
    sample.add_argument("--severity", type=float, required=True, help="on the bundle's own scale; may be fractional")
    sample.add_argument("--seed", type=int, default=0)
    sample.add_argument("--sampler", help="ddpm, ddim, dpmpp-2m or dpmpp-2m-karras (default: the variant's)")
    sample.add_argument("--steps", type=int, help="(default: the variant's)")
    sample.add_argument("--guidance", type=float, help="(default: the variant's)")
    sample.add_argument("--eta", type=float, default=0.0, help="of ddim")
    sample.add_argument("--out", type=Path, help="a PNG file")
    sample.add_argument("--raw", type=Path, help="the picture as little-endian float32, CHW, -1..1")
    sample.set_defaults(run=_sample)

    generate = commands.add_parser(
        "generate",
        help="draw a set of pictures, as `npm run generate` does (also under `accelerate launch -m odm generate`)",
    )
    generate.add_argument("--bundle", type=Path, required=True)
    generate.add_argument("--plan", type=Path, help="a set's plan.json, instead of the options below")
    generate.add_argument("--variant", default="odm")
    generate.add_argument("--grade", default="all", help="grades or severities, separated by commas, or all")
    generate.add_argument("--count", type=int, default=10, help="pictures a grade")
    generate.add_argument("--seed", type=int, default=0, help="the first seed")
    generate.add_argument("--sampler", help="ddpm, ddim, dpmpp-2m or dpmpp-2m-karras (default: the variant's)")
    generate.add_argument("--steps", type=int, help="(default: the variant's)")
    generate.add_argument("--guidance", type=float, help="(default: the variant's)")
    generate.add_argument("--eta", type=float, default=0.0, help="of ddim")
    generate.add_argument("--shard", default="1/1", help="draw only the I-th of N parts, e.g. 1/4 in an array job")
    generate.add_argument("--batch", type=int, default=16, help="pictures drawn at once by a process")
    generate.add_argument(
        "--out", type=Path, required=True, help="a folder; one that holds part of the set is gone on with"
    )
    generate.set_defaults(run=_generate)

    pack = commands.add_parser("pack", help="check a bundle and write it as a ZIP file")
    pack.add_argument("--bundle", type=Path, required=True)
    pack.add_argument("--out", type=Path, required=True)
    pack.set_defaults(run=_pack)

    bench = commands.add_parser("bench", help="training throughput of a configuration")
    bench.add_argument("config", type=Path)
    bench.add_argument("--threads", type=int, default=0, help="CPU threads")
    bench.set_defaults(run=_bench)

    measure = commands.add_parser(
        "measure", help="PSNR by t and order of the grades, of checkpoints on the same noised pictures"
    )
    measure.add_argument(
        "checkpoint", type=Path, nargs="+", help="checkpoints of one data set, e.g. of the dm and the odm"
    )
    measure.add_argument("--data", type=Path, help="the folder that holds the data sets (default: ODM_DATA)")
    measure.add_argument("--out", type=Path, help="a JSON file for the figures")
    measure.add_argument("--threads", type=int, default=0, help="CPU threads")
    measure.set_defaults(run=_measure)

    prepare = commands.add_parser("prepare", help="decode a large set once into ODM_CACHE, and say how it splits")
    prepare.add_argument("config", type=Path)
    prepare.add_argument("--data", type=Path, help="the folder that holds the data sets (default: ODM_DATA)")
    prepare.add_argument("--set", action="append", metavar="KEY=VALUE", help="replace a setting; may be given again")
    prepare.set_defaults(run=_prepare)

    estimate = commands.add_parser("estimate", help="memory and time of a run, from what is measured on this machine")
    estimate.add_argument("config", type=Path)
    estimate.add_argument("--devices", type=int, default=1, help="devices that share the batch")
    estimate.add_argument("--pictures", type=int, help="pictures of the set, for its memory")
    estimate.add_argument(
        "--tflops", type=float, help="what a device achieves, measured elsewhere, to reckon a time with"
    )
    estimate.add_argument("--threads", type=int, default=0, help="CPU threads")
    estimate.add_argument("--set", action="append", metavar="KEY=VALUE", help="replace a setting; may be given again")
    estimate.add_argument("--json", action="store_true", help="all figures, in bytes and seconds")
    estimate.set_defaults(run=_estimate)

    sheet = commands.add_parser("contact-sheet", help="show what the crop of a configuration does to its data")
    sheet.add_argument("config", type=Path)
    sheet.add_argument("--data", type=Path, help="the folder that holds the data sets (default: ODM_DATA)")
    sheet.add_argument("--out", type=Path, required=True, help="a PNG file that git ignores, e.g. runs/sheet.png")
    sheet.add_argument("--count", type=int, default=24, help="pictures a grade")
    sheet.add_argument("--autocrop", choices=("none", "disc", "mucosa"), help="instead of the configuration's")
    sheet.set_defaults(run=_contact_sheet)

    ablate = commands.add_parser("ablate", help="compare settings on the phantom, from common trunks, over seeds")
    ablate.add_argument("plan", type=Path, help="a plan, see configs/phantom-ablation.toml")
    ablate.add_argument("--out", type=Path, required=True, help="the folder of all cells and of the report")
    ablate.add_argument("--workers", type=int, default=1, help="cells at a time, each a process of one thread")
    ablate.add_argument("--seeds", type=int, help="number of seeds, instead of the plan's")
    ablate.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    ablate.add_argument("--report", action="store_true", help="only write the report of the cells that are done")
    ablate.add_argument("--cell", metavar="SEED/NAME", help="run this one cell here (what the workers do)")
    ablate.add_argument("--quiet", action="store_true", help="print nothing")
    ablate.set_defaults(run=_ablate)

    from .evaluation.cli import add_arguments

    evaluation = commands.add_parser("evaluate", help="the evaluation protocol v1 on bundles")
    add_arguments(evaluation)
    evaluation.set_defaults(run=_evaluate)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
    except OdmError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
