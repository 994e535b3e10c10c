"""Square roots of covariance matrices by multiplications alone, with their gradient.

    Higham, "Functions of Matrices: Theory and Computation", SIAM 2008, section 6.3 (the coupled
    Newton-Schulz iteration, eq. 6.35)

Eigenvalue solvers are slow on graphics cards and their gradient breaks where eigenvalues meet;
this needs neither.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ITERATIONS = 14
"""Enough for a smallest eigenvalue of 1e-5 of the Frobenius norm; below, roots come out small."""


@torch.no_grad()
def matrix_roots(matrix: Tensor, iterations: int = ITERATIONS) -> tuple[Tensor, Tensor]:
    """The square root of a matrix and the inverse of it.

    Args:
        matrix: (..., C, C), symmetric, positive definite, floating point.
        iterations: Of Newton-Schulz; each doubles the digits once it is near.

    Returns:
        The root and its inverse, each (..., C, C), without gradient.
    """
    norm = torch.linalg.matrix_norm(matrix, keepdim=True).clamp_min(1e-30)
    root = matrix / norm
    inverse = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    inverse = inverse.expand_as(matrix)
    three = 3 * inverse
    for _ in range(iterations):
        update = (three - inverse @ root) / 2
        root, inverse = root @ update, update @ inverse
    return root * norm.sqrt(), inverse / norm.sqrt()


def trace_of_root(matrix: Tensor) -> Tensor:
    """tr(M^1/2) of symmetric positive definite matrices, differentiable.

    Args:
        matrix: (..., C, C), floating point.

    Returns:
        (...,): the traces. Their gradient is M^-1/2 / 2.
    """
    return _TraceOfRoot.apply(matrix)  # type: ignore[no-any-return, no-untyped-call]


class _TraceOfRoot(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        root, inverse = matrix_roots(matrix)
        ctx.save_for_backward(inverse)
        return root.diagonal(dim1=-2, dim2=-1).sum(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_trace: Tensor) -> Tensor:
        (inverse,) = ctx.saved_tensors
        slope: Tensor = of_trace[..., None, None] * inverse.mT / 2
        return slope
