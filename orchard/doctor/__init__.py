"""Whether everything is there that a run needs, asked before one is started. It looks, and never changes anything."""
