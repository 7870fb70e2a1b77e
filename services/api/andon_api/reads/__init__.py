"""What the API and the console show: reads only, each a dict in snake_case that a schema dumps."""
