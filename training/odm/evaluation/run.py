"""The evaluation protocol v1, stage by stage: ``python -m odm evaluate BUNDLE --data FOLDER --out FOLDER``.

Every stage's result is kept in the output folder under a name that carries the hash of all its inputs (weights, data,
settings); a stage whose file is there is not run again, so an interrupted evaluation goes on where it stopped, also on
another machine. Pictures are drawn when a stage first needs them and kept beside the results.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import colour
from ..bundle import Bundle, guidance_range, write_atomically
from ..data import describe_split
from ..errors import ConfigError, DataError, OdmError
from ..sampling import SAMPLERS
from . import augmentation, draw, geometry, grader, memorisation, statistics
from .features import FeatureNetwork, open_features
from .grader import FINE_TUNING, TRAININGS
from .join import join
from .statistics import Estimate, Floats
from .subject import RealSets, Variant, data_config, load_real, shown

STAGES = ("floor", "grader", "judgement", "geometry", "interpolation", "left-out", "memorisation", "augmentation", "nfe", "colour")  # fmt: skip
STEPS = (250, 50, 20, 10, 8, 4, 2, 1)
REVISION = 1  # of the protocol's code: a change that changes figures raises it, and old results are not used again
FEWEST = 5  # pictures on a side below which no distance is printed
FEWEST_HALVES = 16
FLOOR_SPLITS = 20
_Bytes = NDArray[np.uint8]
Reader = Callable[[_Bytes], Floats]  # pictures -> probabilities of the grades


@dataclass(frozen=True)
class Settings:
    """What a person chooses; all of it is written into the results that depend on it."""

    count: int = 500  # pictures a grade
    between: int = 200  # pictures a fractional severity
    nfe_count: int = 32  # pictures a grade and point of the NFE curve
    order_count: int = 64  # pictures for the geometry
    folds: int = 5
    epochs: int = FINE_TUNING.epochs
    graders: tuple[str, ...] = ("ridge", "fine-tuned")
    features: str = "lite0"
    limit: int = 0  # real pictures a grade; 0: all
    batch: int = 256
    steps: tuple[int, ...] = STEPS
    seed_generation: int = 100_000
    seed_stride: int = 10_000
    seed_noise: int = 7
    seed_bootstrap: int = 11
    seed_folds: int = 13


class TimeIsUp(OdmError):
    """The time given (--minutes) has passed; what was computed is kept."""


def set_tf32(allowed: bool) -> None:
    """Whether CUDA may round the factors of float32 products to TF32."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


@dataclass
class Stopwatch:
    """Seconds by stage, printed as they pass."""

    quiet: bool = False

    def say(self, text: str) -> None:
        if not self.quiet:
            print(text, flush=True)


def digest_of(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


class Evaluation:
    """One bundle, its real pictures, a device and a folder for results."""

    def __init__(
        self,
        folder: Path,
        data_root: Path | None,
        out: Path,
        settings: Settings,
        device: torch.device,
        variants: Sequence[str] = (),
        left_out: Sequence[tuple[str, Path]] = (),
        quiet: bool = False,
        keep_pictures: bool = True,
        deadline: float | None = None,
        joined: bool = False,
    ) -> None:
        """``joined``: ``variants`` are put beside those that the bundle has figures of, and judged by the bundle's own grader."""
        self.bundle = Bundle.open(folder)
        known = list(self.bundle.manifest["variants"])
        strange = sorted(set(variants) - set(known))
        if strange:
            raise ConfigError(f"the bundle has no variant {', '.join(strange)}; it has {', '.join(known)}")
        self.out, self.settings, self.device, self.data_root = out, settings, device, data_root
        self.left_out = list(left_out)
        self.clock = Stopwatch(quiet)
        self.keep_pictures = keep_pictures
        self.deadline = deadline  # of time.time(); no stage begins after it
        self.precision = "float32"
        self.kept = self._kept_metrics(variants) if joined else None
        self.judging = [k for k in known if not variants or k in variants]
        """Whose figures are computed."""
        self.variants = {k: Variant(self.bundle, k, device) for k in known if joined or k in self.judging}
        self.values = self.bundle.values
        self.seconds = 0.0
        self._pictures: dict[str, _Bytes] = {}
        self._features: dict[str, NDArray[np.float32]] = {}
        (out / "stages").mkdir(parents=True, exist_ok=True)

    def _kept_metrics(self, variants: Sequence[str]) -> dict[str, Any]:
        kept = self.bundle.metrics()
        if kept is None or not variants:
            raise ConfigError("--join needs a bundle that was evaluated, and --variants with what is to be judged beside the others")  # fmt: skip
        strange = sorted(set(self.bundle.manifest["variants"]) - set(kept["byVariant"]) - set(variants))
        if strange:
            raise ConfigError(f"the bundle has no figures of {', '.join(strange)} either; add it to --variants")
        return kept

    # --- inputs -------------------------------------------------------------------------------------------------------

    @cached_property
    def real(self) -> RealSets:
        config = data_config(list(self.variants.values()))
        if list(config.grades) != [float(v) for v in self.values]:
            raise DataError("the variants were trained on other grades than the bundle's", file=self.bundle.folder)
        return load_real(config, self.data_root, self.settings.seed_noise, self.settings.limit)

    @cached_property
    def network(self) -> FeatureNetwork:
        return open_features(self.settings.features, self.device)

    @cached_property
    def lite0(self) -> FeatureNetwork:
        """The grader's ridge works on these, whatever the distances are measured in."""
        return self.network if self.settings.features == "lite0" else open_features("lite0", self.device)

    @property
    def is_phantom(self) -> bool:
        return self.real.config.data == "phantom"

    @property
    def reference(self) -> str | None:
        """The variant that distances of the outer grades are compared with."""
        return "dm" if "dm" in self.variants and not self.variants["dm"].is_generator else None

    def embed(self, pictures: _Bytes, network: FeatureNetwork | None = None) -> NDArray[np.float32]:
        """Features, kept in memory under the pictures' digest: the same pictures, whatever they are taken for, go through once."""
        network = network or self.network
        key = f"{network.name} {hashlib.sha256(np.ascontiguousarray(pictures).tobytes()).hexdigest()}"
        if key not in self._features:
            self._features[key] = network(pictures, self.device, self.settings.batch)
        return self._features[key]

    # --- pictures -----------------------------------------------------------------------------------------------------

    def seeds(self, group: int, count: int) -> list[int]:
        s = self.settings
        return list(range(s.seed_generation + group * s.seed_stride, s.seed_generation + group * s.seed_stride + count))

    def grades_and_seeds(self, count: int) -> tuple[list[float], list[int]]:
        """``count`` pictures of every grade, grade after grade."""
        severities = [v for v in self.values for _ in range(count)]
        return severities, [s for g in range(len(self.values)) for s in self.seeds(g, count)]

    def pictures(self, key: str) -> _Bytes:
        """The ``count`` pictures a grade of a variant, by its own defaults."""
        if key not in self._pictures:
            v, s = self.variants[key], self.settings
            request = {"variant": v.request, "count": s.count, "seed": s.seed_generation, "stride": s.seed_stride}  # fmt: skip
            path = self.out / "pictures" / f"{key}-{digest_of(request)}.npy"
            if path.is_file():
                self._pictures[key] = np.load(path)
            else:
                severities, seeds = self.grades_and_seeds(s.count)
                start = time.time()
                self._pictures[key] = v.pictures(severities, seeds, s.batch)
                self.clock.say(f"  {len(seeds)} pictures of {key}: {time.time() - start:.1f} s")
                if self.keep_pictures:
                    path.parent.mkdir(exist_ok=True)
                    np.save(path, self._pictures[key])
        return self._pictures[key]

    def some_pictures(self, key: str, which: Sequence[tuple[int, int]]) -> list[_Bytes]:
        """The pictures (grade index, number within the grade) of a variant; drawn alone unless all are there already."""
        if key in self._pictures:
            return [self._pictures[key][g * self.settings.count + i] for g, i in which]
        seeds = [self.settings.seed_generation + g * self.settings.seed_stride + i for g, i in which]
        return list(self.variants[key].pictures([self.values[g] for g, _ in which], seeds, self.settings.batch))

    def tf32_difference(self, key: str, count: int = 32) -> float:
        """Mean absolute difference, in bytes, of pictures drawn with TF32 and without."""
        severities, seeds = self.grades_and_seeds(max(1, count // len(self.values)))
        variant = self.variants[key]
        with_tf32 = variant.pictures(severities, seeds, self.settings.batch).astype(np.float64)
        try:
            set_tf32(False)
            without = variant.pictures(severities, seeds, self.settings.batch)
        finally:
            set_tf32(True)
        return float(np.abs(with_tf32 - without).mean())

    @property
    def drawn_labels(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.values)), self.settings.count)

    # --- stages -------------------------------------------------------------------------------------------------------

    def stage(self, name: str, inputs: dict[str, Any], compute: Callable[[], Any]) -> Any:
        """The kept result of a stage, or ``compute()``'s, kept."""
        key = digest_of({"revision": REVISION, "stage": name, **inputs})
        path = self.out / "stages" / f"{name.replace(':', '-')}.{key}.json"
        if path.is_file():
            kept = json.loads(path.read_text(encoding="utf-8"))
            self.clock.say(f"{name}: kept from before ({kept['seconds']:.1f} s then)")
            self.seconds += kept["seconds"]
            return kept["result"]
        if self.deadline is not None and time.time() > self.deadline:
            raise TimeIsUp(f"the time is up before the stage {name}; run the same command again to go on")
        self.clock.say(f"{name} ...")
        start = time.time()
        result = compute()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.time() - start
        self.seconds += seconds
        write_atomically(path, json.dumps({"stage": name, "seconds": seconds, "result": result}).encode())
        self.clock.say(f"{name}: {seconds:.1f} s")
        return result

    def basis(self, *variants: str, **more: Any) -> dict[str, Any]:
        """What nearly every stage depends on."""
        s = self.settings
        return {
            "data": self.real.digest,
            "features": self.network.sha256,
            "variants": {k: self.variants[k].request for k in variants},
            "seeds": [s.seed_generation, s.seed_stride, s.seed_noise, s.seed_bootstrap, s.seed_folds],
            **more,
        }

    # distances

    def distance(self, a: NDArray[Any], b: NDArray[Any]) -> tuple[dict[str, Any], Floats] | None:
        """The schema's ``distance`` and the resampled KID, or None when a side is too small."""
        if len(a) < FEWEST or len(b) < FEWEST:
            return None
        seed = self.settings.seed_bootstrap
        kid, resampled = statistics.kid(a, b, seed, self.device)
        fd = statistics.frechet(a, b, seed)
        return {"kid": kid.json(), "fd": fd.json(), "reference": len(b)}, resampled

    def floor(self, training: NDArray[Any], held_out: NDArray[Any]) -> dict[str, Any]:
        """The schema's ``floor``, from features of the real pictures."""
        labels, held_labels = self.real.training.labels, self.real.held_out.labels
        halves, held, neighbours = [], [], []
        for g, v in enumerate(self.values):
            mine = training[labels == g]
            halves.append({"grade": v, "distance": self._halves(mine)})
            d = self.distance(held_out[held_labels == g], mine)
            held.append({"grade": v, "distance": d and d[0]})
            if g + 1 < len(self.values):
                d = self.distance(mine, training[labels == g + 1])
                if d is not None:
                    neighbours.append({"from": v, "to": self.values[g + 1], "distance": d[0]})
        return {"halves": halves, "heldOut": held, "neighbours": neighbours}

    def _halves(self, x: NDArray[Any]) -> dict[str, Any] | None:
        """Random half against half: the mean over splits; the interval holds 95 % of the splits."""
        if len(x) < FEWEST_HALVES:
            return None
        rng = np.random.default_rng((self.settings.seed_bootstrap, len(x)))
        kids, fds = [], []
        half = len(x) // 2
        for _ in range(FLOOR_SPLITS):
            order = rng.permutation(len(x))
            a, b = x[order[:half]], x[order[half : 2 * half]]
            kids.append(statistics.kid(a, b, 0, self.device, 2)[0].value)
            fds.append(statistics.frechet(a, b, 0, 0).value)

        def spread(values: list[float]) -> dict[str, Any]:
            return statistics.percentile(float(np.mean(values)), np.asarray(values), half).json()

        return {"kid": spread(kids), "fd": spread(fds), "reference": half}

    def judge(
        self, drawn: NDArray[Any], training: NDArray[Any], held_out: NDArray[Any], read: Floats
    ) -> dict[str, Any]:
        """The schema's ``judgement``: features of drawn and real pictures, and the grader's probabilities of the drawn."""
        labels = self.drawn_labels
        classwise = []
        sums: dict[str, list[tuple[dict[str, Any], Floats]]] = {"training": [], "heldOut": []}
        for g, v in enumerate(self.values):
            row: dict[str, Any] = {"grade": v}
            for name, real, of in (
                ("training", training, self.real.training),
                ("heldOut", held_out, self.real.held_out),
            ):
                d = self.distance(drawn[labels == g], real[of.labels == g])
                row[name] = d and d[0]
                if d:
                    sums[name].append(d)
            classwise.append(row)
        mean: dict[str, Any] = {}
        for name, found in sums.items():
            if not found:
                mean[name] = None
                continue
            kid = float(np.mean([d["kid"]["value"] for d, _ in found]))
            n = sum(d["kid"]["n"] for d, _ in found)
            spread = np.mean([r for _, r in found], axis=0)
            fd = float(np.mean([d["fd"]["value"] for d, _ in found]))
            half = float(np.sqrt(sum((d["fd"]["interval"][1] - d["fd"]["value"]) ** 2 for d, _ in found))) / len(found)
            mean[name] = {
                "kid": statistics.percentile(kid, spread, n).json(),
                "fd": Estimate(fd, fd - half, fd + half, n).json(),
                "reference": sum(d["reference"] for d, _ in found),
            }
        return {"classwise": classwise, "mean": mean, "grader": self.agreement(labels, read)}

    def agreement(self, truth: NDArray[np.int64], read: Floats) -> dict[str, Any]:
        severity = grader.read_severity(read, self.values)
        return statistics.agreement(
            truth, grader.read_grades(read), severity, self.values, self.settings.seed_bootstrap
        )

    # --- grader -------------------------------------------------------------------------------------------------------

    def train_grader(self, colours: colour.Colours | None) -> dict[str, Any]:
        """Tries every kind, keeps the best by cross-validated QWK; its file lies in the output folder."""
        s, real = self.settings, self.real
        training, held = real.training, real.held_out
        if colours is not None:
            training = replace(training, images=colour.normalise(training.images, colours))
            held = replace(held, images=colour.normalise(held.images, colours))
        tried: list[grader.Candidate] = []
        for kind in s.graders:
            if kind == "ridge":
                f = self.embed(real.centre(training), self.lite0).astype(np.float64)
                tried.append(grader.try_ridge(training, f, real.size, s.folds, s.seed_folds, self.device))
            elif kind in TRAININGS:
                how = replace(TRAININGS[kind], epochs=s.epochs)
                tried.append(grader.try_training(training, real.size, real.config.flips, how, s.folds, s.seed_folds, self.device, s.batch))  # fmt: skip
            else:
                raise ConfigError(f"there is no grader {kind!r}; there are ridge, {', '.join(TRAININGS)}")
        labels, classes = training.labels, len(self.values)
        candidates: list[dict[str, Any]] = []
        for c in tried:
            got = grader.read_grades(c.cross_validated)
            qwk, _ = statistics.kappa_estimate(labels, got, classes, s.seed_bootstrap)
            mae = statistics.mean(np.abs(got - labels).astype(np.float64), s.seed_bootstrap)
            candidates.append({"name": c.name, "qwk": qwk.json(), "mae": mae.json()})
            self.clock.say(f"  {c.name}: QWK {qwk.value:.3f} ({qwk.low:.3f} to {qwk.high:.3f}), MAE {mae.value:.3f}, {s.folds} folds, n = {qwk.n}")  # fmt: skip
        best = int(np.argmax([c["qwk"]["value"] for c in candidates]))
        chosen = tried[best]
        for row in statistics.confusion(labels, grader.read_grades(chosen.cross_validated), classes):
            self.clock.say("    " + " ".join(f"{n:4d}" for n in row))
        payload = grader.export_grader(chosen.model, classes, real.size)
        name = f"grader{'-colour' if colours is not None else ''}.onnx"
        write_atomically(self.out / name, payload)
        read = self.read(payload, real.centre(held))
        return {
            "file": name,
            "sha256": hashlib.sha256(payload).hexdigest(),
            "params": sum(p.numel() for p in chosen.model.parameters()),
            "metrics": {
                "candidates": candidates,
                "chosen": chosen.name,
                "folds": s.folds,
                "crossValidated": self.agreement(labels, chosen.cross_validated),
                "heldOut": self.agreement(held.labels, read),
            },
        }

    def bundles_grader(self, kept: dict[str, Any]) -> dict[str, Any]:
        """``train_grader``'s result for the grader that the bundle has."""
        entry = self.bundle.manifest["grader"]
        payload = (self.bundle.folder / entry["file"]).read_bytes()
        write_atomically(self.out / "grader.onnx", payload)
        found = {"file": "grader.onnx", "sha256": entry["sha256"], "params": entry["params"], "metrics": kept["grader"]}
        self.grader_file(found)
        return found

    def read(self, payload: bytes, pictures: _Bytes) -> Floats:
        """The exported grader's probabilities: what is judged with is what is shipped."""
        from ..onnx_torch import OnnxModule

        return grader.probabilities(OnnxModule(payload, self.device), pictures, self.device, self.settings.batch)

    def grader_file(self, result: dict[str, Any]) -> bytes:
        path = self.out / result["file"]
        payload = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(payload).hexdigest() != result["sha256"]:
            raise DataError("the grader's file is not the one of the kept stage; remove the stage's file to train it again", file=path)  # fmt: skip
        return payload

    # --- the protocol -------------------------------------------------------------------------------------------------

    def run(self, stages: Sequence[str] = STAGES) -> dict[str, Any]:
        """All stages asked for, in order; returns the figures of those that are there."""
        strange = sorted(set(stages) - set(STAGES))
        if strange:
            raise ConfigError(f"there is no stage {', '.join(strange)}; there are {', '.join(STAGES)}")
        s, real = self.settings, self.real
        n_train, n_held = len(real.training), len(real.held_out)
        self.clock.say(
            f"{self.bundle.manifest['id']}: {n_train} training and {n_held} held-out pictures, on {self.device}"
        )
        found: dict[str, Any] = {"byVariant": {k: {} for k in self.judging}}
        by = found["byVariant"]
        seed = s.seed_bootstrap

        def training() -> NDArray[np.float32]:
            return self.embed(real.shown_training)

        def held_out() -> NDArray[np.float32]:
            return self.embed(real.shown_held_out)

        if self.device.type == "cuda" and torch.backends.cudnn.allow_tf32:
            key = next((k for k, v in self.variants.items() if not v.is_generator), next(iter(self.variants)))
            difference = self.stage("tf32", self.basis(key), lambda: self.tf32_difference(key))
            self.precision = f"TF32 (pictures differ from float32 ones by {difference:.3f} of 255 on average)"
            self.clock.say(f"  {self.precision}")

        if "floor" in stages:
            found["floor"] = self.stage("floor", self.basis(), lambda: self.floor(training(), held_out()))

        how = {"graders": s.graders, "folds": s.folds, "epochs": s.epochs}
        judged: dict[str, Any] | None = None
        needs_grader = {"grader", "judgement", "interpolation", "left-out"} & set(stages)
        if needs_grader:
            if self.kept is not None:
                judged = self.bundles_grader(self.kept)
            else:
                judged = self.stage("grader", self.basis(**how), lambda: self.train_grader(None))
            found["grader"] = judged["metrics"]
            found["graderFile"] = {k: judged[k] for k in ("file", "sha256", "params")}

        def reader() -> Reader:
            assert judged is not None
            payload = self.grader_file(judged)
            return lambda pictures: self.read(payload, pictures)

        grader_key = judged["sha256"] if judged else ""
        for key in self.judging:
            mine, variant = by[key], self.variants[key]
            if "judgement" in stages:

                def judgement(key: str = key) -> dict[str, Any]:
                    pictures = self.pictures(key)
                    return {
                        **self.judge(self.embed(pictures), training(), held_out(), reader()(pictures)),
                        "measured": self.measured(pictures, self.drawn_labels) if self.is_phantom else None,
                    }

                result = self.stage(f"judgement:{key}", self.basis(key, count=s.count, grader=grader_key), judgement)
                mine["severityMeasured"] = result.pop("measured")
                mine["judgement"] = result
            if "geometry" in stages and not variant.is_generator:
                mine["geometry"] = self.stage(
                    f"geometry:{key}", self.basis(key, count=s.order_count), partial(self.geometry, key)
                )
            if "interpolation" in stages:
                mine["interpolation"] = self.stage(
                    f"interpolation:{key}", self.basis(key, count=s.between, grader=grader_key),
                    partial(self.interpolation, key, reader),
                )  # fmt: skip
            if "memorisation" in stages:
                mine["memorisation"] = self.stage(
                    f"memorisation:{key}", self.basis(key, count=s.count), partial(self.memorisation, key)
                )
        if "left-out" in stages and self.left_out:
            for like, path in self.left_out:
                digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
                rows = self.stage(
                    f"left-out:{like}-{path.parent.name}", self.basis(checkpoint=digest, count=s.count, grader=grader_key, control=True),
                    partial(self.leave_one_out, like, path, reader),
                )  # fmt: skip
                if like in by:
                    by[like].setdefault("leaveOneOut", []).extend(rows)
        if "augmentation" in stages:
            found["augmentation"] = self.stage(
                "augmentation", self.basis(*self.judging, count=s.count, folds=s.folds), self.augmentation
            )
        if "nfe" in stages:
            for key in self.judging:
                if not self.variants[key].is_generator:
                    by[key]["nfe"] = self.stage(
                        f"nfe:{key}", self.basis(key, count=s.nfe_count, steps=s.steps), partial(self.nfe, key)
                    )
        if "colour" in stages:
            found["colourNormalised"] = self.stage(
                "colour", self.basis(*self.judging, count=s.count, **how), self.colour_normalised
            )
        found["seed"] = seed
        return found

    # --- what the stages do -------------------------------------------------------------------------------------------

    def measured(self, pictures: _Bytes, labels: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Severity measured from phantom pictures, by grade asked for."""
        from ..phantom import measure_severity

        got = np.asarray([measure_severity(p) for p in pictures])
        seed = self.settings.seed_bootstrap
        return [
            {
                "grade": v,
                "mean": statistics.mean(got[labels == g], seed).json(),
                "mae": statistics.mean(np.abs(got[labels == g] - v), seed).json(),
            }
            for g, v in enumerate(self.values)
            if (labels == g).any()
        ]

    def geometry(self, key: str) -> dict[str, Any]:
        """PSNR, and the order of the grades; with the reference variant's on the very same pictures."""
        s, real = self.settings, self.real
        classes = len(self.values)
        held = self.pick(real.held_out.labels, s.order_count)
        pictures, labels = real.centre(real.held_out)[held], real.held_out.labels[held]
        # as many rows as grades go through for each picture one after another, so the batch may stay as it is
        severities, seeds = self.trajectory_request()
        results: dict[str, Any] = {}

        def both(name: str) -> tuple[list[geometry.OrderPoint], list[geometry.OrderPoint]]:
            v = self.variants[name]
            noised = geometry.on_noised(v.model, pictures, v.schedule, classes, s.seed_noise, self.device, s.batch)
            sampler, steps, guidance = v.defaults
            plans = v.plans(severities, guidance)
            rows = v.bundle.table(sampler, steps)
            return noised, geometry.along_trajectories(v.model, plans, rows, seeds, self.bundle.shape, classes, self.device, s.batch)  # fmt: skip

        v = self.variants[key]
        own = self._order.setdefault(key, None) or both(key)
        self._order[key] = own
        reference = None
        if self.reference is not None and self.reference != key and self.variants[self.reference].defaults[:2] == v.defaults[:2]:  # fmt: skip
            reference = self._order.setdefault(self.reference, None) or both(self.reference)
            self._order[self.reference] = reference
        seed = s.seed_bootstrap
        results["psnr"] = geometry.denoiser_psnr(v.model, pictures, labels, v.schedule, classes, s.seed_noise, self.device, s.batch)  # fmt: skip
        results["ordinality"] = {
            "reference": self.reference if reference is not None else None,
            "noised": geometry.order_json(own[0], reference[0] if reference else None, seed),
            "trajectory": geometry.order_json(own[1], reference[1] if reference else None, seed),
        }
        return results

    @cached_property
    def _order(self) -> dict[str, Any]:
        return {}

    def pick(self, labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """At most ``count`` indices, spread over the set."""
        return np.unique(np.linspace(0, len(labels) - 1, min(count, len(labels))).astype(np.int64))

    def trajectory_request(self) -> tuple[list[float], list[int]]:
        per_grade = max(2, self.settings.order_count // len(self.values))
        return self.grades_and_seeds(per_grade)

    def between_severities(self) -> list[tuple[float, bool]]:
        """Midpoints of neighbouring grades; beyond an end where there are real pictures to compare with, or a truth."""
        middle = [((a + b) / 2, False) for a, b in zip(self.values, self.values[1:], strict=False)]
        beyond = [(v, True) for v in self.real.between if not self.values[0] <= v <= self.values[-1]]
        if self.is_phantom:
            beyond += [(self.values[-1] + 0.5, True), (self.values[-1] + 1, True)]
        return sorted(middle + beyond)

    def interpolation(self, key: str, reader: Callable[[], Reader]) -> list[dict[str, Any]]:
        read = reader()
        s, seed, variant = self.settings, self.settings.seed_bootstrap, self.variants[key]
        out = []
        for k, (severity, beyond) in enumerate(self.between_severities()):
            drawn = variant.pictures([severity] * s.between, self.seeds(len(self.values) + k, s.between), s.batch)
            got = grader.read_severity(read(drawn), self.values)
            real = None
            if severity in self.real.between and len(self.real.between[severity]) >= FEWEST:
                theirs = self.embed(self.real.between[severity])
                neighbours = sorted(self.values, key=lambda v: abs(v - severity))[: 1 if beyond else 2]
                whole = self.embed(self.pictures(key))
                labels = self.drawn_labels
                real = {
                    "n": len(theirs),
                    "kid": statistics.kid(self.embed(drawn), theirs, seed, self.device)[0].json(),
                    "neighbours": [
                        {
                            "grade": v,
                            "kid": statistics.kid(whole[labels == self.values.index(v)][: s.between], theirs, seed, self.device)[0].json(),
                        }
                        for v in sorted(neighbours)
                    ],
                    "severityRead": statistics.mean(grader.read_severity(read(self.real.between[severity]), self.values), seed).json(),
                }  # fmt: skip
            measured = None
            if self.is_phantom:
                from ..phantom import measure_severity

                measured = statistics.mean(np.asarray([measure_severity(p) for p in drawn]), seed).json()
            out.append(
                {
                    "severity": severity,
                    "extrapolated": beyond,
                    "real": real,
                    "severityRead": statistics.mean(got, seed).json(),
                    "severityMeasured": measured,
                }
            )
        return out

    def leave_one_out(self, like: str, path: Path, reader: Callable[[], Reader]) -> list[dict[str, Any]]:
        """A checkpoint trained without some grade(s) draws them, and beside each a neighbour that it has seen; judged against the real ones."""
        from ..checkpoint import load_ema
        from ..sampling import CosineSchedule, conditioning_plan, sampler_table

        s, seed, read = self.settings, self.settings.seed_bootstrap, reader()
        model, config, state = load_ema(path)
        missing = [v for v in self.values if v not in config.grades]
        if not missing or config.size != self.real.size:
            raise DataError("this checkpoint was trained on every grade, or on another size", file=path)
        model.to(self.device)
        base = self.variants.get(like)
        sampler, steps, guidance = base.defaults if base is not None else ("dpmpp-2m", 20, 1.5)
        table = sampler_table(CosineSchedule(), sampler, steps, (config.t_range[0], config.t_range[1]))  # type: ignore[arg-type]
        training, labels = self.embed(self.real.shown_training), self.real.training.labels

        def pictures_of(v: float) -> tuple[_Bytes, bool]:
            seeds = self.seeds(self.values.index(v), s.count)
            plan = conditioning_plan(v, config.grades, guidance, guidance_range(self.bundle.manifest))
            parts = [
                draw.to_bytes(draw.draw(model, [plan] * len(seeds[k]), table, seeds[k], self.bundle.shape, self.device))
                for k in draw.batches(len(seeds), s.batch)
            ]
            return np.concatenate(parts), plan.extrapolated

        def distances(v: float, drawn: _Bytes) -> dict[str, Any]:
            g = self.values.index(v)
            d = self.distance(self.embed(drawn), training[labels == g])
            if d is None:
                raise DataError(f"grade {v:g} has too few real pictures to compare with", file=path)
            own = None
            if base is not None:
                with_grade = self.distance(
                    self.embed(self.pictures(like))[self.drawn_labels == g], training[labels == g]
                )
                own = with_grade and with_grade[0]
            return {"distance": d[0], "distanceTrainedWith": own}

        out = []
        for v in missing:
            drawn, extrapolated = pictures_of(v)
            g = self.values.index(v)
            measured = self.measured(drawn, np.full(len(drawn), g)) if self.is_phantom else None
            # what the same model makes of a grade it knows tells bad pictures from a bad guess between grades
            beside = sorted(set(self.values) - set(missing), key=lambda u: abs(u - v))[:2]
            control = max(beside, key=lambda u: int(np.sum(labels == self.values.index(u))))
            out.append(
                {
                    "grade": v,
                    "method": "extrapolation" if extrapolated else "interpolation",
                    "imagesSeen": int(state["step"] * config.batch),
                    **distances(v, drawn),
                    "seen": {"grade": control, **distances(control, pictures_of(control)[0])},
                    "severityRead": statistics.mean(grader.read_severity(read(drawn), self.values), seed).json(),
                    "severityMeasured": measured and measured[0]["mean"],
                }
            )
        return out

    def memorisation(self, key: str) -> dict[str, Any]:
        s, real, flips = self.settings, self.real, self.real.config.flips
        drawn, held = self.pictures(key), real.centre(real.held_out)
        severities, seeds = self.grades_and_seeds(s.count)
        reference = [self.embed(np.ascontiguousarray(p)) for p in memorisation.flips_of(real.centre(real.training), flips)]  # fmt: skip
        spaces = {
            "pixels": [memorisation.pixel_neighbours(p, real.training, real.size, flips, self.device) for p in (drawn, held)],
            "features": [memorisation.feature_neighbours(self.embed(p), reference, self.device) for p in (drawn, held)],
        }  # fmt: skip
        args = (np.asarray(seeds), np.asarray(severities), real.training.names, s.seed_bootstrap)
        out: dict[str, Any] = {
            "threshold": memorisation.THRESHOLD,
            "n": len(drawn),
            "heldOut": len(held),
            "reference": len(real.training),
            **{name: memorisation.nearest_json(a, b, *args) for name, (a, b) in spaces.items()},
        }
        for name in spaces:
            self.clock.say(f"  {key}, {name}: {out[name]['underThreshold']} of {len(drawn)} under the threshold")
        return out

    def augmentation(self) -> dict[str, Any]:
        s, real = self.settings, self.real
        drawn = {k: self.embed(self.pictures(k), self.lite0) for k in self.judging}
        return augmentation.compare(
            real=self.embed(real.shown_training, self.lite0).astype(np.float64),
            labels=real.training.labels,
            held=self.embed(real.shown_held_out, self.lite0).astype(np.float64),
            held_labels=real.held_out.labels,
            drawn={k: v.astype(np.float64) for k, v in drawn.items()},
            drawn_labels=self.drawn_labels,
            values=self.values,
            folds=s.folds,
            seed=s.seed_folds,
            bootstrap=s.seed_bootstrap,
        )

    def nfe(self, key: str) -> list[dict[str, Any]]:
        s, variant = self.settings, self.variants[key]
        training = self.embed(self.real.shown_training)
        severities, seeds = self.grades_and_seeds(s.nfe_count)
        labels = np.repeat(np.arange(len(self.values)), s.nfe_count)
        plan = variant.plans([self.values[0]], variant.defaults[2])[0]
        out = []
        for sampler in SAMPLERS:
            for steps in s.steps:
                start = time.time()
                drawn = self.network(variant.pictures(severities, seeds, s.batch, sampler, steps), self.device, s.batch)
                found = [
                    statistics.kid(drawn[labels == g], training[self.real.training.labels == g], s.seed_bootstrap, self.device)
                    for g in range(len(self.values))
                ]  # fmt: skip
                value = float(np.mean([e.value for e, _ in found]))
                kid = statistics.percentile(value, np.mean([r for _, r in found], axis=0), len(drawn))
                evaluations = sum(len(plan.at(row.t).rows) for row in variant.bundle.table(sampler, steps))
                out.append({"sampler": sampler, "steps": steps, "evaluations": evaluations, "kid": kid.json()})
                self.clock.say(f"  {key} {sampler} {steps}: KID {value:.4f} ({time.time() - start:.1f} s)")
        return out

    def colour_normalised(self) -> dict[str, Any]:
        real = self.real
        colours = colour.measure(real.centre(real.training))
        how = self.train_grader(colours)
        payload = self.grader_file(how)

        def shown_as(images: _Bytes) -> _Bytes:
            return shown(colour.normalise(images, colours), real.size, real.config.flips, self.settings.seed_noise)

        training = self.embed(shown_as(real.training.images))
        held = self.embed(shown_as(real.held_out.images))
        by = {}
        for key in self.judging:
            drawn = colour.normalise(self.pictures(key), colours)
            by[key] = self.judge(self.embed(drawn), training, held, self.read(payload, drawn))
        return {
            "method": colour.METHOD,
            "floor": self.floor(training, held),
            "grader": how["metrics"],
            "byVariant": by,
        }

    # --- the file -----------------------------------------------------------------------------------------------------

    def metrics(self, found: dict[str, Any]) -> dict[str, Any]:
        """``metrics.json`` from all stages' results, joined with the kept ones if asked for; raises ``DataError``."""
        own = self.metrics_of_own(found)
        return own if self.kept is None else join(self.kept, own, list(self.bundle.manifest["variants"]))

    def metrics_of_own(self, found: dict[str, Any]) -> dict[str, Any]:
        """``metrics.json`` of what was judged here alone; raises ``DataError`` naming the stages that are missing."""
        s, manifest = self.settings, self.bundle.manifest
        missing = {part for part in ("floor", "grader") if part not in found}
        for mine in found["byVariant"].values():
            missing |= {part for part in ("judgement", "interpolation", "memorisation") if part not in mine}
        if missing:
            raise DataError(f"metrics.json needs these stages as well: {', '.join(sorted(missing))}")
        own = found["grader"]["crossValidated"]["qwk"]["value"]
        limited = {k: v for k, v in manifest["diffusion"].items() if k == "guidanceRange"}
        by = {}
        for key, mine in found["byVariant"].items():
            v = self.variants[key]
            sampler, steps, guidance = v.defaults if not v.is_generator else ("", 0, 1.0)
            row: dict[str, Any] = {
                "title": v.title,
                "sha256": v.entry["sha256"],
                "imagesSeen": v.entry["imagesSeen"],
                "sampling": None if v.is_generator else {"sampler": sampler, "steps": steps, "guidance": guidance, **limited},
                "generatedPerGrade": s.count,
                "judgement": mine["judgement"],
                "qwkOfOwn": mine["judgement"]["grader"]["qwk"]["value"] / own if own else 0.0,
                **(mine.get("geometry") or {}),
                "interpolation": mine["interpolation"],
                "memorisation": mine["memorisation"],
            }  # fmt: skip
            for part in ("leaveOneOut", "severityMeasured", "nfe"):
                if mine.get(part):
                    row[part] = mine[part]
            by[key] = row
        real = self.real
        notes = [describe_split(real.training, real.config)]
        if s.limit:
            notes.append(f"At most {s.limit} real pictures of a grade were used.")
        out: dict[str, Any] = {
            "formatVersion": 1,
            "protocol": "v1",
            "bundle": manifest["id"],
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "hardware": {
                "device": torch.cuda.get_device_name() if self.device.type == "cuda" else f"CPU ({platform.machine()})",
                "software": f"PyTorch {torch.__version__}, NumPy {np.__version__}, {self.precision}",
                "seconds": round(self.seconds, 1),
            },
            "features": {"name": self.network.name, "dimensions": self.network.width, "sha256": self.network.sha256},
            "data": {
                "name": manifest["data"]["name"],
                "training": real.training.counts,
                "heldOut": real.held_out.counts,
                "note": " ".join(notes),
            },
            "seeds": {
                "generation": s.seed_generation,
                "generationStride": s.seed_stride,
                "noise": s.seed_noise,
                "bootstrap": s.seed_bootstrap,
                "folds": s.seed_folds,
                "resamples": statistics.RESAMPLES,
            },
            "floor": found["floor"],
            "grader": found["grader"],
            "byVariant": by,
        }
        for part in ("augmentation", "colourNormalised"):
            if part in found:
                out[part] = found[part]
        return out


def pack_results(folders: Sequence[Path], target: Path) -> None:
    """One ``.tar.gz`` of everything but the pictures' arrays; like the report, it is for whoever ran the evaluation."""
    with tarfile.open(target, "w:gz", compresslevel=6) as archive:
        for folder in folders:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                relative = path.relative_to(folder)
                if relative.parts[0] != "pictures" and path != target:
                    archive.add(path, Path(folder.name) / relative)
