"""Runs as their executions know them, and JSON that may be anything."""

from hypothesis import strategies as st

from orchard.pipeline.input import GivenArchive
from orchard.pipeline.state import PlannedCost, PlannedRun, RunState

RUN = "fruits-0123456789ab"
DONE = RunState(
    run_id=RUN,
    archive=GivenArchive("in", "früits.zip", "v1", "e", 5),
    plan=PlannedRun(
        run_uri=f"s3://out/runs/{RUN}",
        log_uri=f"s3://out/logs/{RUN}/",
        engine="onnxruntime",
        images=1920,
        classes=24,
        splits={"Training": 1440, "Test": 480},
        estimate=PlannedCost(total_usd=0.47, usd_per_hour=0.3, price_date="2026-11", region="eu-west-1"),
    ),
    launch=1,
    cluster="j-1",
    steps={"unzip": "s-1", "featurize": "s-2", "pca": "s-3"},
)

_KEYS = [
    "run_id", "input", "archive", "bucket", "key", "failure", "termination_failure", "Error", "Cause", "cluster", "id",
    "launch", "attempt", "inspected", "plan", "counts", "splits", "classes", "images", "estimate", "usd_per_hour",
    "cluster_status", "StateChangeReason", "Code", "Message", "ErrorDetails", "steps", "pca", "options", "engine",
]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["ArchiveRefused", '{"a":1}']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS) | st.text(), inner, max_size=6),
    max_leaves=12,
)
OBJECT = st.dictionaries(st.sampled_from(_KEYS), JSON, max_size=8)
