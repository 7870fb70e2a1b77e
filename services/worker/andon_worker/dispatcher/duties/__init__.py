"""The dispatcher's duties: what it does beside taking in events. Each is asked at every look whether it is due."""
