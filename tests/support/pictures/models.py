"""Models that the tests export once and keep between runs."""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from orchard.features.errors import ModelDamagedError
from orchard.features.model import ModelFolder
from tests.support.paths import ROOT

_EXPORTER = ("errors", "model", "weights", "network", "export", "engines", "tensorflow_runtime")


def exported(weights: str, cache: Path) -> ModelFolder:
    """The model with these weights; exported by the command line, in a process of its own, unless it is there already.

    The folder's name depends on the code that exports, so that a change of it is never tested on an old model.
    """
    sources = [(ROOT / f"orchard/features/{name}.py").read_bytes() for name in _EXPORTER]
    code = hashlib.sha256(b"".join(sources)).hexdigest()[:12]
    model = ModelFolder(cache / f"{Path(weights).name}-{code}")
    with (cache / ".lock").open("w") as lock:  # the tests run in two processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            model.check()
        except ModelDamagedError:
            command = [sys.executable, "-m", "orchard.features.export", "--weights", weights, "--out", str(model.path)]
            subprocess.run(command, cwd=ROOT, check=True)
    return ModelFolder(model.path)
