"""The runs that this worker hosts, and the processes in which they go."""
