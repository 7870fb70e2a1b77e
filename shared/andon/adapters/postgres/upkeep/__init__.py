"""What operators and `andon prune` ask and do, and what gauges and readiness show."""
