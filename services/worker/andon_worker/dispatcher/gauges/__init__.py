"""What the two stores say of the whole system, asked when Prometheus asks."""
