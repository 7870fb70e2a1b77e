"""JSON documents as rows and columns."""
