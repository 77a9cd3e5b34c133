"""A stage of the pipeline in small: the files that the real one leaves, without Spark, in a tenth of a second.

A node finds it in the place of `spark-submit` (see `pipeline.py`). What it is told to do first is in the folder `told`
beside it: a shell script by the name of the run's archive and the stage.
"""

# ruff: noqa: S310 (the address is the local cloud's)
import io
import itertools
import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote


def main(arguments: Sequence[str]) -> int:
    [stage] = [Path(word).stem for word in arguments if word.endswith(".py")]
    options = dict(itertools.pairwise(arguments))
    run = options["--run"].removeprefix("s3://").rstrip("/")
    told = Path(__file__).with_name("told") / f"{run.rsplit('/', 1)[1].rsplit('-', 1)[0]}.{stage}"
    if told.exists():
        code = subprocess.run(["bash", str(told)], check=False).returncode
        if code != 0:
            return code
    {"unzip": unzip, "featurize": featurize, "pca": pca}[stage](run, options, arguments)
    return 0


def unzip(run: str, options: dict[str, str], arguments: Sequence[str]) -> None:
    pins = dict(word.split("=", 1) for word in arguments if word.startswith(("--version-id=", "--etag=")))
    version = f"?versionId={pins['--version-id']}" if "--version-id" in pins else ""
    assert version or pins["--etag"]
    archive = get(options["--archive"].removeprefix("s3://"), version)
    names = zipfile.ZipFile(io.BytesIO(archive)).namelist()
    images = [name for name in names if name.endswith(".jpg")]
    counts = {"entries": len(names), "directories": 0, "ignored": len(names) - len(images), "skipped": 0}
    counts["rejected_in_unzip"] = 0
    put(f"{run}/_stages/unzip.json", {**counts, "images": len(images), "classes": 1})


def featurize(run: str, _options: dict[str, str], _arguments: Sequence[str]) -> None:
    counts = json.loads(get(f"{run}/_stages/unzip.json"))
    put(f"{run}/_stages/featurize.json", {**counts, "rejected_in_featurize": 0, "features": counts["images"]})


def pca(run: str, options: dict[str, str], _arguments: Sequence[str]) -> None:
    earlier = options.get("--features-of", "").removeprefix("s3://")
    if earlier:  # which the real stages have left
        records = (json.loads(get(f"{earlier}/_stages/{stage}.json")) for stage in ("unzip", "featurize"))
        counts = {name: count for record in records for name, count in record["counts"].items()}
    else:
        counts = json.loads(get(f"{run}/_stages/featurize.json"))
    put(f"{run}/summary.json", {"counts": counts})
    put(f"{run}/_manifest.json", {"files": [{"path": "summary.json"}]})


@cache
def signed() -> dict[str, str]:
    """The header that says whose request it is, by the node's metadata."""
    node = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
    token = _ask(urllib.request.Request(f"{node}latest/api/token", method="PUT")).decode()
    roles = f"{node}latest/meta-data/iam/security-credentials/"
    own = {"X-aws-ec2-metadata-token": token}
    role = _ask(urllib.request.Request(roles, headers=own)).decode()
    key = json.loads(_ask(urllib.request.Request(roles + role, headers=own)))["AccessKeyId"]
    scope = f"{key}/20261101/eu-west-1/s3/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=none"}


def get(path: str, query: str = "") -> bytes:
    return _ask(urllib.request.Request(_address(path) + query, headers=signed()))


def put(path: str, content: object) -> None:
    body = json.dumps(content).encode()
    _ask(
        urllib.request.Request(
            _address(path), data=body, method="PUT", headers={**signed(), "Content-Type": "application/json"}
        )
    )


def _ask(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request) as answer:
        content: bytes = answer.read()
        return content


def _address(path: str) -> str:
    return f"{os.environ['AWS_ENDPOINT_URL']}/{quote(path)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
