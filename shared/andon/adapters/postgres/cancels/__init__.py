"""Cancels: which runs each stops, however late either is handled, and how they are marked."""
