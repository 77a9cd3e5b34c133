"""Functions that really run, and the events that call them."""
