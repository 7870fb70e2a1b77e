"""The worker service: the dispatcher, which turns events into runs, and the worker, which executes them."""
