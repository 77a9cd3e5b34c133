"""What the roles of the stack may do, judged at every request."""
