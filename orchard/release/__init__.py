"""What a deployment puts into the artefacts bucket: the jobs, this package, the bootstrap script, wheels and a model."""
