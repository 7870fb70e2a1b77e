"""What an event's data are to be, as a model and as a shape."""
