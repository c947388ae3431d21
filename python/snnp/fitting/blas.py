"""Threads of linear algebra in a fit, which are others than those of the engine."""

from threadpoolctl import threadpool_limits


def blas_threads(count: int) -> threadpool_limits:
    """Within it, or in a function that it decorates, NumPy and SciPy have at most so many threads.

    Matrices of a step of training are small: with more than one thread their eigenvectors take twice as long, and on a
    machine that others use, too, many times as long.
    """
    return threadpool_limits(count, user_api="blas")
