"""A whole system under load while something breaks at random, and what must hold then. See `python -m tests.soak`."""
