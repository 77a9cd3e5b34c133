"""What runs have left is found in the buckets, chosen by name, and deleted with all its versions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchard import layout
from orchard.aws.stack import Stack
from orchard.errors import OrchardError, UsageError
from orchard.runs import cleanup
from orchard.runs.cleanup import RunObjects, StoredRuns, Version
from tests.support.cloud import awsfakes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3 import S3Client

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
INPUT = awsfakes.OUTPUTS["InputBucketName"]
RESULTS = awsfakes.OUTPUTS["ResultsBucketName"]
STACK = Stack(
    "orchard", INPUT, RESULTS, "artefacts", "arn:machine", "arn:topic", "subnet-1", "r1", "m1", "onnxruntime", "emr-ec2"
)


def objects(run: str, days: float, *keys: str) -> RunObjects:
    written = NOW - timedelta(days=days)
    return RunObjects(run, tuple(Version(key, "null", 10, written) for key in keys or ("k",)))


RUNS = (objects("fruits-2", 1), objects("fruits-1", 40), objects("pears-1", 90))


def chosen(*names: str, days: float | None = None, everything: bool = False) -> list[str]:
    older_than = None if days is None else timedelta(days=days)
    return [
        one.run for one in cleanup.choose(StoredRuns("outputs", RESULTS, RUNS, ()), names, older_than, everything, NOW)
    ]


class TestChoose:
    def test_by_name(self) -> None:
        assert chosen("pears", "fruits-1", "pears-1") == ["pears-1", "fruits-1"]

    def test_by_age(self) -> None:
        assert chosen(days=40) == ["fruits-1", "pears-1"]
        assert chosen("fruits-1", "fruits-2", days=30) == ["fruits-1"]

    def test_all(self) -> None:
        assert chosen(everything=True) == ["fruits-2", "fruits-1", "pears-1"]
        assert chosen(everything=True, days=60) == ["pears-1"]

    def test_nothing_goes_unless_it_is_named(self) -> None:
        with pytest.raises(UsageError, match="Name what to delete"):
            chosen()

    def test_some_and_all_contradict_each_other(self) -> None:
        with pytest.raises(UsageError, match="not both"):
            chosen("pears", everything=True)

    def test_a_name_of_several_is_no_name(self) -> None:
        with pytest.raises(UsageError, match="More than one"):
            chosen("fruits")

    @pytest.mark.parametrize(("text", "hours"), [("12h", 12), ("30d", 720), ("2w", 336), ("0d", 0)])
    def test_an_age(self, text: str, hours: int) -> None:
        assert cleanup.age(text) == timedelta(hours=hours)

    @pytest.mark.parametrize("text", ["30", "d", "-1d", "1.5d", "30 d", "999999d", "1m"])
    def test_what_is_no_age(self, text: str) -> None:
        with pytest.raises(UsageError, match="is not an age"):
            cleanup.age(text)


class TestToDelete:
    def test_markers_go_with_the_last_version_of_their_object(self) -> None:
        markers = tuple(Version(key, f"m-{key}", 0, NOW) for key in ("a.zip", "b.zip", "c.zip"))
        one, other = (
            objects("fruits-1", 1, "a.zip", "b.zip"),
            RunObjects("fruits-2", (Version("b.zip", "v2", 10, NOW),)),
        )
        stored = StoredRuns("uploads", INPUT, (one, other), markers)
        assert [version.id for version in cleanup.to_delete(stored, [one])] == ["null", "null", "m-a.zip"]
        assert {version.id for version in cleanup.to_delete(stored, [one, other])} == {
            "null",
            "v2",
            "m-a.zip",
            "m-b.zip",
        }
        assert cleanup.to_delete(stored, []) == []


def put(s3: S3Client, bucket: str, key: str) -> str:
    return s3.put_object(Bucket=bucket, Key=key, Body=b"12345").get("VersionId", "null")


def versions(s3: S3Client, bucket: str) -> list[str]:
    answer = s3.list_object_versions(Bucket=bucket)
    return sorted(one["Key"] for kind in ("Versions", "DeleteMarkers") for one in answer.get(kind, []))  # type: ignore[attr-defined]


def versions_of(s3: S3Client) -> set[str]:
    return set(versions(s3, INPUT))


class TestInS3:
    def test_outputs_and_logs_by_run(self, s3: S3Client) -> None:
        for key in (
            "runs/fruits-1/report.html",
            "runs/fruits-1/pca/part-0",
            "runs/fruits-2/x",
            "logs/fruits-1/j-1/y",
            "index/pictures/onnx/1/fruits-2",
        ):
            put(s3, RESULTS, key)
        outputs = cleanup.gather(s3, STACK, "outputs")
        assert {one.run: (len(one.versions), one.size) for one in outputs.runs} == {
            "fruits-1": (2, 10),
            "fruits-2": (2, 10),
        }
        logs = cleanup.gather(s3, STACK, "logs")
        assert [one.run for one in logs.runs] == ["fruits-1"]
        done: list[int] = []
        cleanup.delete(s3, RESULTS, cleanup.to_delete(logs, logs.runs), done.append)
        assert versions(s3, RESULTS) == [
            "index/pictures/onnx/1/fruits-2",
            "runs/fruits-1/pca/part-0",
            "runs/fruits-1/report.html",
            "runs/fruits-2/x",
        ]
        assert done == [1]

    def test_an_upload_is_the_one_version_that_its_run_is_about(self, s3: S3Client) -> None:
        first, second = (put(s3, INPUT, "Fruits.zip") for _ in range(2))
        s3.delete_object(Bucket=INPUT, Key="Fruits.zip")
        stored = cleanup.gather(s3, STACK, "uploads")
        by_run = {one.run: one for one in stored.runs}
        run = layout.run_id(INPUT, "Fruits.zip", version_id=first)
        assert set(by_run) == {run, layout.run_id(INPUT, "Fruits.zip", version_id=second)}
        cleanup.delete(s3, INPUT, cleanup.to_delete(stored, [by_run[run]]), lambda _: None)
        assert [one["VersionId"] for one in s3.list_object_versions(Bucket=INPUT)["Versions"]] == [second]
        stored = cleanup.gather(s3, STACK, "uploads")
        cleanup.delete(s3, INPUT, cleanup.to_delete(stored, stored.runs), lambda _: None)
        assert versions(s3, INPUT) == []

    def test_of_a_bucket_that_was_there_only_what_started_a_run_is_touched(self, s3: S3Client) -> None:
        ours, theirs = put(s3, INPUT, "ours.zip"), put(s3, INPUT, "ours.zip")
        put(s3, INPUT, "theirs.zip")
        s3.delete_object(Bucket=INPUT, Key="ours.zip")
        given = replace(STACK, owns_input_bucket=False)
        stored = cleanup.gather(s3, given, "uploads", {("ours.zip", ours): "ours-1"})
        assert [objects.run for objects in stored.runs] == ["ours-1"]
        cleanup.delete(s3, INPUT, cleanup.to_delete(stored, stored.runs), lambda _: None)
        left = s3.list_object_versions(Bucket=INPUT)
        assert {(one["Key"], one["VersionId"]) for one in left["Versions"]} >= {("ours.zip", theirs)}
        assert [one["Key"] for one in left["DeleteMarkers"]] == ["ours.zip"], "what was hidden stays hidden"
        assert cleanup.gather(s3, given, "uploads").runs == ()

    def test_without_versions_an_upload_is_known_by_its_etag(self, s3: S3Client) -> None:
        s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Suspended"})
        etag = s3.put_object(Bucket=INPUT, Key="ours.zip", Body=b"12345")["ETag"].strip('"')
        given = replace(STACK, owns_input_bucket=False)
        stored = cleanup.gather(s3, given, "uploads", {("ours.zip", etag): "ours-1", ("ours.zip", "other"): "ours-0"})
        assert [objects.run for objects in stored.runs] == ["ours-1"]

    def test_what_lies_for_requests_belongs_to_those_that_name_it(self, s3: S3Client) -> None:
        asked = {
            "a.orchard.json": ["sources/1/train.zip", "sources/1/both.zip", "fruits.zip"],
            "b.orchard.json": ["sources/1/both.zip", "pictures/"],
            "no.orchard.json": None,
        }
        for key in ("sources/1/train.zip", "sources/1/both.zip", "sources/2/left.zip", "fruits.zip", "pictures/1.jpg"):
            put(s3, INPUT, key)
        ids = {}
        for key, names in asked.items():
            body = json.dumps({"sources": [f"s3://{INPUT}/{name}" for name in names]}) if names else "no JSON"
            made = s3.put_object(Bucket=INPUT, Key=key, Body=body.encode())
            ids[key] = layout.run_id(INPUT, key, version_id=made["VersionId"])
        put_empty = s3.put_object(Bucket=INPUT, Key="empty.orchard.json", Body=b"")
        s3.delete_object(Bucket=INPUT, Key="empty.orchard.json")
        a, b, no = ids.values()

        def left(*runs: str, going_on: Sequence[str] = ()) -> set[str]:
            stored = cleanup.gather(s3, STACK, "uploads")
            of = [one for one in stored.runs if one.run in runs]
            return {one.key for one in cleanup.to_delete(stored, of, going_on)}

        everything = [one.run for one in cleanup.gather(s3, STACK, "uploads").runs]
        assert left(a) == {"a.orchard.json", "sources/1/train.zip"}
        assert left(b) == {"b.orchard.json"}, "a run's own uploads, and not the user's pictures"
        assert left(a, b) == {"a.orchard.json", "b.orchard.json", "sources/1/train.zip", "sources/1/both.zip"}
        assert left(no) == {"no.orchard.json"}
        assert layout.run_id(INPUT, "empty.orchard.json", version_id=put_empty["VersionId"]) in everything
        assert left(*everything) == versions_of(s3)
        held = {"fruits.zip", "sources/1/train.zip", "sources/1/both.zip"}
        assert left(*(run for run in everything if run != a), going_on=[a]) == versions_of(s3) - held - {
            "a.orchard.json"
        }
        assert "pictures/1.jpg" not in left(*everything, going_on=[b])

        given = replace(STACK, owns_input_bucket=False)
        [one] = s3.list_object_versions(Bucket=INPUT, Prefix="a.orchard")["Versions"]
        stored = cleanup.gather(s3, given, "uploads", {("a.orchard.json", one["VersionId"]): "a-1"})
        assert [objects.run for objects in stored.runs] == ["a-1"]
        assert {one.key for one in stored.runs[0].versions} == {
            "a.orchard.json", "sources/1/train.zip", "sources/1/both.zip",
        }  # fmt: skip

    def test_pictures_that_have_started_nothing_are_together_by_their_folder(self, s3: S3Client) -> None:
        for key in ("figs/a/1.jpg", "figs/b/2.jpg", "figs/", "1.jpg", "figs/a.zip"):
            put(s3, INPUT, key)
        stored = cleanup.gather(s3, STACK, "uploads")
        assert sorted(sorted(one.key for one in objects.versions) for objects in stored.runs) == [
            ["1.jpg"],
            ["figs/", "figs/a/1.jpg", "figs/b/2.jpg"],
            ["figs/a.zip"],
        ]

    def test_thousands_go_in_batches(self) -> None:
        class Batches:
            sizes: list[int] = []  # noqa: RUF012

            def delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
                self.sizes.append(len(Delete["Objects"]))
                return {}

        s3: Any = Batches()
        done: list[int] = []
        cleanup.delete(s3, RESULTS, [Version(f"k{n}", "null", 1, NOW) for n in range(2001)], done.append)
        assert s3.sizes == done == [1000, 1000, 1]

    def test_what_s3_refuses_is_said(self) -> None:
        class Refuses:
            def delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
                return {"Errors": [{"Key": "k", "Code": "AccessDenied", "Message": "Access Denied"}]}

        s3: Any = Refuses()
        with pytest.raises(OrchardError, match=r"did not delete 1 objects: s3://orchard-results/k: Access Denied"):
            cleanup.delete(s3, RESULTS, [Version("k", "null", 1, NOW)], lambda _: None)
