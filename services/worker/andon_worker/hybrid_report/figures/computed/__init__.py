"""Columns that follow from others, as a total from its parts: that they go together is no finding."""
