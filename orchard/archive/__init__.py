"""The zip: a ranged source, its directory, the checks, the plan of spans, and reading one span.

source = open_source("s3://bucket/fruits.zip")         # sources/open.py
inventory = inspect(source)                            # checks.py; or raises an ArchiveRefusedError
for span in plan_spans(inventory):                     # spans.py; one task each
    for item in read_span(reopen(reference), span):    # members.py
        ...                                            # a Picture or a Rejection
"""
