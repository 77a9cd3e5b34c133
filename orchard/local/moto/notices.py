"""Notices: what is published to SNS topics, so that somebody can read the mail that nobody gets.

Written for moto 5.2.5, which forgets a mail that has no recipient. Wraps `moto.sns.models.Topic.publish`.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """One message that was published.

    Attributes:
        subject: Its subject; empty without.
    """

    subject: str
    message: str
    topic: str


@contextmanager
def collected_notices(collect: Callable[[Notice], None]) -> Iterator[None]:
    """Hand over what is published.

    Args:
        collect: Gets each message, on the thread that published it. What it raises is logged: a publication has
            nothing to do with who listens.
    """
    from moto.sns.models import Topic

    original = Topic.publish

    def publish(self: Any, message: str, subject: str | None = None, **others: Any) -> str:
        message_id: str = original(self, message, subject=subject, **others)
        try:
            collect(Notice(subject or "", message, self.arn))
        except Exception:
            LOG.exception("A notice was not shown: %s", subject)
        return message_id

    with replaced(Topic, publish=publish):
        yield
