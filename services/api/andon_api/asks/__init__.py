"""What can be asked for: the use cases, which routes and console share."""
