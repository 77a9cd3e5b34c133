"""Features are used again as long as the code computes the same: who changes that code is asked whether it does."""

import ast
import hashlib
import re

from orchard.jobs.stages import VERSIONS
from tests.support.paths import ROOT

PIXELS_AND_NETWORK = ("engines", "export", "featurize", "kinds", "network", "parts", "pixels")
LIBRARIES = ("onnxruntime", "pillow", "tensorflow-cpu")


def meaning(source: str) -> str:
    """A module without comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]
                one for one in body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
            ]
    return ast.dump(tree)


def test_code_and_libraries_of_the_features_are_those_of_their_version() -> None:
    found = [meaning((ROOT / "orchard/features" / f"{name}.py").read_text("utf-8")) for name in PIXELS_AND_NETWORK]
    pins = "".join(path.read_text("utf-8") for path in sorted((ROOT / "requirements").glob("node-*.txt")))
    found += sorted(re.findall(rf"^(?:{'|'.join(LIBRARIES)})==\S+", pins, re.MULTILINE))
    digest = hashlib.sha256("\n".join(found).encode()).hexdigest()[:12]
    assert (VERSIONS["featurize"], digest) == (1, "0d230a21c7c0"), (
        "Would any picture have other features, be it in the last bit? Then raise VERSIONS['featurize'] in"
        " orchard/jobs/stages.py, so that no run uses those of an earlier release. Then write both down here."
    )
