"""One batch of events in one transaction: the runs, cancels and moves of subjects that they mean."""
