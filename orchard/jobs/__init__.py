"""The three Spark jobs: what `spark_jobs/*.py` call. Only this package touches Spark."""
