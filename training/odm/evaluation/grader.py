"""The grader: reads a severity grade from a picture. Trained on real images only.

There are three kinds, and those asked for are cross-validated: a ridge regression on the frozen features of
EfficientNet-Lite0; the same network fine-tuned with an ordinal head (cumulative logits with a common slope and rising
thresholds: Cao et al. 2020, "Rank consistent ordinal regression", arXiv 1901.07884); and a far smaller network of the same
make, trained from scratch with the same head, for pictures so plain that the large one would outweigh the bundle many times.
All answer with probabilities of the grades; the grade read is the median of them, the severity read their mean on the
clinical scale.

The exported graph is written node by node (convolutions with their norms folded in, clips, one pooling, one matrix
product), so that it needs no exporter and runs on every execution provider.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ..data import ImageSet, center_crop
from ..efficientnet import SIDE, ConvNorm, EfficientNetLite, Stages, open_network, resized, same_pads
from ..errors import ExportError
from .draw import batches, to_float
from .statistics import Floats, Ints

MAX_BYTES = 16 * 1024 * 1024
TOLERANCE = 2e-2  # of a probability, from rounding the weights to float16
RIDGE_ALPHAS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
SMALL_STAGES: Stages = ((3, 1, 1, 16, 16, 1), (3, 2, 4, 16, 24, 1), (3, 2, 4, 24, 32, 1))
SMALL_WIDTH = 64


def input_side(size: int) -> int:
    """What a grader resizes pictures of ``size`` pixels to: twice as large, at most the features' 224."""
    return min(SIDE, 2 * size)


class OrdinalHead(nn.Module):
    """[B, width] features -> [B, C] probabilities, from one score and C - 1 rising thresholds."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1, bias=False)
        nn.init.normal_(self.score.weight, std=0.01)
        self.first = nn.Parameter(torch.tensor(-(classes - 2) / 2))
        self.gaps = nn.Parameter(torch.full((classes - 2,), 0.5413))  # softplus: 1

    def thresholds(self) -> Tensor:
        return torch.cat([self.first.view(1), self.first + torch.cumsum(F.softplus(self.gaps), 0)])

    def logits(self, f: Tensor) -> Tensor:
        """[B, C - 1]: of "higher than grade k"."""
        return self.score(f) - self.thresholds()

    def forward(self, f: Tensor) -> Tensor:
        above = torch.sigmoid(self.logits(f))
        return torch.cat([1 - above[:, :1], above[:, :-1] - above[:, 1:], above[:, -1:]], dim=1)


class RidgeHead(nn.Module):
    """[B, width] features -> [B, C] probabilities: a normal distribution about a linear severity, at the grades."""

    def __init__(self, weight: Tensor, bias: float, spread: float, values: Sequence[float]) -> None:
        super().__init__()
        self.score = nn.Linear(len(weight), 1)
        with torch.no_grad():
            self.score.weight.copy_(weight.view(1, -1))
            self.score.bias.fill_(bias)
        self.spread = spread
        self.register_buffer("values", torch.tensor(values, dtype=torch.float32))

    def forward(self, f: Tensor) -> Tensor:
        # the score's own square is common to all grades and cancels in the softmax
        v: Tensor = self.values  # type: ignore[assignment]
        return torch.softmax((self.score(f) * v - v**2 / 2) / self.spread**2, dim=1)


class Grader(nn.Module):
    """[B, 3, H, W] in -1..1 -> [B, C] probabilities."""

    def __init__(self, backbone: EfficientNetLite, head: nn.Module, side: int) -> None:
        super().__init__()
        self.backbone, self.head, self.side = backbone, head, side

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.backbone(resized(x, self.side)))
        return out


def read_grades(probabilities: Floats) -> Ints:
    """[N, C] -> [N] grade indices: the median."""
    reached = np.cumsum(probabilities, axis=1) >= 0.5 - 1e-9
    return reached.argmax(1).astype(np.int64)


def read_severity(probabilities: Floats, values: Sequence[float]) -> Floats:
    """[N, C] -> [N] mean severities."""
    out: Floats = probabilities @ np.asarray(values, dtype=np.float64)
    return out


@torch.no_grad()
def probabilities(model: Callable[[Tensor], Tensor], pictures: NDArray[np.uint8], device: torch.device, batch: int) -> Floats:  # fmt: skip
    """uint8 [N, H, W, 3] -> [N, C]."""
    out = [model(to_float(pictures[s], device)).double().cpu() for s in batches(len(pictures), batch)]
    result: Floats = torch.cat(out).numpy()
    return result


def fold_numbers(labels: Ints, folds: int, seed: int) -> Ints:
    """[N] the fold each picture is judged in; every grade is spread evenly."""
    out = np.zeros(len(labels), dtype=np.int64)
    rng = np.random.default_rng((seed, folds))
    for g in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == g))
        out[members] = np.arange(len(members)) % folds
    return out


# --- ridge ------------------------------------------------------------------------------------------------------------


def _solve(x: Floats, y: Floats, alphas: Sequence[float]) -> list[tuple[Floats, float]]:
    """(weights, bias) of ridge regressions, in whichever of pictures and features there are fewer of."""
    mx, my = x.mean(0), float(y.mean())
    centred, target = torch.from_numpy(x - mx), torch.from_numpy(y - my).unsqueeze(1)
    dual = len(x) <= x.shape[1]
    gram = centred @ centred.T if dual else centred.T @ centred
    side = target if dual else centred.T @ target
    eye = torch.eye(len(gram), dtype=gram.dtype)
    out = []
    for alpha in alphas:
        solved = torch.cholesky_solve(side, torch.linalg.cholesky(gram + alpha * eye))
        w: Floats = (centred.T @ solved if dual else solved).squeeze(1).numpy()
        out.append((w, my - float(mx @ w)))
    return out


def ridge(x: Floats, y: Floats, labels: Ints, judged: NDArray[np.bool_], seed: int) -> tuple[Floats, float, float]:
    """(weights, bias, spread) on features [N, D] and severities [N].

    The penalty is the one with the least squared error in five inner folds over the pictures ``judged`` (real ones);
    ``spread`` is that error's root. The other pictures (synthetic) are in every inner training part.
    """
    real = np.flatnonzero(judged)
    fold = fold_numbers(labels[real], 5, seed)
    errors = np.zeros(len(RIDGE_ALPHAS))
    for k in range(5):
        out = real[fold == k]
        keep = np.ones(len(x), dtype=bool)
        keep[out] = False
        for a, (w, b) in enumerate(_solve(x[keep], y[keep], RIDGE_ALPHAS)):
            errors[a] += ((x[out] @ w + b - y[out]) ** 2).sum()
    best = int(errors.argmin())
    w, b = _solve(x, y, RIDGE_ALPHAS[best : best + 1])[0]
    return w, b, float(np.sqrt(errors[best] / len(real)))


def ridge_probabilities(x: Floats, fit: tuple[Floats, float, float], values: Sequence[float]) -> Floats:
    """What ``RidgeHead`` gives, in float64."""
    w, b, spread = fit
    v = np.asarray(values)
    z = ((x @ w + b)[:, None] * v - v**2 / 2) / spread**2
    e = np.exp(z - z.max(1, keepdims=True))
    out: Floats = e / e.sum(1, keepdims=True)
    return out


# --- training ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Training:
    """How a network with an ordinal head is made and trained; pictures are cropped and flipped as the generators saw them."""

    title: str
    make: Callable[[], EfficientNetLite]
    learning_rate: float
    dropout: float
    epochs: int = 24
    batch: int = 64
    weight_decay: float = 1e-2
    class_balance: float = 0.5


def small() -> EfficientNetLite:
    """A new network of twelve thousand weights, drawn so that the signal neither grows nor fades from layer to layer."""
    model = EfficientNetLite(SMALL_STAGES, SMALL_WIDTH)
    for layer in model.modules():
        if isinstance(layer, ConvNorm):
            inputs = layer.conv.weight[0].numel()
            nn.init.normal_(layer.conv.weight, std=math.sqrt((2 if layer.act else 1) / inputs))
    return model


FINE_TUNING = Training("EfficientNet-Lite0, fine-tuned, ordinal head", open_network, learning_rate=4e-4, dropout=0.3)
SMALL = Training("Small convolutional network from scratch, ordinal head", small, learning_rate=1e-2, dropout=0.0)
TRAININGS = {"fine-tuned": FINE_TUNING, "small": SMALL}


def train(images: ImageSet, size: int, flips: str, how: Training, seed: int, device: torch.device) -> Grader:
    """A grader trained on ``images`` (at their full size before the crop); its batch norms keep the statistics they begin with."""
    torch.manual_seed(seed)
    rng = np.random.default_rng((seed, 5))
    classes = len(images.grades)
    backbone = how.make()
    model = Grader(backbone, OrdinalHead(classes, backbone.width), input_side(size)).to(device)
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decay, "weight_decay": how.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=how.learning_rate)
    steps = max(1, how.epochs * len(images) // how.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, how.learning_rate, total_steps=steps + 1, pct_start=0.1)
    counts = np.asarray(images.counts, dtype=np.float64)
    per_picture = (counts ** (-how.class_balance))[images.labels]
    pictures = torch.from_numpy(images.images).to(device)
    labels = torch.from_numpy(images.labels).to(device)
    steps_up = torch.arange(classes - 1, device=device)
    side = images.images.shape[1]
    on_gpu = device.type == "cuda"
    if on_gpu:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.train()
    for _ in range(steps):
        pick = rng.choice(len(images), how.batch, p=per_picture / per_picture.sum())
        corner = rng.integers(0, side - size + 1, (how.batch, 2))
        x = torch.stack([pictures[i, a : a + size, b : b + size] for i, (a, b) in zip(pick.tolist(), corner.tolist())])
        x = x.permute(0, 3, 1, 2).float() / 127.5 - 1
        for axis, allowed in ((3, flips != "none"), (2, flips == "both")):
            turn = torch.from_numpy(rng.random(how.batch) < 0.5).to(device).view(-1, 1, 1, 1)
            if allowed:
                x = torch.where(turn, x.flip(axis), x)
        # brightness and contrast: a camera's, not a disease's
        gain = torch.from_numpy(rng.normal(1, 0.1, (how.batch, 1, 1, 1)).astype(np.float32)).to(device)
        shift = torch.from_numpy(rng.normal(0, 0.05, (how.batch, 1, 1, 1)).astype(np.float32)).to(device)
        x = ((x + 1) * gain - 1 + shift).clamp(-1, 1)
        with torch.autocast(device.type, torch.bfloat16, enabled=on_gpu):
            f = model.backbone(resized(x, model.side))
        f = F.dropout(f.float(), how.dropout, training=True)
        target = (labels[torch.from_numpy(pick).to(device)].unsqueeze(1) > steps_up).float()
        loss = F.binary_cross_entropy_with_logits(model.head.logits(f), target)  # type: ignore[operator]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        schedule.step()
    return model.eval()


# --- choosing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """A kind of grader: its name, its cross-validated probabilities [N, C], and the grader trained on everything."""

    name: str
    cross_validated: Floats
    model: Grader


def try_ridge(images: ImageSet, features: Floats, size: int, folds: int, seed: int, device: torch.device) -> Candidate:
    """``features`` [N, 1280]: EfficientNet-Lite0's, of the centre crops, at the features' own resolution."""
    y = np.asarray(images.grades)[images.labels]
    fold = fold_numbers(images.labels, folds, seed)
    out = np.zeros((len(images), len(images.grades)))
    for k in range(folds):
        keep = fold != k
        fit = ridge(features[keep], y[keep], images.labels[keep], np.ones(keep.sum(), dtype=bool), seed)
        out[~keep] = ridge_probabilities(features[~keep], fit, images.grades)
    w, b, spread = ridge(features, y, images.labels, np.ones(len(y), dtype=bool), seed)
    head = RidgeHead(torch.from_numpy(w).float(), b, spread, images.grades)
    return Candidate(
        "EfficientNet-Lite0 features, ridge regression", out, Grader(open_network(), head, SIDE).to(device).eval()
    )


def try_training(
    images: ImageSet, size: int, flips: str, how: Training, folds: int, seed: int, device: torch.device, batch: int
) -> Candidate:
    fold = fold_numbers(images.labels, folds, seed)
    out = np.zeros((len(images), len(images.grades)))
    for k in range(folds):
        model = train(images.subset(fold != k), size, flips, how, seed + k, device)
        out[fold == k] = probabilities(model, center_crop(images.images[fold == k], size), device, batch)
    return Candidate(how.title, out, train(images, size, flips, how, seed, device))


# --- export -----------------------------------------------------------------------------------------------------------


class _Graph:
    """Nodes and weights as they are written, with float16 storage."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def weight(self, value: Tensor | NDArray[Any], half: bool = True) -> str:
        array = np.ascontiguousarray(value.detach().cpu().numpy()) if isinstance(value, Tensor) else value
        name = f"w{len(self.weights)}"
        if half and array.dtype == np.float32 and array.size >= 256:
            narrow = array.astype(np.float16)
            if not np.isfinite(narrow).all():
                raise ExportError("a weight of the grader does not fit float16")
            self.weights.append(numpy_helper.from_array(narrow, f"{name}.half"))
            self.nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
        else:
            self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name


def export_grader(model: Grader, classes: int, size: int) -> bytes:
    """The ONNX file: ``x`` [batch, 3, size, size] -> ``probabilities`` [batch, classes]; checked, at most 16 MiB."""
    model = model.cpu().float().eval()
    g = _Graph()
    zero, six = g.weight(np.float32(0)), g.weight(np.float32(6))

    def conv_norm(x: str, layer: ConvNorm, side: int) -> tuple[str, int]:
        c, (w, b) = layer.conv, layer.folded()
        before, after = same_pads(side, c.kernel_size[0], c.stride[0])
        out = g.node(
            "Conv", x, g.weight(w), g.weight(b, half=False),
            kernel_shape=list(c.kernel_size), strides=list(c.stride), pads=[before, before, after, after], group=c.groups,
        )  # fmt: skip
        out = g.node("Clip", out, zero, six) if layer.act else out
        return out, -(-side // c.stride[0])

    x, side = "x", model.side
    if side != size:
        scales = g.weight(np.asarray([1, 1, side / size, side / size], dtype=np.float32), half=False)
        x = g.node("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
    x = g.node("Add", g.node("Mul", x, g.weight(np.float32(127.5 / 128))), g.weight(np.float32(0.5 / 128)))
    x, side = conv_norm(x, model.backbone.stem, side)
    for block in model.backbone.blocks:
        h = x
        for layer in (block.expand, block.depthwise, block.project):
            if layer is not None:
                h, side = conv_norm(h, layer, side)  # type: ignore[arg-type]
        x = g.node("Add", x, h) if block.residual else h
    x, _ = conv_norm(x, model.backbone.head, side)
    flat = g.weight(np.asarray([-1, model.backbone.width], dtype=np.int64), half=False)
    x = g.node("Reshape", g.node("GlobalAveragePool", x), flat)

    head = model.head
    if isinstance(head, RidgeHead):
        values: Tensor = head.values  # type: ignore[assignment]
        w = head.score.weight.T @ values.view(1, -1) / head.spread**2
        b = (head.score.bias * values - values**2 / 2) / head.spread**2
        g.nodes.append(helper.make_node("Softmax", [g.node("Gemm", x, g.weight(w), g.weight(b, half=False))], ["probabilities"], axis=1))  # fmt: skip
    elif isinstance(head, OrdinalHead):
        repeated = head.score.weight.T.repeat(1, classes - 1)
        above = g.node("Sigmoid", g.node("Gemm", x, g.weight(repeated), g.weight(-head.thresholds(), half=False)))
        # differences of neighbouring cumulative probabilities, 1 before the first and 0 after the last: one more product
        spread = np.zeros((classes - 1, classes), dtype=np.float32)
        for k in range(classes - 1):
            spread[k, k], spread[k, k + 1] = -1, 1
        first = np.zeros(classes, dtype=np.float32)
        first[0] = 1
        g.nodes.append(helper.make_node("Gemm", [above, g.weight(spread, half=False), g.weight(first, half=False)], ["probabilities"]))  # fmt: skip
    else:
        raise ExportError(f"a head of type {type(head).__name__} has no export")

    graph = helper.make_graph(
        g.nodes,
        "grader",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, size, size])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", classes])],
        g.weights,
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], producer_name="odm")
    proto.ir_version = 9
    onnx.checker.check_model(proto, full_check=True)
    payload: bytes = proto.SerializeToString()
    if len(payload) > MAX_BYTES:
        raise ExportError(f"the grader takes {len(payload):,} bytes; at most {MAX_BYTES:,} are allowed")
    _check(model, payload, size)
    return payload


@torch.no_grad()
def _check(model: Grader, payload: bytes, size: int) -> None:
    from ..onnx_torch import OnnxModule

    x = torch.rand(4, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    want, got = model(x), OnnxModule(payload)(x)
    found = float((want - got).abs().max())
    if not found <= TOLERANCE:
        raise ExportError(
            f"the exported grader differs from the network by {found:.2e}; at most {TOLERANCE:.0e} is allowed"
        )


def manifest_entry(payload: bytes, title: str, params: int, qwk: dict[str, Any]) -> dict[str, Any]:
    """The manifest's ``grader`` entry for a file called ``grader.onnx``."""
    return {
        "title": title,
        "file": "grader.onnx",
        "sha256": hashlib.sha256(payload).hexdigest(),
        "bytes": len(payload),
        "precision": "float16-weights",
        "params": params,
        "input": {"name": "x"},
        "output": {"name": "probabilities"},
        "qwk": qwk,
    }
