"""What operators see of requests: log lines, metrics, spans."""
