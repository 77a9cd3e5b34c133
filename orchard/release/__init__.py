"""What a deployment puts into the artefacts bucket: jobs, this package, the bootstrap script, wheels, a model."""
