"""The files of a report, each made from its one document."""
