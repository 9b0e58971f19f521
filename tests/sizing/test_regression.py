"""The solvers against scipy's and numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.decide.sizing.regression import nonnegative, run_scales


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(5, 60), columns=st.integers(1, 12), warm=st.booleans())
def test_nonnegative_is_scipys_nnls(seed, rows, columns, warm):
    """Same residual as scipy's solver on the same columns, from any start, up to what the solver's tiny ridge may cost."""
    from scipy.optimize import nnls

    rng = np.random.default_rng(seed)
    a = rng.normal(size=(rows, columns)) * rng.uniform(0.01, 100, columns)
    y = rng.normal(size=rows)
    start = rng.random(columns) < 0.5 if warm else None
    x = nonnegative(a.T @ a, a.T @ y, start)
    other, best = nnls(a, y)
    ridge = 1e-8 * float(np.sum((np.linalg.norm(a, axis=0) * other) ** 2))  # x minimises the residual plus this term
    assert (x >= 0).all()
    assert np.linalg.norm(a @ x - y) ** 2 <= best**2 + ridge + 1e-9


def test_run_scales_solves_the_ridge_equations():
    """Conjugate gradients give what a dense solve gives."""
    rng = np.random.default_rng(3)
    dense = (rng.random((40, 12)) < 0.2) * rng.uniform(0.5, 3, (40, 12))
    rows, columns = np.nonzero(dense)
    residual = rng.normal(size=40)
    x, known = run_scales(rows, columns, dense[rows, columns], residual, 12, 0.7)
    expected = np.linalg.solve(dense.T @ dense + 0.49 * np.eye(12), dense.T @ residual)
    assert x == pytest.approx(expected, abs=1e-4)
    assert ((known >= 0) & (known <= 1)).all()
