"""From a trained denoiser or generator to an ONNX file: a clean graph, half the bytes, and a check against PyTorch.

The graph is made for a browser's execution providers: GroupNorm as InstanceNormalization, no Shape arithmetic (the only
unknown dimension is the batch, so every Reshape gets a constant), float32 inputs. Weights are stored as float16 and cast
to float32 by the graph itself; a runtime folds the casts when it makes the session, so it computes in float32.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from .errors import ExportError
from .network import AUGMENTATION_WEIGHT, Denoiser
from .noise import Purpose, normals
from .stylegan import Generator

Network = TypeVar("Network", bound=torch.nn.Module)

OPSET = 18
# A parameter is stored as float16 when it holds at least this share of all: so are the coarse grids', which are most of the
# file. The many small ones (both ends, the fine grids, the embedding) touch every pixel; their rounding is felt the most.
HALVED_SHARE = 1 / 60
TOLERANCE_FLOAT32 = 1e-3
TOLERANCE_ROUNDED = 1e-5
# a generator's layers add up what a denoiser's skip path does not see
TOLERANCE_GENERATOR_FLOAT32 = 5e-2
TOLERANCE_GENERATOR_ROUNDED = 2e-4
_TIMES = (0.02, 0.3, 0.7, 0.98)

# what an exported network is made of; anything else (Shape, Gather, If, integer arithmetic ...) would leave the GPU
ALLOWED_OPS = frozenset(
    [
        "Add",
        "Cast",
        "Concat",
        "Conv",
        "Cos",
        "DepthToSpace",
        "Div",
        "Gemm",
        "InstanceNormalization",
        "LeakyRelu",
        "MatMul",
        "Mul",
        "Neg",
        "Pow",
        "Reciprocal",
        "ReduceMean",
        "ReduceSum",
        "Reshape",
        "Resize",
        "Sigmoid",
        "Sin",
        "Slice",
        "Softmax",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Transpose",
        "Unsqueeze",
    ]
)


@dataclass(frozen=True)
class Exported:
    """An ONNX file and what the checks found."""

    payload: bytes
    params: int
    max_error_float32: float  # against the float32 network
    max_error_rounded: float  # against the same network with its weights rounded to float16
    operators: dict[str, int]


def halved_names(model: torch.nn.Module) -> set[str]:
    """The parameters that the file stores as float16."""
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    return {name for name, elements in sizes.items() if elements >= HALVED_SHARE * sum(sizes.values())}


def rounded(model: Network) -> Network:
    """A copy of the network whose large parameters are what the file stores: rounded to float16."""
    twin = copy.deepcopy(model)
    halved = halved_names(model)
    with torch.no_grad():
        for name, p in twin.named_parameters():
            if name in halved:
                p.copy_(p.half().float())
    return twin


def trace(model: torch.nn.Module, inputs: dict[str, torch.Tensor], output: str) -> onnx.ModelProto:
    """The float32 graph from ``inputs`` (examples of two rows, by name) to ``output``, with a dynamic batch."""
    model = copy.deepcopy(model).cpu().eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    batch = torch.export.Dim("batch", min=1, max=4096)
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                model,
                tuple(inputs.values()),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=[output],
                dynamic_shapes=tuple({0: batch} for _ in inputs),
                verbose=False,
            )
    finally:
        quiet.setLevel(level)
    assert program is not None
    return program.model_proto


def simplify(proto: onnx.ModelProto) -> None:
    """In place: constant Reshape targets, dead nodes and debug information removed, only ``ALLOWED_OPS`` left."""
    graph = proto.graph
    inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
    shapes = {v.name: v.type.tensor_type.shape for v in (*inferred.value_info, *inferred.output)}
    constants = {i.name for i in graph.initializer}
    for node in graph.node:
        if node.op_type != "Reshape" or node.input[1] in constants:
            continue
        dims = [d.dim_value if d.HasField("dim_value") else -1 for d in shapes[node.output[0]].dim]
        if dims.count(-1) != 1:
            raise ExportError(f"the shape of {node.output[0]} is not known but for the batch: {dims}")
        name = f"{node.output[0]}.shape"
        graph.initializer.append(numpy_helper.from_array(np.asarray(dims, dtype=np.int64), name))
        node.input[1] = name

    while True:
        used = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
        dead = [node for node in graph.node if not any(o in used for o in node.output)]
        if not dead:
            break
        for node in dead:
            graph.node.remove(node)
    for initializer in [i for i in graph.initializer if i.name not in used]:
        graph.initializer.remove(initializer)
    for node in graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*graph.input, *graph.output):
        del value.metadata_props[:]
    del graph.value_info[:]
    del graph.metadata_props[:]
    del proto.metadata_props[:]
    proto.doc_string = graph.doc_string = ""
    proto.producer_name, proto.producer_version = "odm", ""
    strange = sorted({n.op_type for n in graph.node} - ALLOWED_OPS)
    if strange:
        raise ExportError(f"the graph has operators that may not run on a GPU in a browser: {', '.join(strange)}")


def shorten_names(proto: onnx.ModelProto) -> None:
    """In place: names of nodes and tensors become short counters; inputs and outputs keep theirs."""
    graph = proto.graph
    names = {v.name: v.name for v in (*graph.input, *graph.output)} | {"": ""}

    def short(name: str) -> str:
        return names.setdefault(name, f"v{len(names):x}")

    for initializer in graph.initializer:
        initializer.name = short(initializer.name)
    for node in graph.node:
        node.name = ""
        for names_of in (node.input, node.output):
            for i, name in enumerate(names_of):
                names_of[i] = short(name)


def halve(proto: onnx.ModelProto, names: set[str]) -> None:
    """In place: initialisers ``names`` are stored as float16 behind a Cast to float32."""
    graph = proto.graph
    casts = []
    for initializer in graph.initializer:
        if initializer.name not in names:
            continue
        values: NDArray[np.float32] = numpy_helper.to_array(initializer)
        with np.errstate(over="ignore"):  # looked for below
            narrow = values.astype(np.float16)
        if not np.isfinite(narrow).all():
            raise ExportError(f"{initializer.name} does not fit float16: largest {np.abs(values).max():g}")
        stored = f"{initializer.name}.half"
        casts.append(helper.make_node("Cast", [stored], [initializer.name], to=TensorProto.FLOAT))
        initializer.CopyFrom(numpy_helper.from_array(narrow, stored))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def session(payload: bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """A CPU session, with one thread unless more are asked for."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])


def _rows(columns: int, count: int, first: int) -> NDArray[np.float32]:
    """[count, columns] class weights: one-hot, the last one an even mix with the first class."""
    y = np.eye(columns, dtype=np.float32)[(np.arange(count) + first) % columns]
    y[-1] = 0.5 * (y[-1] + np.eye(columns, dtype=np.float32)[0])
    return y


def _difference(model: torch.nn.Module, run: onnxruntime.InferenceSession, inputs: dict[str, NDArray[np.float32]]) -> float:  # fmt: skip
    """Largest |PyTorch - ONNX| on the same inputs."""
    got = run.run(None, inputs)[0]
    with torch.no_grad():
        want = model(*map(torch.from_numpy, inputs.values())).numpy()
    if not np.isfinite(got).all():
        raise ExportError("the exported network gives values that are not finite")
    return float(np.abs(got - want).max())


def largest_difference(model: Denoiser, payload: bytes, size: int, batch: int = 3) -> float:
    """Largest |PyTorch - ONNX| over several times, grades and mixes, for batches of ``batch`` and of one."""
    model = copy.deepcopy(model).cpu().eval()
    run = session(payload)
    return max(
        _difference(
            model,
            run,
            {
                "x": normals(k, Purpose.PARITY, 1, (count, 3, size, size)),
                "t": np.full(count, t, dtype=np.float32),
                "y": _rows(model.config.classes + 1, count, k),
            },
        )
        for k, t in enumerate(_TIMES)
        for count in (batch, 1)
    )


def generator_difference(model: Generator, payload: bytes, batch: int = 3) -> float:
    """Largest |PyTorch - ONNX| over several z, grades and mixes, for batches of ``batch`` and of one."""
    model = copy.deepcopy(model).cpu().eval()
    run = session(payload)
    shape = model.shape
    return max(
        _difference(
            model,
            run,
            {"z": normals(k, Purpose.PARITY, 1, (count, shape.latent)), "y": _rows(shape.classes, count, k)},
        )
        for k in range(4)
        for count in (batch, 1)
    )


def _finish(
    model: Network, proto: onnx.ModelProto, difference: Callable[[Network, bytes], float], float32: float, half: float
) -> Exported:
    """Simplifies, halves and checks; raises ``ExportError``."""
    simplify(proto)
    halve(proto, halved_names(model))
    shorten_names(proto)
    onnx.checker.check_model(proto, full_check=True)
    payload = proto.SerializeToString()

    against_float32 = difference(model, payload)
    against_rounded = difference(rounded(model), payload)
    for what, found, allowed in (
        ("the float32 network", against_float32, float32),
        ("the network with rounded weights", against_rounded, half),
    ):
        if not found <= allowed:
            raise ExportError(f"the exported file differs from {what} by {found:.2e}; at most {allowed:.0e} is allowed")
    return Exported(
        payload=payload,
        params=sum(p.numel() for name, p in model.named_parameters() if name != AUGMENTATION_WEIGHT),
        max_error_float32=against_float32,
        max_error_rounded=against_rounded,
        operators=dict(Counter(n.op_type for n in proto.graph.node)),
    )


def trace_network(model: Denoiser, size: int) -> onnx.ModelProto:
    """The float32 graph of ``model`` for pictures of ``size`` pixels, ``x, t, y -> x0``."""
    inputs = {
        "x": torch.zeros(2, 3, size, size),
        "t": torch.full((2,), 0.5),
        "y": torch.zeros(2, model.config.classes + 1),
    }
    return trace(model, inputs, "x0")


def export_network(model: Denoiser, size: int) -> Exported:
    """The checked ONNX file of ``model`` for pictures of ``size`` pixels, ``x, t, y -> x0``; raises ``ExportError``."""
    return _finish(
        model,
        trace_network(model, size),
        lambda network, payload: largest_difference(network, payload, size),
        TOLERANCE_FLOAT32,
        TOLERANCE_ROUNDED,
    )


def export_generator(model: Generator) -> Exported:
    """The checked ONNX file ``z [batch, latent], y [batch, C] -> picture`` of ``model``; raises ``ExportError``."""
    model = copy.deepcopy(model).cpu().eval().for_export()
    inputs = {"z": torch.ones(2, model.shape.latent), "y": torch.eye(model.shape.classes)[:2]}
    # what the exporter computes in advance from small weights must come from the weights that are stored
    return _finish(
        model,
        trace(rounded(model), inputs, "picture"),
        generator_difference,
        TOLERANCE_GENERATOR_FLOAT32,
        TOLERANCE_GENERATOR_ROUNDED,
    )


@dataclass(frozen=True)
class Parity:
    """A fixed evaluation of an ONNX file, as the manifest stores it."""

    seed: int
    t: float | None  # None for a generator
    y: list[float]
    indices: list[int]
    values: list[float]
    rms: float


def _parity(seed: int, t: float | None, y: NDArray[np.float32], out: NDArray[np.float32]) -> Parity:
    flat = out.reshape(-1).astype(np.float64)
    indices = np.sort(np.random.default_rng(seed).choice(flat.size, 64, replace=False))
    return Parity(
        seed=seed,
        t=t,
        y=[float(v) for v in y[0]],
        indices=[int(i) for i in indices],
        values=[float(v) for v in flat[indices]],
        rms=float(np.sqrt(np.mean(flat**2))),
    )


def parity_reference(payload: bytes, classes: int, size: int, seed: int = 2024, t: float = 0.5) -> Parity:
    """64 values and the RMS of one evaluation at batch 1; the grade is the middle one."""
    x = normals(seed, Purpose.PARITY, 0, (1, 3, size, size))
    y = np.zeros((1, classes + 1), dtype=np.float32)
    y[0, classes // 2] = 1
    return _parity(seed, t, y, session(payload).run(None, {"x": x, "t": np.asarray([t], dtype=np.float32), "y": y})[0])


def generator_parity_reference(payload: bytes, classes: int, latent: int, seed: int = 2024) -> Parity:
    """The same of a generator; there is no t."""
    y = np.zeros((1, classes), dtype=np.float32)
    y[0, classes // 2] = 1
    return _parity(seed, None, y, session(payload).run(None, {"z": normals(seed, Purpose.PARITY, 0, (1, latent)), "y": y})[0])  # fmt: skip
