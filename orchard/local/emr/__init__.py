"""Clusters and job runs that really work, as EMR says that its own do."""
