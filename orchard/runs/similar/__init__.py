"""Which images of a run are most like a picture: on this machine, without Spark, from the run's own files and model.

`results` is where these files are; `index` what is kept of them in the cache; `model` brings the model; `nearest` asks
the one with the other; `pictures` reads what is asked about; `page` shows the answers.
"""
