"""Redis: transport and signal. Losing all of it loses no promise."""
