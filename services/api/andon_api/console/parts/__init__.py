"""What pages of the console are made of: forms, timelines, charts, and how things are shown."""
