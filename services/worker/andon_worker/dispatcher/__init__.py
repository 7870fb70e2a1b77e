"""The dispatcher: turns events into runs and cancel flags, in order, one of them active."""
