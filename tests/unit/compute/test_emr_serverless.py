"""An application of EMR Serverless can be deleted once it has stopped, and is stopped when no job run is on it."""

from __future__ import annotations

import pytest

from orchard.errors import OrchardError
from tests.support.cloud.job_runs import APPLICATION, FakeServerless

JOBS = FakeServerless.compute


class TestTheEndOfAnApplication:
    def test_one_that_is_started_and_idle_is_stopped(self) -> None:
        fake = FakeServerless()
        fake.add("fruits-1", "pca", "SUCCESS")
        JOBS.leave(fake.access(), {}, fake.pass_time)
        assert (fake.application, fake.sleeps) == ("STOPPED", 1)

    @pytest.mark.parametrize("state", ["CREATED", "STOPPED", "TERMINATED"])
    def test_one_that_can_be_deleted_is_left_alone(self, state: str) -> None:
        fake = FakeServerless()
        fake.application = state
        JOBS.leave(fake.access(), {}, fake.pass_time)
        assert (fake.application, fake.sleeps) == (state, 0)

    def test_one_that_somebody_has_deleted_is_nobodys(self) -> None:
        fake = FakeServerless()
        assert JOBS.leave(fake.access("00fgone"), {}, fake.pass_time) == "00fgone"

    @pytest.mark.parametrize(
        ("before", "after"),
        [("", {}), ("", {"JobApplicationId": APPLICATION}), (APPLICATION, {"JobApplicationId": APPLICATION})],
    )
    def test_one_that_is_not_deleted_is_not_stopped(self, before: str, after: dict[str, str]) -> None:
        fake = FakeServerless()
        assert JOBS.leave(fake.access(before), after, fake.pass_time) == ""
        assert fake.application == "STARTED"

    def test_a_job_that_is_being_cancelled_is_waited_for(self) -> None:
        fake = FakeServerless()
        fake.add("fruits-1", "unzip", "CANCELLING")
        JOBS.leave(fake.access(), {}, fake.pass_time)
        assert (fake.application, fake.sleeps) == ("STOPPED", 2)

    def test_one_that_does_not_stop_is_told_with_its_state(self) -> None:
        fake = FakeServerless()
        with pytest.raises(OrchardError, match="it is STOPPING after 300 seconds") as raised:
            JOBS.leave(fake.access(), {}, lambda _: None)
        assert raised.value.next_command == f"aws emr-serverless stop-application --application-id {APPLICATION}"
