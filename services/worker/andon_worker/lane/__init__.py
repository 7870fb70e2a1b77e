"""What runs in a lane: a process that executes one run at a time, and can always be thrown away."""
