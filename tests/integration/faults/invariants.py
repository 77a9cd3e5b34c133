"""What must hold of every run, whatever breaks."""

from tests.integration.faults.outcome import Outcome

ENDED = {"TERMINATED", "TERMINATED_WITH_ERRORS"}
NETWORK = ("primary", "workers", "service access")
HEADLINES = {
    "SUCCEEDED": ("Orchard: done", " has ended"),
    "FAILED": ("Orchard: failed", "Orchard: refused", "Orchard: cluster left over", " has ended"),
    "ABORTED": ("Orchard: stopped",),
    "TIMED_OUT": ("Orchard: timed out",),
}
"""How the subject of a notice begins, or ends where nobody could describe the run."""


def holds(found: Outcome, *, notices: int, earlier: int = 0) -> None:
    """No cluster is alive, people were told once, what they were told is true, and the books balance.

    Args:
        found: What came of the run, once nothing moved any more.
        notices: How many notices there must be; none where nobody can be told.
        earlier: How many of them told of ends after which it was redriven.
    """
    assert {one.state for one in found.clusters} <= ENDED, found.clusters
    assert all(len(one.groups - {None}) == len(NETWORK) for one in found.clusters), "in the stack's own network"
    assert len(found.notices) == notices, [one.subject for one in found.notices]
    for notice in found.notices[earlier:]:
        assert any(words in notice.subject for words in HEADLINES[found.status]), (found.status, notice.subject)
        assert len(notice.subject) <= 100
        assert notice.subject.isascii()
    if found.status == "SUCCEEDED":
        assert found.has_results
        assert set(found.clusters[-1].steps.values()) == {"COMPLETED"}
        assert found.error == found.cause == ""
    elif found.status == "FAILED":
        assert found.error
        assert found.cause
        assert not found.has_results or "left over" in found.notices[0].subject, "a failure that is none"
    if found.error == "ArchiveRefused":
        assert not found.clusters, "a cluster for an archive that was refused"
    if found.has_results:
        counts = found.counts
        out = ("directories", "ignored", "skipped", "rejected_in_unzip", "images")
        assert counts["entries"] == sum(counts[name] for name in out)
        assert counts["images"] == counts["features"] + counts["rejected_in_featurize"]
