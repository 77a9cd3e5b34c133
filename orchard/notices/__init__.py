"""What is said to people when a run has ended."""
