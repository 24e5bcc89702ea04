"""A regression that says how sure it is: what the model-based strategy predicts with."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, Kernel, WhiteKernel

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Surrogate:
    """A Gaussian process of a linear part, a smooth part and noise, over standardised features."""

    process: GaussianProcessRegressor
    mean: Floats
    scale: Floats

    def __call__(self, features: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of an observation at (points, features), noise counted."""
        standard = (features - self.mean) / self.scale
        mean, deviation = self.process.predict(standard, return_std=True)
        return mean, deviation

    @property
    def kernel(self) -> Kernel:
        """The fitted one."""
        return self.process.kernel_


def fitted(
    features: Floats,
    targets: Floats,
    variances: Floats | None = None,
    kernel: Kernel | None = None,
) -> Surrogate:
    """Conditioned on (points, features) and (points,), by the most likely kernel if left out.

    ``variances`` are those of the targets beyond the noise that all have.
    """
    mean, scale = features.mean(0), features.std(0)
    scale[scale < 1e-9] = 1.0  # of one value so far, and zero after the mean is taken off
    extra = np.zeros(len(targets)) if variances is None else variances
    process = GaussianProcessRegressor(
        kernel or _first_kernel(features.shape[1]),
        alpha=1e-8 + extra / max(float(np.var(targets)), 1e-12),
        optimizer=None if kernel else "fmin_l_bfgs_b",
        normalize_y=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a bound that is reached will do
        process.fit((features - mean) / scale, targets)
    return Surrogate(process, mean, scale)


def _first_kernel(features: int) -> Kernel:
    """To fit from, for standardised targets: the sums over features are of order one."""
    near = features**0.5
    linear = ConstantKernel(0.3 / features, (1e-3 / features, 10 / features)) * DotProduct(
        0.0, "fixed"
    )
    smooth = ConstantKernel(0.5, (1e-2, 10.0)) * RBF(near, (0.3 * near, 10 * near))
    return linear + smooth + WhiteKernel(0.3, (1e-3, 1.0))
