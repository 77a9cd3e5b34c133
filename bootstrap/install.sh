#!/usr/bin/env bash
# Give this node a Python 3.11 of its own, from the wheels in the artefacts bucket. Runs on every node at boot.
#
#   install.sh <s3 URI of a wheelhouse> <folder of the virtual environment> <region>
#
# Nothing is fetched from a package index: a private subnet has none, and a boot must not depend on one. Nothing is
# installed into the system's Python: pip as root breaks what the node's own tools are made of. Whatever fails ends the
# script, and EMR then ends the node with the reason. A second run finds the environment complete and does nothing.
set -Eeuo pipefail
trap 'echo "orchard bootstrap: failed at line $LINENO: $BASH_COMMAND" >&2' ERR

if [ $# -ne 3 ]; then
  echo "usage: install.sh WHEELHOUSE_URI VENV_DIR REGION" >&2
  exit 2
fi
wheelhouse=${1%/}
venv=$2
# what spark-env tells later programs is not there yet; the AWS CLI would sign for us-east-1
export AWS_DEFAULT_REGION=$3 AWS_METADATA_SERVICE_NUM_ATTEMPTS=5 AWS_METADATA_SERVICE_TIMEOUT=5
environment=$(basename "$venv") # named as the engine, whose module is what the environment is for

folder=$(dirname "$venv")
mkdir -p "$folder" 2>/dev/null || { sudo mkdir -p "$folder" && sudo chown "$(id -u):$(id -g)" "$folder"; }
work=$(mktemp -d "$folder/install.XXXXXX") # on the data volume: the root volume is small
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

check() {
  "$venv/bin/python" -c '
import importlib, sys
assert sys.version_info[:2] == (3, 11), sys.version
for module in ("boto3", "jinja2", "numpy", "PIL", "plotly", "pyarrow", sys.argv[1]):
    importlib.import_module(module)
' "$environment"
}

aws s3 cp --only-show-errors "$wheelhouse/requirements.txt" "$work/requirements.txt"
complete=$venv/.complete-$(sha256sum "$work/requirements.txt" | cut -c1-64)
if [ -e "$complete" ]; then
  check
  echo "orchard bootstrap: $venv is complete"
  exit 0
fi

if ! python=$(command -v python3.11); then
  sudo dnf install -y -q python3.11
  python=$(command -v python3.11)
fi
aws s3 cp --only-show-errors --recursive "$wheelhouse/" "$work/wheels"
rm -rf "$venv"
"$python" -m venv --without-pip "$venv"
# pip is a wheel in the wheelhouse like the others: a zip, which Python runs as it is. It checks the others by their
# hashes, and nobody but us checks it.
pip=$(echo "$work"/wheels/pip-*.whl)
grep -qF "sha256:$(sha256sum "$pip" | cut -c1-64)" "$work/requirements.txt"
"$venv/bin/python" "$pip/pip" install --quiet --no-index --find-links "$work/wheels" \
  --no-deps --require-hashes --requirement "$work/requirements.txt"
check
chmod -R a+rX "$folder" # YARN runs containers as another user
touch "$complete"
echo "orchard bootstrap: $venv is ready"
