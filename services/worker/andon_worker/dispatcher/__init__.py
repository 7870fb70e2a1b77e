"""The dispatcher: turns events into runs and cancel flags, in order, one active per partition of the bus."""
