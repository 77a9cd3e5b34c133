"""What one can do with a run."""
