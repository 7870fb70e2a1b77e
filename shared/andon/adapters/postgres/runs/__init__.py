"""Runs: leased by a worker, remembered step by step, settled once."""
