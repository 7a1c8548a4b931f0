"""The evaluation's figures against independent implementations: scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from sklearn.metrics import cohen_kappa_score
from sklearn.metrics.pairwise import polynomial_kernel

from odm.evaluation import statistics as st

CPU = torch.device("cpu")
RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(60, 24)), RNG.normal(0.2, 1.2, size=(45, 24))


def test_kid_is_the_unbiased_polynomial_mmd() -> None:
    kaa, kbb, kab = (polynomial_kernel(x, y, degree=3, gamma=1 / 24, coef0=1) for x, y in ((A, A), (B, B), (A, B)))
    n, m = len(A), len(B)
    want = (kaa.sum() - np.trace(kaa)) / (n * (n - 1)) + (kbb.sum() - np.trace(kbb)) / (m * (m - 1)) - 2 * kab.mean()
    got, _ = st.kid(A, B, 0, CPU)
    assert got.value == pytest.approx(want, rel=1e-10)
    assert got.low < got.value < got.high
    assert got.n == n


def test_the_interval_of_kid_covers_the_truth() -> None:
    """Two sets of one distribution: the true value is zero, and 95 % intervals hold it nearly always."""
    rng = np.random.default_rng(8)
    inside = 0
    for k in range(60):
        e, _ = st.kid(rng.normal(size=(40, 8)), rng.normal(size=(50, 8)), k, CPU, resamples=200)
        inside += e.low <= 0 <= e.high
    assert inside >= 50


def test_bootstrapped_kid_is_not_biased_by_duplicates() -> None:
    value, resampled = st.kid(A, B, 1, CPU)
    assert abs(resampled.mean() - value.value) < 0.15 * (value.high - value.low)


def test_frechet_distance_against_the_matrix_root() -> None:
    s1, s2 = np.cov(A, rowvar=False), np.cov(B, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2).real
    want = ((A.mean(0) - B.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * root)
    assert st.frechet(A, B, 0, 5).value == pytest.approx(want, rel=1e-6)


def test_frechet_distance_in_more_dimensions_than_pictures() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(12, 40)), rng.normal(size=(15, 40)) + 0.3
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    half = scipy.linalg.sqrtm(s1 + 1e-12 * np.eye(40)).real
    root = np.sqrt(np.clip(np.linalg.eigvalsh(half @ s2 @ half), 0, None)).sum()
    want = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s1 + s2) - 2 * root
    got = st.frechet(a, b, 0, 10)
    assert got.value == pytest.approx(want, rel=1e-4)
    assert got.high > got.value


def test_quadratic_kappa() -> None:
    truth = RNG.integers(0, 4, 200)
    read = np.clip(truth + RNG.integers(-1, 2, 200), 0, 3)
    got, _ = st.kappa_estimate(truth, read, 4, 0)
    assert got.value == pytest.approx(cohen_kappa_score(truth, read, weights="quadratic"))
    assert got.low < got.value < got.high


def test_agreement_by_grade() -> None:
    truth, read = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    found = st.agreement(truth, read, read.astype(float), [0.0, 1.0, 2.0], 0)
    assert found["confusion"] == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    assert [g["recall"]["value"] for g in found["byGrade"]] == pytest.approx([1 / 2, 1, 2 / 3])
    assert found["mae"]["value"] == pytest.approx(0.5)


def test_mann_whitney() -> None:
    a, b = np.round(RNG.normal(0, 1, 80), 1), np.round(RNG.normal(0.4, 1, 60), 1)  # rounded: ties
    want = scipy.stats.mannwhitneyu(a, b, alternative="less", method="asymptotic")
    got = st.mann_whitney_less(a, b, 0)
    assert got["u"] == pytest.approx(80 * 60 - want.statistic)
    assert got["p"] == pytest.approx(want.pvalue, rel=1e-6)
    assert got["superiority"]["interval"][0] < got["superiority"]["value"] == got["u"] / 4800


def test_a_share_of_nothing_still_has_an_upper_end() -> None:
    none = st.share(0, 500)
    want = scipy.stats.binomtest(0, 500).proportion_ci(method="wilson")
    assert (none.low, none.high) == pytest.approx((want.low, want.high), abs=1e-12)


def test_resampling_is_seeded() -> None:
    assert st.mean(A[:, 0], 5) == st.mean(A[:, 0], 5)
    assert st.mean(A[:, 0], 5) != st.mean(A[:, 0], 6)
