"""The steps' arguments are what the three jobs take, pinned to one version of the archive."""

import pytest

from orchard.options import RunOptions
from orchard.pipeline.input import ArchiveVersion
from orchard.pipeline.origin import NO_ORIGIN, Origin
from tests.support.stack.template import ARCHIVE, jobs_of

SUBMIT = ["spark-submit", "--py-files", "s3://orchard-artefacts/releases/cafe00000000/orchard.zip"]


def steps(options: RunOptions, archive: ArchiveVersion = ARCHIVE, origin: Origin = NO_ORIGIN) -> dict[str, list[str]]:
    return jobs_of("r", options, archive, origin).commands


def test_each_step_is_a_spark_submit_of_its_job() -> None:
    job = "s3://orchard-artefacts/releases/cafe00000000/spark_jobs"
    run, limit = ["--run", "s3://orchard-results/runs/r"], ["--max-rejected", "0.125"]
    assert steps(
        RunOptions(components=50, fit_split="Training", max_rejected=0.125),
        ArchiveVersion("in", "my fruits+1.zip", "v1", "abc", 10),
    ) == {
        "unzip": [
            *SUBMIT, f"{job}/unzip.py", "--archive", "s3://in/my fruits+1.zip", *run, *limit, "--version-id=v1",
        ],
        "featurize": [
            *SUBMIT, f"{job}/featurize.py", *run, "--model", "s3://orchard-artefacts/models/feed00000000",
            "--engine", "onnxruntime", *limit,
        ],
        "pca": [*SUBMIT, f"{job}/pca.py", *run, "--components", "50", "--fit-split", "Training"],
    }  # fmt: skip


def test_without_a_number_components_are_kept_by_variance() -> None:
    assert steps(RunOptions())["pca"][-2:] == ["--variance", "0.9"]


def test_pictures_that_are_cut_short_are_kept_if_the_user_says_so() -> None:
    *others, limit, share = steps(RunOptions())["featurize"]
    assert steps(RunOptions(truncated="keep"))["featurize"] == [*others, "--truncated", "keep", limit, share]


def test_a_subset_is_the_unzip_jobs_alone_and_a_label_that_begins_with_a_dash_is_no_option() -> None:
    whole, subset = steps(RunOptions()), steps(RunOptions(limit=9, only_label=("-x", "Kiwi")))
    *others, limit, share, pin = whole["unzip"]
    assert subset["unzip"] == [*others, "--limit=9", "--only-label=-x", "--only-label=Kiwi", limit, share, pin]
    assert subset["featurize"] == whole["featurize"]


def test_an_archive_without_a_version_is_pinned_by_its_etag() -> None:
    assert steps(RunOptions(), ArchiveVersion("in", "k.zip", None, "abc-3", 10))["unzip"][-1] == "--etag=abc-3"


def test_a_version_that_begins_with_a_dash_is_no_option() -> None:
    assert steps(RunOptions(), ArchiveVersion("in", "k.zip", "-v", "abc", 10))["unzip"][-1] == "--version-id=-v"


IMAGES, FEATURES, COMPONENTS, KNOWN = (f"s3://orchard-results/runs/{name}" for name in "ifck")


@pytest.mark.parametrize(
    ("origin", "added"),
    [
        (Origin(features=FEATURES), {"pca": ["--features-of", FEATURES]}),
        (Origin(IMAGES, FEATURES), {"pca": ["--images-of", IMAGES, "--features-of", FEATURES]}),
        (Origin(IMAGES), {"featurize": ["--images-of", IMAGES], "pca": ["--images-of", IMAGES]}),
        (
            Origin(IMAGES, known=KNOWN),
            {"featurize": ["--images-of", IMAGES, "--known", KNOWN], "pca": ["--images-of", IMAGES]},
        ),
    ],
)
def test_what_an_earlier_run_has_done_is_no_step_and_the_others_are_told_where_it_is(
    origin: Origin, added: dict[str, list[str]]
) -> None:
    whole = steps(RunOptions())
    assert steps(RunOptions(), origin=origin) == {stage: whole[stage] + words for stage, words in added.items()}


def test_components_of_an_earlier_run_are_taken_as_they_are() -> None:
    whole = steps(RunOptions())
    applied = steps(RunOptions(fit_split="Training"), origin=Origin(components=COMPONENTS))
    pca = [*whole["pca"][:-2], "--components-of", COMPONENTS]
    assert applied == {**whole, "pca": pca}
