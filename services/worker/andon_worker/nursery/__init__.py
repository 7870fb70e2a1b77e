"""The nursery: a process that imports the functions' modules once and forks lanes from that image.

It has one thread and never runs a function. It is where everything that a lane leaves behind ends up, and is ended.
"""
