"""What tests stand on: systems and stores that they start, what they wait by, and what they look at."""
