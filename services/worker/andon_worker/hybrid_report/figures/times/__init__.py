"""What is computed of columns that go with time: periods, series, rows in their order."""
