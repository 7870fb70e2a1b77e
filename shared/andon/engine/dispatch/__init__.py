"""Decisions that need no store. The dispatcher's: who is let in, which ticks count, in which line a run is, where a
webhook may go. And what the API and the command line tell who sends an event that nobody hears.
"""
