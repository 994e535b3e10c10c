"""Laws of the square roots."""

import numpy as np
import torch

from impasto.features.roots import matrix_roots, trace_of_root


def positive(size, seed=0, least=0.05):
    generator = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    values = torch.linspace(least, 3, size, dtype=torch.float64)
    return (basis * values) @ basis.mT


def test_the_root_squared_is_the_matrix():
    matrix = positive(12)
    root, inverse = matrix_roots(matrix)
    torch.testing.assert_close(root @ root, matrix)
    torch.testing.assert_close(root @ inverse, torch.eye(12, dtype=torch.float64))


def test_a_stack_is_taken_matrix_by_matrix():
    stack = torch.stack([positive(6, seed) for seed in range(3)])
    for one, root in zip(stack, matrix_roots(stack)[0], strict=True):
        torch.testing.assert_close(root, matrix_roots(one)[0])


def test_the_trace_is_the_sum_of_the_roots_of_the_eigenvalues():
    matrix = positive(20, least=1e-3)
    wanted = np.sqrt(np.linalg.eigvalsh(matrix.numpy())).sum()
    assert abs(float(trace_of_root(matrix)) - wanted) < 1e-6 * wanted


def test_the_gradient_of_the_trace_is_half_the_inverse_root():
    matrix = positive(5).requires_grad_()
    # Along symmetric directions alone: the root of another matrix is not meant.
    assert torch.autograd.gradcheck(lambda m: trace_of_root((m + m.mT) / 2), (matrix,))


def test_a_matrix_of_zeros_has_a_finite_root():
    root, _ = matrix_roots(torch.zeros(4, 4))
    assert torch.isfinite(root).all()
