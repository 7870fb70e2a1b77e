"""A table that somebody else made, a function whose runs it tells the truth about, and a page over it.

`docs/your-table.md` walks through it.
"""
