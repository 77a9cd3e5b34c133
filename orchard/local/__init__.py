"""The local cloud: the whole stack on one machine, on moto, with what moto lacks added here.

Every module that changes moto names the version it was written for and the behaviour it replaces. A change lasts as
long as a `LocalCloud` runs, and is undone when it ends: nothing happens at import.
"""
