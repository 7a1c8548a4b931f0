"""An ONNX file run by PyTorch, on any of its devices: what is evaluated on a GPU is exactly what is shipped.

An interpreter of the operators that the lab's exports are made of, no more: a graph with another operator is an
``ExportError`` when it is opened, not a wrong picture later. The shapes and rules are those of the ONNX operator
specification (opset 18). Held to ONNX Runtime on every shipped file by a test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from .errors import ExportError

Attributes = Mapping[str, Any]
Operator = Callable[..., Tensor | tuple[Tensor, ...]]

_TYPES = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.INT64: torch.int64,
    TensorProto.INT32: torch.int32,
    TensorProto.BOOL: torch.bool,
}


def _text(value: Any, default: str = "") -> str:
    return default if value is None else value.decode() if isinstance(value, bytes) else str(value)


def _ints(value: Tensor) -> list[int]:
    return [int(v) for v in value.flatten().tolist()]


def _padding(a: Attributes, spatial: int) -> tuple[list[int], list[int]]:
    """(symmetric padding, what is left as ``F.pad`` takes it)."""
    if _text(a.get("auto_pad"), "NOTSET") not in ("NOTSET", "VALID"):
        raise ExportError("automatic padding is not supported; give explicit pads")
    pads = list(a.get("pads", [0] * (2 * spatial)))
    begin, end = pads[:spatial], pads[spatial:]
    if begin == end:
        return begin, []
    extra: list[int] = []
    for i in reversed(range(spatial)):
        extra += [begin[i], end[i]]
    return [0] * spatial, extra


def _conv(a: Attributes, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    spatial = w.dim() - 2
    padding, extra = _padding(a, spatial)
    if extra:
        x = F.pad(x, extra)
    convolve = (F.conv1d, F.conv2d, F.conv3d)[spatial - 1]
    ones = [1] * spatial
    out: Tensor = convolve(x, w, b, list(a.get("strides", ones)), padding, list(a.get("dilations", ones)), a.get("group", 1))  # fmt: skip
    return out


def _conv_transpose(a: Attributes, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    padding, extra = _padding(a, 2)
    if extra or w.dim() != 4:
        raise ExportError("only two-dimensional, symmetrically padded transposed convolutions are supported")
    return F.conv_transpose2d(
        x, w, b, list(a.get("strides", [1, 1])), padding, list(a.get("output_padding", [0, 0])), a.get("group", 1),
        list(a.get("dilations", [1, 1])),
    )  # fmt: skip


def _gemm(a: Attributes, x: Tensor, w: Tensor, c: Tensor | None = None) -> Tensor:
    x = x.t() if a.get("transA", 0) else x
    w = w.t() if a.get("transB", 0) else w
    out = a.get("alpha", 1.0) * (x @ w) if a.get("alpha", 1.0) != 1.0 else x @ w
    return out if c is None else out + (c if a.get("beta", 1.0) == 1.0 else a["beta"] * c)


def _instance_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return F.instance_norm(x, weight=scale, bias=bias, eps=a.get("epsilon", 1e-5))


def _batch_norm(a: Attributes, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    return F.batch_norm(x, mean, var, scale, bias, False, 0.0, a.get("epsilon", 1e-5))


def _reshape(a: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    dims = _ints(shape)
    if not a.get("allowzero", 0):
        dims = [x.shape[i] if d == 0 else d for i, d in enumerate(dims)]
    return x.reshape(dims)


def _resize(a: Attributes, x: Tensor, _roi: Tensor | None = None, scales: Tensor | None = None, sizes: Tensor | None = None) -> Tensor:  # fmt: skip
    if sizes is not None and sizes.numel():
        target = _ints(sizes)[2:]
    elif scales is not None:
        factors = scales.flatten().tolist()
        if factors[:2] != [1.0, 1.0]:
            raise ExportError("only the two spatial dimensions may be resized")
        exact = [s * f for s, f in zip(x.shape[2:], factors[2:], strict=True)]
        target = [round(v) for v in exact]
        if any(abs(v - e) > 1e-4 for v, e in zip(target, exact, strict=True)):
            # coordinates would follow the scale, not the ratio of the sizes
            raise ExportError(f"a Resize to {exact} pixels, not whole, is not supported")
    else:
        raise ExportError("a Resize needs scales or sizes")
    mode, transform = _text(a.get("mode"), "nearest"), _text(a.get("coordinate_transformation_mode"), "half_pixel")
    if mode == "linear" and transform in ("half_pixel", "pytorch_half_pixel"):
        return F.interpolate(x, size=target, mode="bilinear", align_corners=False)
    whole = all(t % s == 0 for t, s in zip(target, x.shape[2:], strict=True))
    if mode == "nearest" and whole and not (transform == "half_pixel" and _text(a.get("nearest_mode")) == "ceil"):
        # by a whole factor every rule of rounding repeats each pixel, but for `ceil`, which shifts
        return F.interpolate(x, size=target, mode="nearest")
    raise ExportError(f"resizing {mode}, {transform} from {tuple(x.shape[2:])} to {tuple(target)} is not supported")


def _slice(_a: Attributes, x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None) -> Tensor:  # fmt: skip
    first, last = _ints(starts), _ints(ends)
    along = _ints(axes) if axes is not None else list(range(len(first)))
    step = _ints(steps) if steps is not None else [1] * len(first)
    index: list[slice] = [slice(None)] * x.dim()
    for axis, low, high, by in zip(along, first, last, step, strict=True):
        if by < 1:
            raise ExportError("a Slice that runs backwards is not supported")
        index[axis] = slice(low, high, by)
    return x[tuple(index)]


def _split(a: Attributes, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = a.get("axis", 0)
    if sizes is not None:
        return torch.split(x, _ints(sizes), dim=axis)
    share = -(-x.shape[axis] // a["num_outputs"])
    return torch.split(x, share, dim=axis)


def _squeeze(_a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(tuple(_ints(axes)))


def _unsqueeze(_a: Attributes, x: Tensor, axes: Tensor) -> Tensor:
    wanted = _ints(axes)
    rank = x.dim() + len(wanted)
    for axis in sorted(v % rank for v in wanted):
        x = x.unsqueeze(axis)
    return x


def _depth_to_space(a: Attributes, x: Tensor) -> Tensor:
    size = a["blocksize"]
    if _text(a.get("mode"), "DCR") == "CRD":
        return F.pixel_shuffle(x, size)
    n, c, h, w = x.shape
    y = x.reshape(n, size, size, c // size**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return y.reshape(n, c // size**2, h * size, w * size)


def _pad(a: Attributes, x: Tensor, pads: Tensor, value: Tensor | None = None, axes: Tensor | None = None) -> Tensor:
    amounts = _ints(pads)
    along = [v % x.dim() for v in _ints(axes)] if axes is not None else list(range(x.dim()))
    both = {axis: (amounts[i], amounts[i + len(along)]) for i, axis in enumerate(along)}
    mode = _text(a.get("mode"), "constant")
    spread: list[int] = []
    for axis in reversed(range(x.dim())):
        spread += both.get(axis, (0, 0))
    if mode == "constant":
        return F.pad(x, spread, value=0.0 if value is None else float(value))
    while len(spread) > 4 and spread[-2:] == [0, 0]:
        spread = spread[:-2]
    return F.pad(x, spread, mode={"reflect": "reflect", "edge": "replicate"}[mode])


def _reduce(of: Callable[..., Tensor]) -> Operator:
    def run(a: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
        dims = _ints(axes) if axes is not None else list(a.get("axes", range(x.dim())))
        return of(x, dim=dims, keepdim=bool(a.get("keepdims", 1)))

    return run


def _clip(_a: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return torch.clamp(x, None if low is None else low, None if high is None else high)


def _constant(a: Attributes) -> Tensor:
    if "value" in a:
        return _tensor(a["value"])
    for key, kind in (("value_float", torch.float32), ("value_floats", torch.float32), ("value_int", torch.int64), ("value_ints", torch.int64)):  # fmt: skip
        if key in a:
            return torch.tensor(a[key], dtype=kind)
    raise ExportError("a Constant of an unknown kind")


OPERATORS: dict[str, Operator] = {
    "Abs": lambda a, x: x.abs(),
    "Add": lambda a, x, y: x + y,
    "BatchNormalization": _batch_norm,
    "Cast": lambda a, x: x.to(_TYPES[a["to"]]),
    "Clip": _clip,
    "Concat": lambda a, *xs: torch.cat(xs, dim=a["axis"]),
    "Constant": _constant,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Cos": lambda a, x: torch.cos(x),
    "DepthToSpace": _depth_to_space,
    "Div": lambda a, x, y: x / y,
    "Exp": lambda a, x: torch.exp(x),
    "Expand": lambda a, x, shape: x.expand(np.broadcast_shapes(x.shape, tuple(_ints(shape)))),
    "Flatten": lambda a, x: x.reshape(math.prod(x.shape[: a.get("axis", 1)]), -1),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda a, x: x.mean(tuple(range(2, x.dim())), keepdim=True),
    "Identity": lambda a, x: x,
    "InstanceNormalization": _instance_norm,
    "LeakyRelu": lambda a, x: F.leaky_relu(x, a.get("alpha", 0.01)),
    "Log": lambda a, x: torch.log(x),
    "MatMul": lambda a, x, y: x @ y,
    "Max": lambda a, x, y: torch.maximum(x, y),
    "Min": lambda a, x, y: torch.minimum(x, y),
    "Mul": lambda a, x, y: x * y,
    "Neg": lambda a, x: -x,
    "Pad": _pad,
    "Pow": lambda a, x, y: torch.pow(x, y),
    "Reciprocal": lambda a, x: torch.reciprocal(x),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Relu": lambda a, x: F.relu(x),
    "Reshape": _reshape,
    "Resize": _resize,
    "Sigmoid": lambda a, x: torch.sigmoid(x),
    "Sin": lambda a, x: torch.sin(x),
    "Slice": _slice,
    "Softmax": lambda a, x: torch.softmax(x, a.get("axis", -1)),
    "Softplus": lambda a, x: F.softplus(x),
    "Split": _split,
    "Sqrt": lambda a, x: torch.sqrt(x),
    "Squeeze": _squeeze,
    "Sub": lambda a, x, y: x - y,
    "Tanh": lambda a, x: torch.tanh(x),
    "Transpose": lambda a, x: x.permute(list(a["perm"])) if "perm" in a else x.permute(*reversed(range(x.dim()))),
    "Unsqueeze": _unsqueeze,
}

# operators whose later inputs are shapes, not numbers: kept on the CPU, so that reading them needs no synchronisation
_SHAPES: dict[str, tuple[int, ...]] = {
    "Expand": (1,),
    "Pad": (1, 3),
    "ReduceMean": (1,),
    "ReduceSum": (1,),
    "Reshape": (1,),
    "Resize": (2, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Unsqueeze": (1,),
}


def _tensor(proto: TensorProto) -> Tensor:
    return torch.from_numpy(np.array(numpy_helper.to_array(proto)))


class OnnxModule:
    """A graph with constant weights on ``device``; call it with its inputs in their order, get its first output.

    Raises ``ExportError`` for a file that is not ONNX or has an operator that is not known here.
    """

    def __init__(self, payload: bytes | Path, device: torch.device | str = "cpu") -> None:
        try:
            proto = onnx.load_from_string(payload.read_bytes() if isinstance(payload, Path) else payload)
        except Exception as e:
            raise ExportError(f"this is not an ONNX file ({e})") from e
        graph = proto.graph
        strange = sorted({n.op_type for n in graph.node if n.op_type not in OPERATORS or n.domain not in ("", "ai.onnx")})  # fmt: skip
        if strange:
            raise ExportError(f"operators that the PyTorch runner does not know: {', '.join(strange)}")
        self.device = torch.device(device)
        self.inputs = [i.name for i in graph.input]
        self.output = graph.output[0].name
        shapes = {n.input[i] for n in graph.node for i in _SHAPES.get(n.op_type, ()) if i < len(n.input)}
        weights = {i.name: _tensor(i) for i in graph.initializer}

        nodes: list[tuple[Operator, dict[str, Any], list[str], list[str]]] = []
        for node in graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            run, names = OPERATORS[node.op_type], list(node.input)
            if all(n in weights for n in names if n):
                # what depends on weights alone (half-precision casts, constants) is computed once
                out = run(attributes, *(weights[n] if n else None for n in names))
                outs = out if isinstance(out, tuple) else (out,)
                weights.update(zip(node.output, outs, strict=False))
            else:
                nodes.append((run, attributes, names, list(node.output)))
        needed = {n for _, _, names, _ in nodes for n in names} | {self.output}
        self._weights = {
            n: (w if n in shapes else w.to(self.device)).contiguous() for n, w in weights.items() if n in needed
        }
        last: dict[str, int] = {}
        for k, (_, _, names, _) in enumerate(nodes):
            last.update(dict.fromkeys(names, k))
        self._nodes = [
            (run, a, names, outs, [n for n in set(names) if last[n] == k and n not in self._weights])
            for k, (run, a, names, outs) in enumerate(nodes)
        ]

    @torch.no_grad()
    def __call__(self, *inputs: Tensor) -> Tensor:
        if len(inputs) != len(self.inputs):
            raise ValueError(f"the graph has inputs {', '.join(self.inputs)}; {len(inputs)} were given")
        values: dict[str, Tensor | None] = dict(zip(self.inputs, inputs, strict=True))
        values[""] = None  # an input left out
        for run, attributes, names, outs, done in self._nodes:
            found = run(attributes, *(self._weights[n] if n in self._weights else values[n] for n in names))
            for name in done:
                if name:
                    values.pop(name, None)
            values.update(zip(outs, found if isinstance(found, tuple) else (found,), strict=False))
        result = self._weights.get(self.output) if self.output in self._weights else values[self.output]
        assert result is not None
        return result


class RuntimeModule:
    """The same file run by ONNX Runtime on the CPU, where it is the faster of the two; called like ``OnnxModule``."""

    # a convolution's pictures one after another keep to the caches: larger batches are slower
    ROWS = 4

    def __init__(self, payload: bytes) -> None:
        from .export import session

        self._session = session(payload, torch.get_num_threads())
        self.inputs = [i.name for i in self._session.get_inputs()]

    def __call__(self, *inputs: Tensor) -> Tensor:
        rows = len(inputs[0])
        parts = []
        for k in range(0, rows, self.ROWS):
            feeds = {n: v[k : k + self.ROWS].contiguous().numpy() for n, v in zip(self.inputs, inputs, strict=True)}
            parts.append(torch.from_numpy(self._session.run(None, feeds)[0]))
        return torch.cat(parts)


def open_module(payload: bytes, device: torch.device) -> OnnxModule | RuntimeModule:
    """Whichever of the two is faster on the device."""
    return RuntimeModule(payload) if device.type == "cpu" else OnnxModule(payload, device)
