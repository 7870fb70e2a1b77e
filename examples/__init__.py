"""Runnable examples, one file per kind of work. `ANDON_FUNCTIONS=examples make run` serves them all."""

from examples.blocking_call import wait_in_one_call
from examples.database_query import count_pairs
from examples.http_call import read_slowly
from examples.numpy_product import multiply_matrices
from examples.python_loop import add_up
from examples.subprocess_call import run_program

__all__ = ["add_up", "count_pairs", "multiply_matrices", "read_slowly", "run_program", "wait_in_one_call"]
