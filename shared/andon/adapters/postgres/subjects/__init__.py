"""Subjects: who moves them, and the rows of other tables that follow them."""
