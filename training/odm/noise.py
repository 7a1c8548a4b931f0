"""Counter-based standard normal noise, the same here and in the browser.

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"; the reference implementation is
Random123) keyed by ``(seed, purpose)`` with counter ``(block, 0, step, 0)``. Flat CHW element ``i`` takes lane ``i & 3``
of block ``i >> 2``; pairs of lanes become normals by Box-Muller in float64. Any element of any step of any run can thus
be computed alone, in any order, and a picture is named by its request.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = 0x9E3779B9
_W1 = 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_ROUNDS = 10


class Purpose(IntEnum):
    """What a stream of noise is for; two purposes of one seed never share numbers."""

    INIT = 0  # the first x
    STEP = 1  # noise that a stochastic sampler adds after step i
    FORWARD = 2  # noising a real picture
    PARITY = 3  # the input of the manifest's parity reference
    LATENT = 4  # the z of a generator


def philox4x32(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Ten rounds of Philox4x32 on counters ``[..., 4]``; the result has the same shape, values below 2^32."""
    c0, c1, c2, c3 = (counter[..., i].astype(np.uint64) for i in range(4))
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0, p1 = _M0 * c0, _M1 * c2  # below 2^64: both factors are below 2^32
        c0, c1, c2, c3 = (
            (p1 >> _SHIFT) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _SHIFT) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1)


def normals(seed: int, purpose: int, step: int, shape: int | Sequence[int]) -> NDArray[np.float32]:
    """Standard normals of ``(seed, purpose, step)``.

    ``seed``, ``purpose`` and ``step`` are unsigned 32-bit integers (ValueError otherwise). ``shape`` is filled in C
    order, so a CHW picture takes its elements in flat CHW order. A longer draw begins with the shorter one.
    """
    for name, value in (("seed", seed), ("purpose", purpose), ("step", step)):
        if not 0 <= value <= 0xFFFFFFFF:
            raise ValueError(f"{name} must be an unsigned 32-bit integer, not {value}")
    dims = (shape,) if isinstance(shape, int) else tuple(shape)
    n = int(np.prod(dims, dtype=np.int64))
    blocks = (n + 3) // 4
    counter = np.zeros((blocks, 4), dtype=np.uint64)
    counter[:, 0] = np.arange(blocks, dtype=np.uint64)
    counter[:, 2] = step
    u = (philox4x32(counter, (seed, purpose)).astype(np.float64) + 0.5) / 2.0**32
    radius = np.sqrt(-2.0 * np.log(u[:, 0::2]))  # [blocks, 2]
    angle = 2.0 * np.pi * u[:, 1::2]
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)  # [blocks, pair, cos/sin]
    return z.reshape(-1)[:n].astype(np.float32).reshape(dims)
