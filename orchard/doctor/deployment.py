"""Whether the stack is whole: what `sam deploy` made, and what was published into it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from orchard.aws import sessions
from orchard.aws.errors import has_object, is_absent
from orchard.compute.base import Access
from orchard.compute.images import has_python
from orchard.compute.registry import COMPUTES
from orchard.doctor.account import worker_quota
from orchard.doctor.checks import Check, ask, has_role, ok, physical_ids, unknown, wrong
from orchard.doctor.sources import source_checks
from orchard.doctor.uploads import upload_checks
from orchard.release.bundle import required_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from boto3.session import Session

    from orchard.aws.stack import Stack
    from orchard.compute.base import Image, Need

_WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
_CLUSTER_ROLES = ("ClusterServiceRole", "NodeRole")
"""The logical ids in template.yaml."""
_PUBLISH_AGAIN = "sam build && sam deploy --parameter-overrides PublishAgain=$(date +%s)"
"""A deployment publishes when something has changed, and this changes something."""


def deployment_checks(session: Session, stack: Stack) -> list[Check]:
    """Look at the stack, its buckets, the EMR roles, what its workers need, the artefacts and who gets the mails."""
    compute, access = COMPUTES[stack.compute], Access(sessions.clients_of(session), stack.outputs)
    quota, image = compute.quota(sessions.DEFAULT_REGION), compute.image
    return [
        ask("Stack", lambda: _stack(session, stack)),
        *(
            ask(name, partial(_bucket, session, name, bucket))
            for name, bucket in (
                ("Input bucket", stack.input_bucket),
                ("Results bucket", stack.results_bucket),
                ("Artefacts bucket", stack.artefacts_bucket),
            )
        ),
        *upload_checks(session, stack),
        *source_checks(session, stack),
        ask("EMR roles", lambda: _roles(session, stack)),
        *([ask("Worker quota", lambda: worker_quota(session, quota))] if quota else []),
        *([ask("Worker image", lambda: _worker_image(image(access)))] if image else []),
        *(ask(title, partial(_needed, title, find, access)) for title, find in compute.needs().items()),
        ask("Artefacts", lambda: _artefacts(session, stack)),
        ask("Mails", lambda: _mails(session, stack)),
    ]


def _stack(session: Session, stack: Stack) -> Check:
    cloudformation = session.client("cloudformation", config=sessions.client_config())
    [described] = cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
    status = described["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        return unknown("Stack", f"{stack.name} is {status}; ask again when it is done")
    if status not in _WHOLE:
        return wrong("Stack", f"{stack.name} is {status}", "sam deploy")
    return ok("Stack", f"{stack.name} is {status}")


def _bucket(session: Session, name: str, bucket: str) -> Check:
    try:
        session.client("s3", config=sessions.client_config()).head_bucket(Bucket=bucket)
    except ClientError as error:
        if is_absent(error):
            return wrong(name, f"{bucket} is gone", "sam delete && sam deploy")
        raise
    return ok(name, bucket)


def _roles(session: Session, stack: Stack) -> Check:
    made = physical_ids(session, stack)
    names = [made[role] for role in _CLUSTER_ROLES if role in made]
    if len(names) < len(_CLUSTER_ROLES):
        return wrong("EMR roles", "the stack has none", "sam deploy")
    for name in names:
        if not has_role(session, name):
            return wrong("EMR roles", f"the role {name} is gone", "sam delete && sam deploy")
    return ok("EMR roles", " and ".join(names))


def _worker_image(image: Image) -> Check:
    """The jobs run on Python 3.11, which has to be in the image of the workers."""
    if image.uri:
        return unknown("Worker image", f"{image.uri} is not made by this stack; the jobs need a python3.11 in it")
    if not has_python(image.release):
        finding = f"the image of {image.release} is not known to have a python3.11, which the jobs need"
        return wrong("Worker image", finding, image.fix)
    return ok("Worker image", f"{image.release}, which has a python3.11")


def _needed(title: str, find: Callable[[Access], Need], access: Access) -> Check:
    """Something that runs need and the stack does not make."""
    need = find(access)
    return wrong(title, need.finding, need.fix) if need.fix else ok(title, need.finding)


def _artefacts(session: Session, stack: Stack) -> Check:
    s3 = session.client("s3", config=sessions.client_config())
    engines = tuple(stack.engines.split(","))
    wanted = required_keys(stack.release, stack.model, engines, archives=COMPUTES[stack.compute].packs_environments)
    missing = [key for key in wanted if not has_object(s3, stack.artefacts_bucket, key)]
    if missing:
        return wrong("Artefacts", f"{', '.join(missing)} is missing", _PUBLISH_AGAIN)
    return ok("Artefacts", f"release {stack.release}, model {stack.model}")


def _mails(session: Session, stack: Stack) -> Check:
    """Nobody need get any; but an address that waits for its confirmation gets none, and nobody notices."""
    sns = session.client("sns", config=sessions.client_config())
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=stack.notice_topic_arn)
    subscriptions = [subscription for page in pages for subscription in page["Subscriptions"]]
    waiting = [one["Endpoint"] for one in subscriptions if one["SubscriptionArn"] == "PendingConfirmation"]
    if waiting:
        finding = f"{', '.join(waiting)} has not confirmed the subscription and gets no mail"
        again = f"--topic-arn {stack.notice_topic_arn} --protocol email --notification-endpoint {waiting[0]}"
        return wrong("Mails", finding, f"aws sns subscribe {again} (sends the confirmation again)")
    if not subscriptions:
        return ok("Mails", "nobody gets them; to get them: sam deploy --parameter-overrides NotificationEmail=…")
    return ok("Mails", f"{len(subscriptions)} subscribed")
