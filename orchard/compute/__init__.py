"""What works for a run: how large, for how long, for how much, how it is asked for, found and ended."""
