"""Columns that say when by what they are called: parts of a date side by side, a year of months across."""
