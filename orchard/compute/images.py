"""Which images of EMR's workers have the Python that the jobs run on."""

from __future__ import annotations

import re

RELEASE_LABEL = "emr-7.13.0"
"""What the template deploys by default; the same Spark 3.5.6 as that of a cluster's release."""

_SINCE = (7, 13)
"""The first release whose image has a python3.11, by which PySpark runs there (Amazon EMR 7.13.0 release notes;
a public README runs `/usr/bin/python3.11` in `public.ecr.aws/emr-serverless/spark/emr-7.13.0`). Images of 7.2 to 7.11
have 3.9 alone: everybody's Dockerfile installs 3.11 into them. Of the images for EKS nobody says it; they are made of
the same release."""


def has_python(release: str) -> bool:
    """Whether the image of a release has the Python 3.11 that the jobs run on, as far as is known.

    Args:
        release: Its label, `emr-7.13.0` say; on EKS `emr-7.13.0-latest`.
    """
    found = re.fullmatch(r"emr-(\d+)\.(\d+)\.\d+(-[\w-]+)?", release)
    return found is not None and (int(found[1]), int(found[2])) >= _SINCE
