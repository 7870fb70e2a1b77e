"""What is taken for what it says and nothing else: JSON, and the fields of its objects."""
