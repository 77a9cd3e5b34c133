"""Where everything lives: run ids, the files of a run, the files of a release.

Nobody else builds a key or a URI of ours. A URI is kept as the user wrote it, never percent-encoded: an S3 key may hold
spaces, `#`, `+` and any Unicode, so it is cut at the first `/` after the bucket and not parsed as a web address.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

RUN_ID_TAG = "orchard:run-id"
"""The cluster tag by which `stop_orphans` and the command line find a run's clusters."""

STACK_TAG = "orchard:stack"
"""The cluster tag that says to which stack a cluster belongs."""

EMR_POLICY_TAG = "for-use-with-amazon-emr-managed-policies"
"""What AmazonEMRServicePolicy_v2 acts on where it is `true`, and on nothing else (Amazon EMR Management Guide)."""

STAGES = ("unzip", "featurize", "pca")
"""The stages of a run, in order: the names of steps, of entry points and of records."""

NOT_AS_THEY_ARE = {
    "reduced": "decoded at a fraction of their size, since they are very large",
    "incomplete": "cut short, with grey for the rest",
}
"""What the counts of a run say of images that have features and were not taken as they are: name → in words."""

OPTIONS_METADATA_KEY = "orchard-options"
"""The user metadata of the uploaded zip that holds the run's options (`x-amz-meta-orchard-options`)."""

_MAX_RUN_ID = 80  # an execution's name (StartExecution API model)
_DIGEST = 12


@dataclass(frozen=True)
class ObjectAddress:
    """One object in S3: `s3://bucket/key`."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """The address as `s3://bucket/key`, the key verbatim."""
        return f"s3://{self.bucket}/{self.key}"

    @classmethod
    def parse(cls, uri: str) -> ObjectAddress:
        """Cut `s3://bucket/key` (or `s3a://`, `s3n://`) in two.

        Raises:
            ValueError: The text is not such an address.
        """
        match = re.fullmatch(r"s3[an]?://([^/]+)/(.*)", uri, flags=re.DOTALL)
        if match is None:
            raise ValueError(f"not an s3:// address: {uri!r}")
        return cls(match[1], match[2])


def run_id(bucket: str, key: str, *, version_id: str | None, etag: str = "", sequencer: str = "") -> str:
    """The id of the run that one uploaded object version starts; also the execution's name.

    Args:
        bucket: The input bucket.
        key: The object's key, decoded.
        version_id: Its version; None or `"null"` when the bucket keeps no versions.
        etag: Its ETag, used with the sequencer when there is no version.
        sequencer: The event's sequencer.

    Returns:
        `<slug of the key's stem>-<12 hex digits>`, at most 80 characters of `[a-z0-9-]`.
    """
    identity = [version_id] if version_id and version_id != "null" else [etag.strip('"'), sequencer]
    digest = hashlib.sha256("\n".join([bucket, key, *identity]).encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
    stem = key.rstrip("/").rsplit("/", 1)[-1]
    stem = re.sub(r"(?i)(?<=.)(\.orchard\.json|\.[^.]*)$", "", stem)
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: _MAX_RUN_ID - _DIGEST - 1].strip("-")
    return f"{slug or 'run'}-{digest}"


def is_run_name(text: str) -> bool:
    """Whether an execution of this name can be a run: whether it can be a folder, a tag, a cluster and a partition too.

    Step Functions takes more: any letter, and `.`, `!`, `'`, `(`, `=`, `@`, …
    """
    return re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{_MAX_RUN_ID - 1}}}", text) is not None


def is_run_id(text: str) -> bool:
    """Whether a text is a whole run id, and not a beginning of one."""
    return re.fullmatch(rf"[a-z0-9-]+-[0-9a-f]{{{_DIGEST}}}", text) is not None


@dataclass(frozen=True)
class StoredFile:
    """One file below a folder: its path relative to the folder, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True)
class RunFiles:
    """The files of one run, below a base that is any Hadoop URI or a plain folder."""

    base: str

    @property
    def name(self) -> str:
        """The last segment of the base: the run's id."""
        return self.base.rstrip("/").rpartition("/")[2]

    def _at(self, name: str) -> str:
        return f"{self.base.rstrip('/')}/{name}"

    @property
    def images(self) -> str:
        """Parquet of the pictures themselves, packed."""
        return self._at("images")

    @property
    def metadata(self) -> str:
        """CSV with one line a picture."""
        return self._at("metadata")

    @property
    def metadata_table(self) -> str:
        """The one file of `metadata`, where it has one: up to a million pictures."""
        return self._at("metadata/part-00000.csv")

    @property
    def stats(self) -> str:
        """CSV with the number of pictures by split and label."""
        return self._at("stats")

    @property
    def stats_table(self) -> str:
        """The one file of `stats`."""
        return self._at("stats/part-00000.csv")

    @property
    def rejected(self) -> str:
        """CSV of every member that is in neither `images` nor `features`, and why."""
        return self._at("rejected")

    def rejected_by(self, stage: str) -> str:
        """The one file of `rejected` that a stage writes, and rewrites on a rerun."""
        return self._at(f"rejected/part-{stage}.csv")

    @property
    def ignored(self) -> str:
        """CSV of every entry that is no image of the user's, and why."""
        return self._at("ignored")

    @property
    def ignored_table(self) -> str:
        """The one file of `ignored`."""
        return self._at("ignored/part-00000.csv")

    @property
    def features(self) -> str:
        """Parquet of feature vectors."""
        return self._at("features")

    @property
    def digests(self) -> str:
        """Parquet that tells by its content which picture has which features."""
        return self._at("digests")

    @property
    def components(self) -> str:
        """Parquet of principal components."""
        return self._at("pca")

    @property
    def pca_model(self) -> str:
        """A saved `pyspark.ml.feature.PCAModel`."""
        return self._at("pca_model")

    @property
    def explained_variance(self) -> str:
        """CSV of `component,explained_variance,cumulative`."""
        return self._at("explained_variance.csv")

    @property
    def report(self) -> str:
        """The one-page report."""
        return self._at("report.html")

    @property
    def summary(self) -> str:
        """Counts, timings, parameters and versions."""
        return self._at("summary.json")

    @property
    def plan(self) -> str:
        """What `inspect_archive` decided before the cluster was created."""
        return self._at("plan.json")

    @property
    def sources(self) -> str:
        """What a run reads that has several sources, or a prefix, pinned by `inspect_archive`."""
        return self._at("sources.json")

    def listing(self, number: int) -> str:
        """What was under the prefix that is the source of a number, counted from 0."""
        return self._at(f"sources/{number + 1:05}.csv.gz")

    @property
    def manifest(self) -> str:
        """The list of files; written last, so that a run without it is not complete."""
        return self._at("_manifest.json")

    def end_notice(self, redrives: int) -> str:
        """Written once by `stop_orphans` for each end of an execution: a redelivered event sends no second mail.

        Args:
            redrives: How often the execution had been redriven when it ended.
        """
        return self._at(f"_ended-{redrives}.json" if redrives else "_ended.json")

    def stage(self, name: str) -> str:
        """The record that a stage writes when it is complete."""
        return self._at(f"_stages/{name}.json")

    def claim(self, name: str) -> str:
        """Names the job that began a stage last: the only one that may complete it."""
        return self._at(f"_stages/{name}.claim")

    def outputs(self, stage: str) -> tuple[str, ...]:
        """The folders and files that a stage leaves, and that its record answers for."""
        return {
            "unzip": (self.images, self.metadata, self.stats, self.ignored, self.rejected_by("unzip")),
            "featurize": (self.features, self.digests, self.rejected_by("featurize")),
            "pca": (self.components, self.pca_model, self.explained_variance),
        }[stage]

    def relative(self, uri: str) -> str:
        """The path of one of the run's files below the base."""
        return uri.removeprefix(self._at(""))

    def absolute(self, path: str) -> str:
        """The URI of a path below the base."""
        return self._at(path)


RESULTS = (
    *("images", "metadata", "stats", "rejected", "ignored", "features", "digests", "pca", "pca_model"),
    *("explained_variance.csv", "report.html", "summary.json"),
)
"""What a complete run holds for people and programs: folders, and files."""

RUNS_PREFIX = "runs/"
"""The key prefix of all runs in the results bucket."""

LOGS_PREFIX = "logs/"
"""The key prefix of all runs' logs in the results bucket."""


INDEX_PREFIX = "index/"
"""The key prefix, in the results bucket, of what tells which runs have been planned for which content. The last part of
each key is a run."""


def content_entries(content: str) -> str:
    """The key prefix of the entries of runs with one content, with its final slash."""
    return f"{INDEX_PREFIX}contents/{content}/"


def content_entry(content: str, made_by: str, run: str) -> str:
    """The key of one such entry, which is empty.

    Args:
        made_by: What makes the features of the run, in one word.
    """
    return f"{content_entries(content)}{made_by}/{run}"


def picture_entries(made_by: str) -> str:
    """The key prefix of the entries of runs whose features are made by the same, with its final slash."""
    return f"{INDEX_PREFIX}pictures/{made_by}/"


def picture_entry(made_by: str, began: float, run: str) -> str:
    """The key of one such entry, which holds the keys of the run's pictures. Later ones come first in a listing.

    Args:
        began: When the run began, seconds since 1970.
    """
    return f"{picture_entries(made_by)}{10**10 - int(began):010}/{run}"


def run_prefix(run: str) -> str:
    """The key prefix of a run in the results bucket, with its final slash."""
    return f"{RUNS_PREFIX}{run}/"


def run_files(results_bucket: str, run: str) -> RunFiles:
    """The files of a run in the results bucket."""
    return RunFiles(ObjectAddress(results_bucket, run_prefix(run).rstrip("/")).uri)


def deletion_note(run: str) -> str:
    """The key, in the results bucket, of the note that a run's results were deleted."""
    return f"deleted/{run}.json"


def log_prefix(run: str) -> str:
    """The key prefix, in the results bucket, under which EMR writes the logs of a run's clusters."""
    return f"{LOGS_PREFIX}{run}/"


@dataclass(frozen=True)
class ReleaseFiles:
    """The files of one release in the artefacts bucket."""

    bucket: str
    release: str

    def key(self, name: str) -> str:
        """The key of one file of the release, by its path inside it."""
        return f"releases/{self.release}/{name}"

    def job(self, stage: str) -> str:
        """The URI of a stage's entry point."""
        return ObjectAddress(self.bucket, self.key(f"spark_jobs/{stage}.py")).uri

    @property
    def package(self) -> str:
        """The URI of `orchard` as a zip for `--py-files`."""
        return ObjectAddress(self.bucket, self.key("orchard.zip")).uri

    @property
    def bootstrap(self) -> str:
        """The URI of the script that each node runs at boot."""
        return ObjectAddress(self.bucket, self.key("bootstrap/install.sh")).uri

    @property
    def driver_pod(self) -> str:
        """The URI of the template of a driver's pod, where jobs run in pods."""
        return ObjectAddress(self.bucket, self.key("bootstrap/driver-pod.yaml")).uri

    def wheelhouse(self, environment: str) -> str:
        """The URI of the folder of wheels (and `requirements.txt`) of a node environment."""
        return ObjectAddress(self.bucket, self.key(f"wheelhouse/{environment}")).uri

    def environment(self, engine: str) -> str:
        """The URI of the archive in which workers without a node find their Python environment."""
        return ObjectAddress(self.bucket, self.key(f"environments/{engine}.tar.gz")).uri


def model_prefix(model_id: str) -> str:
    """The key prefix of a model in the artefacts bucket, with its final slash."""
    return f"models/{model_id}/"


def model_uri(artefacts_bucket: str, model_id: str) -> str:
    """The URI of a model's folder in the artefacts bucket."""
    return ObjectAddress(artefacts_bucket, model_prefix(model_id).rstrip("/")).uri


def image_address(archive: str, member: str) -> str:
    """The address of one picture: the archive's URI, `#`, the member's path."""
    return f"{archive}#{member}"
