"""ONNX files in PyTorch against ONNX Runtime: the shipped files, and each operator's corners."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from odm.bundle import Bundle
from odm.errors import ExportError
from odm.export import session
from odm.onnx_torch import OnnxModule, RuntimeModule, open_module

from .conftest import ROOT

MODELS = ROOT / "models"
BUNDLES: list[str] = json.loads((MODELS / "catalogue.json").read_text(encoding="utf-8"))["bundles"]
FILES = [(b, v) for b in BUNDLES for v in json.loads((MODELS / b / "manifest.json").read_text("utf-8"))["variants"]]


def inputs_of(payload: bytes, batch: int) -> dict[str, np.ndarray[Any, Any]]:
    """Random inputs of a shipped file: times in 0..1, mixed class weights, normal noise elsewhere."""
    rng = np.random.default_rng(batch)
    out = {}
    for i in onnx.load_from_string(payload).graph.input:
        shape = [batch, *(d.dim_value for d in i.type.tensor_type.shape.dim[1:])]
        if i.name == "t":
            value = np.linspace(0.01, 0.99, batch)
        elif i.name == "y":
            value = rng.dirichlet(np.ones(shape[1]), batch)
        else:
            value = rng.standard_normal(shape)
        out[i.name] = np.asarray(value, dtype=np.float32)
    return out


@pytest.mark.parametrize(("bundle", "variant"), FILES)
def test_a_shipped_file_gives_the_same(bundle: str, variant: str) -> None:
    payload = Bundle.open(MODELS / bundle).weights(variant)
    module, runtime = OnnxModule(payload), session(payload)
    for batch in (1, 3):
        feeds = inputs_of(payload, batch)
        want = runtime.run(None, feeds)[0]
        got = module(*(torch.from_numpy(feeds[name]) for name in module.inputs)).numpy()
        np.testing.assert_allclose(got, want, atol=1e-4)


def test_the_runtime_gives_the_same_in_whatever_parts() -> None:
    payload = Bundle.open(MODELS / "phantom").weights("odm")
    runner = open_module(payload, torch.device("cpu"))
    assert isinstance(runner, RuntimeModule)
    feeds = inputs_of(payload, 2 * RuntimeModule.ROWS + 1)
    got = runner(*(torch.from_numpy(feeds[name]) for name in runner.inputs)).numpy()
    np.testing.assert_allclose(got, session(payload).run(None, feeds)[0], atol=1e-6)


def graph(op: str, x: list[int], *constants: Any, **attributes: Any) -> bytes:
    """A file with one node; a constant of None is an input left out."""
    weights = [numpy_helper.from_array(np.asarray(c), f"c{i}") for i, c in enumerate(constants) if c is not None]
    names = ["" if c is None else f"c{i}" for i, c in enumerate(constants)]
    outputs = ["out", "rest"] if op == "Split" else ["out"]
    node = helper.make_node(op, ["x", *names], outputs, **attributes)
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [node], "g", [info("x", TensorProto.FLOAT, x)], [info("out", TensorProto.FLOAT, None)], weights
    )
    proto = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)])
    proto.ir_version = 9
    payload: bytes = proto.SerializeToString()
    return payload


RNG = np.random.default_rng(0)


def f(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def i(*values: int) -> Any:
    return np.asarray(values, dtype=np.int64)


CASES: list[tuple[str, list[int], list[Any], dict[str, Any]]] = [
    ("Conv", [2, 4, 9, 8], [f(6, 2, 3, 3), f(6)], {"group": 2, "strides": [2, 2], "pads": [0, 0, 1, 1]}),
    ("Conv", [2, 4, 9, 8], [f(4, 1, 5, 5)], {"group": 4, "pads": [2, 2, 2, 2], "dilations": [1, 1]}),
    ("ConvTranspose", [2, 4, 5, 5], [f(4, 3, 4, 4), f(3)], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("Gemm", [3, 4], [f(5, 4), f(5)], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("InstanceNormalization", [2, 4, 3, 3], [f(4), f(4)], {"epsilon": 1e-3}),
    ("BatchNormalization", [2, 4, 3, 3], [f(4), f(4), f(4), np.abs(f(4))], {"epsilon": 1e-3}),
    ("Resize", [1, 2, 4, 8], [None, np.float32([1, 1, 1.75, 1.75])], {"mode": "linear"}),
    ("Resize", [1, 2, 4, 6], [None, np.float32([1, 1, 2, 2])], {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}),
    ("Resize", [1, 2, 4, 6], [None, None, i(1, 2, 7, 9)], {"mode": "linear"}),
    ("DepthToSpace", [2, 12, 3, 3], [], {"blocksize": 2, "mode": "DCR"}),
    ("DepthToSpace", [2, 12, 3, 3], [], {"blocksize": 2, "mode": "CRD"}),
    ("Reshape", [2, 12, 3], [i(0, -1)], {}),
    ("Slice", [4, 8, 6], [i(1, -3), i(7, 6), i(1, 2), i(2, 1)], {}),
    ("Split", [2, 7, 3], [], {"axis": 1, "num_outputs": 2}),
    ("Squeeze", [2, 1, 3, 1], [i(1)], {}),
    ("Unsqueeze", [2, 3], [i(0, -1)], {}),
    ("Pad", [1, 2, 3, 3], [i(0, 0, 1, 0, 0, 0, 2, 3), np.float32(0.5)], {}),
    ("Pad", [1, 2, 4, 4], [i(0, 0, 1, 2, 0, 0, 1, 1)], {"mode": "reflect"}),
    ("ReduceMean", [2, 3, 4, 5], [i(2, 3)], {"keepdims": 1}),
    ("ReduceSum", [2, 3, 4, 5], [i(1)], {"keepdims": 0}),
    ("Clip", [2, 9], [np.float32(0), np.float32(0.5)], {}),
    ("Clip", [2, 9], [None, np.float32(0.5)], {}),
    ("GlobalAveragePool", [2, 3, 4, 5], [], {}),
    ("Softmax", [2, 3, 4], [], {"axis": 1}),
    ("Transpose", [2, 3, 4], [], {"perm": [2, 0, 1]}),
    ("LeakyRelu", [2, 9], [], {"alpha": 0.2}),
    ("Expand", [2, 1, 3], [i(2, 4, 1)], {}),
    ("Flatten", [2, 3, 4], [], {"axis": 2}),
    ("Softplus", [2, 9], [], {}),
    ("Max", [2, 9], [f(9)], {}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "x", "constants", "attributes"), CASES)
def test_an_operator(op: str, x: list[int], constants: list[Any], attributes: dict[str, Any]) -> None:
    payload = graph(op, x, *constants, **attributes)
    value = f(*x)
    want = session(payload).run(None, {"x": value})[0]
    got = OnnxModule(payload)(torch.from_numpy(value)).numpy()
    np.testing.assert_allclose(got, want, atol=2e-6)
    assert got.shape == want.shape


def test_what_is_not_known_is_refused_at_once() -> None:
    with pytest.raises(ExportError, match="Gelu|Hardmax"):
        OnnxModule(graph("Hardmax", [2, 3]))
    with pytest.raises(ExportError, match="not an ONNX file"):
        OnnxModule(b"no")
