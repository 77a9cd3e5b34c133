"""Run ids and addresses: what everything else finds files by."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard import layout
from orchard.layout import ObjectAddress, ReleaseFiles, image_address, is_run_id, run_files, run_id

keys = st.text(min_size=1, max_size=300)


@given(bucket=st.text(max_size=20), key=keys, version=st.one_of(st.none(), st.text(max_size=40)))
def test_a_run_id_is_always_a_legal_execution_name(bucket: str, key: str, version: str | None) -> None:
    name = run_id(bucket, key, version_id=version, etag="e", sequencer="1")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert len(name) <= 80


def test_a_run_id_begins_with_the_name_of_the_file() -> None:
    assert re.fullmatch(r"fruits-360-2-[0-9a-f]{12}", run_id("b", "in/Fruits 360 (2).zip", version_id="v"))
    assert re.fullmatch(r"epices-a-l-ete-[0-9a-f]{12}", run_id("b", "Épices à l'été.zip", version_id="v"))
    assert re.fullmatch(r"run-[0-9a-f]{12}", run_id("b", "果物.zip", version_id="v"))


def test_the_same_object_version_always_gives_the_same_run() -> None:
    first = run_id("b", "f.zip", version_id="v1", etag="e1", sequencer="1")
    assert run_id("b", "f.zip", version_id="v1", etag='"e1"', sequencer="2") == first
    assert run_id("b", "f.zip", version_id="v2", etag="e1", sequencer="1") != first
    assert run_id("c", "f.zip", version_id="v1") != first
    assert run_id("b", "g/f.zip", version_id="v1") != first


@pytest.mark.parametrize("unversioned", [None, "null", ""])
def test_without_versions_the_etag_and_the_sequencer_tell_uploads_apart(unversioned: str | None) -> None:
    first = run_id("b", "f.zip", version_id=unversioned, etag="e1", sequencer="1")
    assert run_id("b", "f.zip", version_id=unversioned, etag='"e1"', sequencer="1") == first
    assert run_id("b", "f.zip", version_id=unversioned, etag="e1", sequencer="2") != first
    assert run_id("b", "f.zip", version_id=unversioned, etag="e2", sequencer="1") != first


@given(key=keys)
def test_an_address_keeps_the_key_as_it_is(key: str) -> None:
    assert ObjectAddress.parse(ObjectAddress("bucket", key).uri) == ObjectAddress("bucket", key)


@pytest.mark.parametrize("scheme", ["s3", "s3a", "s3n"])
def test_hadoops_other_names_for_s3_are_understood(scheme: str) -> None:
    assert ObjectAddress.parse(f"{scheme}://bucket/a b#c?d%2B.zip") == ObjectAddress("bucket", "a b#c?d%2B.zip")


@pytest.mark.parametrize("text", ["s3:///key", "file:///x", "bucket/key", "s3://bucket"])
def test_anything_else_is_not_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="not an s3:// address"):
        ObjectAddress.parse(text)


def test_the_files_of_a_run_are_where_the_contract_says() -> None:
    files = run_files("results", "fruits-0123456789ab")
    base = "s3://results/runs/fruits-0123456789ab"
    assert (files.images, files.features, files.components) == (f"{base}/images", f"{base}/features", f"{base}/pca")
    assert (files.metadata, files.stats, files.rejected) == (f"{base}/metadata", f"{base}/stats", f"{base}/rejected")
    assert files.metadata_table.startswith(files.metadata + "/")
    assert files.stats_table.startswith(files.stats + "/")
    assert files.rejected_by("unzip").startswith(files.rejected + "/")
    assert (files.pca_model, files.explained_variance) == (f"{base}/pca_model", f"{base}/explained_variance.csv")
    assert (files.report, files.summary) == (f"{base}/report.html", f"{base}/summary.json")
    assert files.manifest == f"{base}/_manifest.json"


def test_every_file_of_a_release_lies_below_its_id() -> None:
    release = ReleaseFiles("artefacts", "0123")
    for uri in (
        release.job("unzip"),
        release.package,
        release.bootstrap,
        release.wheelhouse("onnxruntime"),
        release.environment("onnxruntime"),
    ):
        assert uri.startswith("s3://artefacts/releases/0123/")


def test_a_picture_is_addressed_inside_its_archive() -> None:
    assert image_address("s3://b/my fruits.zip", "T/A 1/x.jpg") == "s3://b/my fruits.zip#T/A 1/x.jpg"


def test_a_whole_run_id_is_told_from_a_beginning_of_one() -> None:
    whole = run_id("bucket", "Fruits 1.zip", version_id="v1")
    assert is_run_id(whole)
    assert not any(is_run_id(whole[:length]) for length in range(len(whole)))


def test_of_the_runs_that_may_know_a_picture_the_latest_are_listed_first() -> None:
    began = (1_700_000_000.9, 1_800_000_000.0, 5.0)
    entries = [layout.picture_entry("m", at, f"run-{at:.0f}") for at in began]
    assert [one.rpartition("/")[2] for one in sorted(entries)] == ["run-1800000000", "run-1700000001", "run-5"]
    assert all(one.startswith(layout.picture_entries("m")) for one in entries)
    assert layout.content_entry("c", "m", "r").startswith(layout.content_entries("c"))
