"""Errors of a straight line whose points come in families: points of one family share more than the line explains."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib.threads import one_blas_thread


def family_codes(families: ArrayLike, n: int) -> np.ndarray:
    """Whole numbers from 0 for the families of `n` points. Raises `ValueError` for another number of labels, a missing
    label, and fewer than three families, of which no error follows.

    >>> family_codes(["resnet", "vgg", "resnet", "inception"], 4).tolist()
    [0, 1, 0, 2]
    """
    labels = pd.Series(np.asarray(families, dtype=object).ravel())
    if len(labels) != n:
        raise ValueError(f"families must hold one label for each of {n} dates, not {len(labels)}")
    if labels.isna().any():
        raise ValueError(f"families[{int(labels.isna().argmax())}] is missing: a model alone is a family of its own")
    codes, names = pd.factorize(labels)
    if len(names) < 3:
        raise ValueError(f"errors by family need at least 3 families, not {len(names)}")
    return codes


@one_blas_thread()
def family_covariance(design: np.ndarray, residual: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, float]:
    """Covariance (2, 2) of intercept and slope, and the degrees of freedom of the slope's error.

    The bias-reduced sandwich CR2 with Satterthwaite's degrees of freedom (Bell and McCaffrey 2002): with h the hat
    matrix and g the points of one family::

        covariance = (X'X)^-1 [sum over g of X_g' A_g e_g e_g' A_g X_g] (X'X)^-1,   A_g = (I - h_gg)^(-1/2)

    >>> x = np.column_stack([np.ones(6), np.arange(6.0) - 2.5])
    >>> covariance, freedom = family_covariance(x, np.array([1.0, -1, 1, -1, 1, -1]), np.array([0, 0, 1, 1, 2, 2]))
    >>> covariance.shape, 1.0 < freedom < 2.0
    ((2, 2), True)
    """
    bread = np.linalg.inv(design.T @ design)
    hat = design @ bread @ design.T
    scores, weights = [], []
    for code in range(codes.max() + 1):
        mine = np.flatnonzero(codes == code)
        values, vectors = np.linalg.eigh(np.eye(len(mine)) - hat[np.ix_(mine, mine)])
        # A direction that the family alone decides leaves no residual, and so says nothing of its error.
        power = np.where(values > 1e-10, np.maximum(values, 1e-10) ** -0.5, 0.0)
        adjusted = (vectors * power) @ vectors.T @ design[mine] @ bread
        scores.append(adjusted.T @ residual[mine])
        weight = -hat[:, mine] @ adjusted[:, 1]
        weight[mine] += adjusted[:, 1]
        weights.append(weight)
    covariance = np.array(scores).T @ np.array(scores)
    products = np.array(weights) @ np.array(weights).T
    return covariance, float(np.trace(products) ** 2 / np.sum(products**2))
