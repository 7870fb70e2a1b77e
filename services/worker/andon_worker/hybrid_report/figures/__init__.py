"""What is computed of a dataset's columns, for any section that asks."""
