"""Least squares with non-negative jobs: a smooth baseline is partialled out, the rest is solved on the Gram matrix.

Own solver instead of `scipy.optimize.nnls`: importing scipy.optimize alone costs more than a third of the time that the
whole analysis may take, the day bootstrap solves the same small problem 60 times from nearly the right answer (a warm
start is what scipy's does not offer), and the active-set method is forty lines. scipy's is the oracle in the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.usage import Floats

    Bools = NDArray[np.bool_]


def nonnegative(gram: Floats, target: Floats, start: Bools | None = None) -> Floats:
    """Solve: argmin x'Gx - 2 x't over x >= 0 (fast non-negative least squares, Bro and De Jong 1997).

    `start`: columns that are probably positive.
    """
    import numpy as np

    size = len(target)
    if not size:
        return np.zeros(0)
    scale = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    g = gram / scale[:, None] / scale[None, :] + 1e-8 * np.eye(size)
    t = target / scale
    tolerance = 1e-9 * max(1.0, float(np.abs(t).max()))
    x = np.zeros(size)
    active = np.zeros(size, dtype=bool) if start is None else start.copy()
    if active.any():
        x = _feasible(g, t, x, active)
    for _ in range(5 * size):
        gradient = t - g @ x
        gradient[active] = -np.inf
        best = int(np.argmax(gradient))
        if gradient[best] <= tolerance:
            break
        active[best] = True
        x = _feasible(g, t, x, active)
    return x / scale


def _feasible(g: Floats, t: Floats, x: Floats, active: Bools) -> Floats:
    """Solve on the active columns; step back to the border and drop a column until no entry is negative."""
    import numpy as np

    while True:
        index = np.flatnonzero(active)
        solved = np.zeros(len(t))
        if not len(index):
            return solved
        solved[index] = np.linalg.solve(g[np.ix_(index, index)], t[index])
        if (solved[index] > 0).all():
            return solved
        negative = index[solved[index] <= 0]
        step = x[negative] / np.maximum(x[negative] - solved[negative], 1e-300)
        alpha = float(step.min())
        x = x + alpha * (solved - x)
        gone = negative[step <= alpha + 1e-12]
        active[gone] = False
        x[gone] = 0.0


class Partialled:
    """Normal equations of `y ~ Xa + Zb`, with the baseline Z (ridge R) eliminated."""

    def __init__(self, x: Floats, z: Floats, y: Floats, ridge: Floats, weights: Floats) -> None:
        import numpy as np

        xw, zw, yw = x * weights[:, None], z * weights[:, None], y * weights
        self._zz = zw.T @ zw + np.diag(ridge)
        self._zx, self._zy = zw.T @ xw, zw.T @ yw
        solved = np.linalg.solve(self._zz, np.column_stack([self._zx, self._zy])).astype(np.float64, copy=False)
        self.gram: Floats = xw.T @ xw - self._zx.T @ solved[:, :-1]
        self.target: Floats = xw.T @ yw - self._zx.T @ solved[:, -1]

    def jobs(self, start: Bools | None = None) -> Floats:
        """The non-negative coefficients of X."""
        return nonnegative(self.gram, self.target, start)

    def baseline(self, jobs: Floats) -> Floats:
        """The coefficients of Z that go with them."""
        import numpy as np

        return np.linalg.solve(self._zz, self._zy - self._zx @ jobs).astype(np.float64, copy=False)


def run_scales(
    rows: NDArray[np.int64], columns: NDArray[np.int64], values: Floats, residual: Floats, count: int, ridge: float
) -> tuple[Floats, Floats]:
    """(deviation of each run from its job's mean, how much of it the data determine, 0 to 1).

    Ridge least squares on a sparse matrix (run `columns[i]` adds `values[i]` in bin `rows[i]`), by conjugate gradients.
    """
    import numpy as np

    def forward(x: Floats) -> Floats:
        out: Floats = np.bincount(rows, weights=values * x[columns], minlength=len(residual)).astype(float, copy=False)
        return out

    def backward(r: Floats) -> Floats:
        out: Floats = np.bincount(columns, weights=values * r[rows], minlength=count).astype(float, copy=False)
        return out

    information = np.bincount(columns, weights=values**2, minlength=count)
    diagonal = information + ridge**2
    x = np.zeros(count)
    rest = backward(residual)
    preconditioned = rest / diagonal
    direction = preconditioned.copy()
    product = float(rest @ preconditioned)
    goal = 1e-8 * product
    for _ in range(200):
        if product <= goal:
            break
        image = backward(forward(direction)) + ridge**2 * direction
        step = product / float(direction @ image)
        x += step * direction
        rest = rest - step * image
        preconditioned = rest / diagonal
        fresh = float(rest @ preconditioned)
        direction = preconditioned + fresh / product * direction
        product = fresh
    return x, information / diagonal
