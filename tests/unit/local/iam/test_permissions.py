"""Moto refuses what a role may not do, and says so as AWS does."""

# ruff: noqa: ANN401 (clients of any service, and their JSON)

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from orchard.diagnose.causes import denial
from orchard.local.iam.permissions import enforced_permissions, statements_of
from orchard.local.iam.policy import Request
from orchard.local.iam.roles import key_of, node_key, signed
from orchard.local.moto.stack_resources import complete_stacks
from tests.support.stack.template import cloudformation

ROLE, ACCOUNT = "orchard-reader", "123456789012"
LOCATION: Any = {"LocationConstraint": "eu-west-1"}


class Account:
    """An account with a role, and what that role has asked for."""

    def __init__(self) -> None:
        self.asked: set[Request] = set()
        self.iam = boto3.client("iam", region_name="eu-west-1")
        self.iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
        self.user = boto3.client("s3", region_name="eu-west-1")
        self.user.create_bucket(Bucket="fruits", CreateBucketConfiguration=LOCATION)
        self.user.put_object(Bucket="fruits", Key="in/a", Body=b"a")

    def allow(self, *actions: str, on: str = "*", **more: Any) -> None:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName=ROLE, PolicyName=f"on {len(self.policies())}", PolicyDocument=document)

    def policies(self) -> list[str]:
        return self.iam.list_role_policies(RoleName=ROLE)["PolicyNames"]

    def client(self, service: Any, region: str | None = "eu-west-1") -> Any:
        """A client that signs for the role."""
        key = key_of(f"arn:aws:iam::{ACCOUNT}:role/{ROLE}")
        return boto3.client(service, region_name=region, aws_access_key_id=key, aws_secret_access_key="any")


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        found = Account()
        with enforced_permissions("eu-west-1", found.asked.add):
            yield found


def refusal(call: Any, **arguments: Any) -> Any:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response


def test_the_user_may_do_everything(account: Account) -> None:
    assert account.user.get_object(Bucket="fruits", Key="in/a")["Body"].read() == b"a"
    assert not account.asked


def test_a_role_may_do_what_it_is_allowed_and_no_more(account: Account) -> None:
    account.allow("s3:GetObject", on="arn:aws:s3:::fruits/in/*")
    s3 = account.client("s3")
    assert s3.get_object(Bucket="fruits", Key="in/a")["Body"].read() == b"a"
    refused = refusal(s3.put_object, Bucket="fruits", Key="in/b", Body=b"b")
    assert (refused["Error"]["Code"], refused["ResponseMetadata"]["HTTPStatusCode"]) == ("AccessDenied", 403)
    assert denial(refused["Error"]["Message"]) == f"the role {ROLE} may not s3:PutObject on arn:aws:s3:::fruits/in/b"
    assert "Contents" in account.user.list_objects_v2(Bucket="fruits", Prefix="in/a")
    assert "Contents" not in account.user.list_objects_v2(Bucket="fruits", Prefix="in/b")
    assert {one.action for one in account.asked} == {"s3:GetObject", "s3:PutObject"}


def test_only_who_may_list_a_bucket_learns_what_is_not_in_it(account: Account) -> None:
    account.allow("s3:GetObject", on="arn:aws:s3:::fruits/*")
    s3 = account.client("s3")
    assert refusal(s3.get_object, Bucket="fruits", Key="none")["Error"]["Code"] == "AccessDenied"
    assert refusal(s3.head_object, Bucket="fruits", Key="none")["ResponseMetadata"]["HTTPStatusCode"] == 403
    account.allow("s3:ListBucket", on="arn:aws:s3:::fruits")
    assert refusal(s3.get_object, Bucket="fruits", Key="none")["Error"]["Code"] == "NoSuchKey"
    assert refusal(s3.head_object, Bucket="fruits", Key="none")["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize("region", [None, "us-east-1", "eu-north-1"])
def test_there_is_no_way_to_s3_of_another_region(
    account: Account, region: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    account.allow("s3:GetObject", on="arn:aws:s3:::fruits/in/*")
    refused = refusal(account.client("s3", region).get_object, Bucket="fruits", Key="in/a")
    assert refused["Error"]["Message"].startswith(f"There is no way from here to S3 of {region or 'us-east-1'}, ")


def test_objects_are_deleted_and_copied_one_by_one(account: Account) -> None:
    account.allow("s3:GetObject", "s3:PutObject", "s3:DeleteObject", on="arn:aws:s3:::fruits/in/*")
    s3 = account.client("s3")
    s3.copy_object(Bucket="fruits", Key="in/b & <c>", CopySource={"Bucket": "fruits", "Key": "in/a"})
    deleted = s3.delete_objects(Bucket="fruits", Delete={"Objects": [{"Key": "in/b & <c>"}]})
    assert [one["Key"] for one in deleted["Deleted"]] == ["in/b & <c>"]
    assert Request(ROLE, "s3:DeleteObject", "arn:aws:s3:::fruits/in/b & <c>", (("aws:SecureTransport", "true"),)) in (
        account.asked
    )
    refused = s3.delete_objects(Bucket="fruits", Delete={"Objects": [{"Key": "in/a"}, {"Key": "out/a"}]})
    assert {one["Code"] for one in refused["Errors"]} == {"AccessDenied"}
    account.user.put_object(Bucket="fruits", Key="out/a", Body=b"a")
    refusal(s3.copy_object, Bucket="fruits", Key="in/c", CopySource={"Bucket": "fruits", "Key": "out/a"})


def test_clusters_are_known_by_their_tags(account: Account) -> None:
    own = {"StringEquals": {"elasticmapreduce:ResourceTag/orchard:stack": "orchard"}}
    account.allow("elasticmapreduce:DescribeCluster", on="arn:aws:elasticmapreduce:*:*:cluster/*", Condition=own)
    as_user = boto3.client("emr", region_name="eu-west-1")
    instances: Any = {"KeepJobFlowAliveWhenNoSteps": True}
    made = [
        as_user.run_job_flow(Name="c", Instances=instances, Tags=[{"Key": "orchard:stack", "Value": stack}])
        for stack in ("orchard", "pears")
    ]
    ours, theirs = (one["JobFlowId"] for one in made)
    emr = account.client("emr")
    assert emr.describe_cluster(ClusterId=ours)["Cluster"]["Id"] == ours
    for cluster in (theirs, "j-NONE"):
        refused = refusal(emr.describe_cluster, ClusterId=cluster)
        assert refused["Error"]["Code"] == "AccessDeniedException"
        assert f"cluster/{cluster}" in refused["Error"]["Message"]


def test_a_refusal_is_one_in_every_protocol(account: Account) -> None:
    execution = "arn:aws:states:eu-west-1:123456789012:execution:m:n"
    for service, operation, arguments in (
        ("sns", "publish", {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:t", "Message": "m"}),
        ("stepfunctions", "describe_execution", {"executionArn": execution}),
        ("lambda", "invoke", {"FunctionName": "f", "Payload": b'{"Action": "any"}'}),
        ("sqs", "send_message", {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/q", "MessageBody": "m"}),
    ):
        refused = refusal(getattr(account.client(service), operation), **arguments)
        assert refused["Error"]["Code"].startswith("AccessDenied"), service
        assert f"{ROLE} may not {'states' if service == 'stepfunctions' else service}:" in denial(
            refused["Error"]["Message"]
        )


def test_a_role_has_what_is_attached_to_it(account: Account) -> None:
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}}
    arn = account.iam.create_policy(PolicyName="list", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    account.iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
    assert [one["Action"] for one in statements_of(ROLE, ACCOUNT)] == ["s3:ListBucket"]
    assert statements_of("nobody", ACCOUNT) == []
    assert account.client("s3").list_objects_v2(Bucket="fruits")["KeyCount"] == 1


def test_a_stack_gives_its_roles_policies_from_elsewhere(account: Account) -> None:
    def document(action: str) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}

    of_aws = "arn:aws:iam::aws:policy/AdministratorAccess"
    made = {
        "Reader": ("Role", {"AssumeRolePolicyDocument": {}, "ManagedPolicyArns": [{"Ref": "Get"}, of_aws]}),
        "Get": ("ManagedPolicy", {"PolicyDocument": document("s3:GetObject")}),
        "List": (
            "RolePolicy",
            {"RoleName": {"Ref": "Reader"}, "PolicyName": "list", "PolicyDocument": document("s3:ListBucket")},
        ),
    }
    stack = {name: {"Type": f"AWS::IAM::{kind}", "Properties": properties} for name, (kind, properties) in made.items()}
    with complete_stacks("eu-west-1"):
        cloudformation = boto3.client("cloudformation", "eu-west-1")
        cloudformation.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": stack}))
    [name] = [one["RoleName"] for one in account.iam.list_roles()["Roles"] if one["RoleName"] != ROLE]
    assert {one["Action"] for one in statements_of(name, ACCOUNT)} == {"s3:GetObject", "s3:ListBucket"}


@pytest.mark.parametrize("owner", ["InspectArchive", "Unzip"])
def test_the_buckets_that_a_stack_names_as_sources_are_read_and_no_other(account: Account, owner: str) -> None:
    translated = cloudformation()
    policy = translated["Resources"][f"{owner.removesuffix('Archive')}SourceBuckets"]
    policy["Properties"]["RoleName"] = ROLE
    stack = {
        "Parameters": {"SourceBuckets": translated["Parameters"]["SourceBuckets"]},
        "Conditions": {"HasSourceBuckets": translated["Conditions"]["HasSourceBuckets"]},
        "Resources": {"Policy": policy},
    }
    for bucket in ("figs", "fruits.not"):
        account.user.create_bucket(Bucket=bucket, CreateBucketConfiguration=LOCATION)
        account.user.put_object(Bucket=bucket, Key="a", Body=b"a")
    with complete_stacks("eu-west-1"):
        boto3.client("cloudformation", "eu-west-1").create_stack(
            StackName="s",
            TemplateBody=json.dumps(stack),
            Parameters=[{"ParameterKey": "SourceBuckets", "ParameterValue": "figs,fruits"}],
        )
    s3 = account.client("s3")
    assert (
        s3.get_object(Bucket="fruits", Key="in/a")["Body"].read()
        == s3.get_object(Bucket="figs", Key="a")["Body"].read()
    )
    assert refusal(s3.get_object, Bucket="fruits.not", Key="a")["Error"]["Code"] == "AccessDenied"
    assert refusal(s3.put_object, Bucket="figs", Key="a")["Error"]["Code"] == "AccessDenied"
    if owner == "InspectArchive":
        assert s3.list_objects_v2(Bucket="figs")["KeyCount"] == 1
    else:
        assert refusal(s3.list_objects_v2, Bucket="figs")["Error"]["Code"] == "AccessDenied"


def test_a_role_that_is_not_there_may_do_nothing(account: Account) -> None:
    s3 = boto3.client("s3", region_name="eu-west-1", aws_access_key_id=key_of("gone"), aws_secret_access_key="any")
    assert refusal(s3.list_buckets)["Error"]["Code"] == "AccessDenied"


def test_nodes_have_the_key_of_the_role_in_their_profile(account: Account) -> None:
    account.iam.create_instance_profile(InstanceProfileName="nodes")
    assert node_key("nodes", ACCOUNT) is None, "nobody is in it"
    account.iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName=ROLE)
    assert node_key("nodes", ACCOUNT) == node_key("arn:aws:iam::1:instance-profile/nodes", ACCOUNT) == key_of(ROLE)
    assert node_key(None, ACCOUNT) is None


def test_who_signed_is_read_off_the_signature() -> None:
    def header(key: str) -> str:
        return f"AWS4-HMAC-SHA256 Credential={key}/20261101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0"

    assert signed(header(key_of(f"arn:aws:iam::1:role/path/{ROLE}"))) == (ROLE, "eu-west-1", "s3")
    assert signed(header("local")) == (None, "eu-west-1", "s3")
    assert signed("") == (None, "", "")
