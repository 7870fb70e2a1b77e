"""Entries of the bus, as they are read for the group and found ahead of it."""
