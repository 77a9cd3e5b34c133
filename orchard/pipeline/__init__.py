"""The contract with the state machine: what it is given, what its data say, and the names of both."""
