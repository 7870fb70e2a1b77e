"""What a column means, judged by its values and its name: its type, its role, what a reader is told of it."""
