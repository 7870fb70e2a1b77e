"""Lines of queued runs: a queue's ordinary runs, its cleanup runs, and those that are tried alone."""

URGENT = ".urgent"  # what the name of a line adds to that of its queue
ALONE = ".alone"
