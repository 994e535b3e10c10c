"""Mean and variance, or covariance, of the channels of features that come piece by piece.

Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
Variances", COMPSTAT 1982 (how two pieces' moments become those of both together).
"""

import torch
from torch import Tensor

from impasto.checks import check_shape
from impasto.errors import InputError
from impasto.features.statistics import covariance

_POSITIONS = 1 << 16
"""Positions that are widened to float64 at once; more would cost as much memory as the network."""


class Moments:
    """What has been seen so far; in float64, so that a picture may have any number of pieces."""

    def __init__(self) -> None:
        self.count = 0
        self._mean = torch.zeros(0, dtype=torch.float64)
        self._squares = torch.zeros(0, dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """Take in one piece.

        Args:
            features: (1, C, h, w), floating point; no positions at all are allowed.

        Raises:
            ShapeError: ``features`` is not (1, C, h, w).
        """
        check_shape(features, "1 C h w", name="features")
        if not features.numel():
            return
        for rows in torch.split(features[0], max(1, _POSITIONS // features.shape[-1]), dim=1):
            # Not every device has float64.
            here = rows.cpu() if rows.device.type == "mps" else rows
            flat = here.to(torch.float64).flatten(1)  # (C, n)
            variance, mean = torch.var_mean(flat, dim=1, correction=0)
            self._merge(flat.shape[1], mean.cpu(), variance.cpu() * flat.shape[1])

    def _merge(self, count: int, mean: Tensor, squares: Tensor) -> None:
        if not self.count:
            self.count, self._mean, self._squares = count, mean, squares
            return
        total = self.count + count
        delta = mean - self._mean
        self._mean = self._mean + delta * (count / total)
        self._squares = self._squares + squares + delta.square() * (self.count * count / total)
        self.count = total

    def result(self) -> tuple[Tensor, Tensor]:
        """Mean and biased variance, each (1, C, 1, 1), float32, on the CPU.

        Raises:
            InputError: Nothing has been added.
        """
        if not self.count:
            raise InputError("moments need at least one position; add features first.")
        mean, variance = self._mean, self._squares / self.count
        return mean.float().view(1, -1, 1, 1), variance.float().view(1, -1, 1, 1)


class Comoments:
    """Mean and covariance of what has been seen so far; in float64, as Moments."""

    def __init__(self) -> None:
        self.count = 0.0
        self._mean = torch.zeros(0, dtype=torch.float64)
        self._products = torch.zeros(0, dtype=torch.float64)

    def add(self, features: Tensor, weights: Tensor | None = None) -> None:
        """Take in one piece.

        Args:
            features: (1, C, h, w), floating point; no positions at all are allowed.
            weights: (1, 1, h, w), at least 0, how much each position counts; None: each 1.

        Raises:
            ShapeError: ``features`` is not (1, C, h, w).
        """
        check_shape(features, "1 C h w", name="features")
        positions = features.shape[-2] * features.shape[-1]
        count = float(positions if weights is None else weights.sum())
        if not len(self._mean):
            channels = features.shape[1]
            self._mean, self._products = (
                torch.zeros(shape, dtype=torch.float64) for shape in (channels, (channels,) * 2)
            )
        if not count:
            return
        mean, products = (part[0].cpu().double() for part in covariance(features, weights))
        total = self.count + count
        delta = mean - self._mean
        self._mean = self._mean + delta * (count / total)
        between = torch.outer(delta, delta) * (self.count * count / total)
        self._products = self._products + products * count + between
        self.count = total

    def result(self) -> tuple[Tensor, Tensor]:
        """Mean (1, C) and biased covariance (1, C, C), float32, on the CPU; 0 where nothing counts.

        Raises:
            InputError: Nothing has been added.
        """
        if not len(self._mean):
            raise InputError("moments need at least one position; add features first.")
        covariances = self._products / max(self.count, 1e-12)
        return self._mean.float()[None], covariances.float()[None]
