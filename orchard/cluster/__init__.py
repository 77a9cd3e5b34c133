"""The cluster of a run: how large, with what settings, for how long and for how much. Pure: nothing here calls AWS."""
