# The commands of this project. `make help` lists them; each sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3.11
VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
SCAN := .venv-scan
SCANNERS := $(SCAN)/.ready
PEERS := $(VENV)/.peers
export SAM_CLI_TELEMETRY := 0

WEIGHTS ?= imagenet
ARGS ?=
export ZIP WEIGHTS OUT # read by the shell, which minds spaces in names

.PHONY: help setup demo run test test-integration test-faults test-units test-fast check scan audit bench bench-quick format clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: $(READY) ## the Python environment in .venv

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info[:2] == (3, 11), "Python 3.11 is needed: make PYTHON=/path/to/python3.11"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(READY) ## draw a small zip of fruit, run the whole pipeline on it, leave out/demo/report.html
	$(BIN)/python -m orchard.cli.demo --out out/demo

run: $(READY) ## the same with a real zip: make run ZIP=fruits.zip [WEIGHTS=imagenet|random|PATH] [OUT=dir] [ARGS="--components 50"]
	@test -n "$$ZIP" || { echo 'Which zip?  make run ZIP=path/to/fruits.zip' >&2; exit 2; }
	@name=$$(basename "$$ZIP"); $(BIN)/orchard run "$$ZIP" --local --weights "$$WEIGHTS" --out "$${OUT:-out/$${name%.*}}" $(ARGS)

# what waits more than it works, and the longest run of the others, in a process of its own beside the rest
FAULTS := $(addprefix tests/integration/,faults test_killed.py test_local_cloud_ends.py test_never_twice.py)

test: $(READY) ## all tests, two processes at a time: half of them wait for one core
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target test-integration test-units test-faults

test-integration: $(READY) ## the tests of real Spark and the local cloud
	$(BIN)/python -X utf8 -X warn_default_encoding -m pytest tests/integration $(FAULTS:%=--ignore=%)

test-faults: $(READY) ## of them those in which a run or its cloud is stopped, killed or refused something
	$(BIN)/python -X utf8 -X warn_default_encoding -m pytest $(FAULTS)

test-units: $(READY) ## the others
	$(BIN)/python -X utf8 -X warn_default_encoding -m pytest --ignore=tests/integration

test-fast: $(READY) ## the tests that take no Spark, TensorFlow, local cloud or browser
	$(BIN)/python -X utf8 -X warn_default_encoding -m pytest -m "not slow"

check: $(READY) $(SCANNERS) ## the one gate before a commit: format, lint, types, template and state machine, scans, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/sam validate --lint --region eu-west-1
	$(BIN)/python -m security.scan $(SCAN)/bin
	$(MAKE) --no-print-directory test

# apart from the other environment: checkov pins a boto3 that nothing else here can use
$(SCANNERS): requirements/scan.txt $(READY)
	$(PYTHON) -m venv --without-pip $(SCAN)
	$(BIN)/python -m pip --python $(SCAN)/bin/python install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements/scan.txt
	touch $@

scan: $(READY) $(SCANNERS) ## only the scans of `make check`: rules for the template, secrets in files
	$(BIN)/python -m security.scan $(SCAN)/bin

audit: $(READY) $(SCANNERS) ## ask whether a pinned package is known to be vulnerable; 3 where nobody answers
	$(BIN)/python -m security.audit $(SCAN)/bin

# what only the benchmarks need
$(PEERS): requirements/bench.txt $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements/bench.txt
	touch $@

bench: $(PEERS) ## measure everything beside its peers into docs/benchmarks.md, on an idle machine: make bench [ARGS="--zip fruits.zip"]
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(PEERS) ## the same, small and in minutes, into out/benchmarks.md
	$(BIN)/python -m benchmarks --quick $(ARGS)

format: $(READY) ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove what the commands above made here (the caches of your account stay)
	rm -rf $(VENV) $(SCAN) out .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info spark-warehouse
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
