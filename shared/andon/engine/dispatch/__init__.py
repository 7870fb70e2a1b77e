"""Decisions of the dispatcher that need no store: who is let in, which ticks count, in which line a run is."""
