"""Principal components: partial sums that add up, one eigenproblem, and how well neighbours agree."""
