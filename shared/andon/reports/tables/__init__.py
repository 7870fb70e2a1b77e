"""Which table a file holds: where its rows begin and end, what its columns are called, how its lines are cut."""
