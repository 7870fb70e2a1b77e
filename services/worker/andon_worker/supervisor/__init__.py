"""The process that keeps a worker's promises: it claims runs, holds their leases, writes what they say, and stops them.

It never runs a function, nor imports a module of one: that is what lanes are for.
"""
