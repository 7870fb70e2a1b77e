"""What lets queued runs in: whose turn it is, the limits they wait for, and what keeps them waiting."""
