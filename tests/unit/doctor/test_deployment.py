"""The doctor looks at a stack, its network and its account, and says of each what is wrong and what mends it."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from orchard.archive.request import write_request
from orchard.aws import sessions
from orchard.aws.stack import Stack
from orchard.compute.base import Access
from orchard.compute.emr_serverless import EmrServerless
from orchard.compute.registry import COMPUTES
from orchard.doctor import account, deployment, network
from orchard.doctor.checks import Check, Verdict, ask, ok
from orchard.errors import EnvironmentNotReadyError
from orchard.options import RunOptions
from orchard.release.bundle import required_keys
from tests.support.cloud import awsfakes

TAG = [{"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"}]
ROLE = json.dumps({"Version": "2012-10-17", "Statement": []})
PROVIDER = "oidc.eks.eu-west-1.amazonaws.com/id/0ABC"
POD_TRUST = {
    "Effect": "Allow",
    "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{PROVIDER}"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringLike": {f"{PROVIDER}:sub": "system:serviceaccount:fruit:emr-containers-sa-*"}},
}


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    awsfakes.isolate(monkeypatch)
    with mock_aws():
        yield awsfakes.session()


def deploy(session: Session, subnets: str = "") -> Stack:
    """A stack with the outputs and the roles that the doctor looks for."""
    awsfakes.make_buckets(session)
    topic = session.client("sns").create_topic(Name="orchard-notices")["TopicArn"]
    outputs = awsfakes.OUTPUTS | {"NoticeTopicArn": topic, "ClusterSubnetIds": subnets}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": json.loads(ROLE)}}
    template = {
        "Resources": {"ClusterServiceRole": role, "NodeRole": role},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    session.client("cloudformation").create_stack(StackName="orchard", TemplateBody=json.dumps(template))
    return Stack.load(session)


def publish(stack: Stack, session: Session, *, without: str = "nothing") -> None:
    for key in required_keys(stack.release, stack.model, ("onnxruntime",)):
        if without not in key:
            session.client("s3").put_object(Bucket=stack.artefacts_bucket, Key=key, Body=b"")


def deployed(session: Session, stack: Stack) -> dict[str, Check]:
    return {check.name: check for check in deployment.deployment_checks(session, stack)}


def in_account(session: Session) -> dict[str, Check]:
    return {check.name: check for check in account.account_checks(session)}


class TestDeployment:
    def test_a_whole_stack_is_fine(self, session: Session) -> None:
        stack = deploy(session)
        publish(stack, session)
        verdicts = {name: check.verdict for name, check in deployed(session, stack).items()}
        buckets = [f"{kind} bucket" for kind in ("Input", "Results", "Artefacts")]
        assert verdicts == dict.fromkeys(["Stack", *buckets, "Uploads", "EMR roles", "Artefacts", "Mails"], Verdict.OK)

    def test_nothing_published_is_mended_by_another_deployment(self, session: Session) -> None:
        artefacts = deployed(session, deploy(session))["Artefacts"]
        assert artefacts.verdict == Verdict.WRONG
        assert artefacts.fix.startswith("sam build && sam deploy --parameter-overrides PublishAgain=")

    @pytest.mark.parametrize("compute", ["emr-serverless", "emr-eks"])
    def test_workers_without_a_node_need_an_archive_of_the_wheels(self, session: Session, compute: str) -> None:
        stack = replace(on_serverless(deploy(session)), compute=compute)
        publish(stack, session)
        artefacts = deployed(session, stack)["Artefacts"]
        assert artefacts.finding == "releases/r1/environments/onnxruntime.tar.gz is missing"

    def test_on_emr_on_eks_the_virtual_cluster_the_trust_of_its_pods_and_their_release_are_looked_at(
        self, session: Session
    ) -> None:
        info = {"eksInfo": {"namespace": "fruit"}}
        made: Any = session.client("emr-containers").create_virtual_cluster(  # type: ignore[call-overload]
            name="orchard", containerProvider={"id": "orchards", "type": "EKS", "info": info}
        )
        session.client("iam").create_role(RoleName="pods", AssumeRolePolicyDocument=ROLE)
        outputs = {"VirtualClusterId": made["id"], "PodRoleName": "pods", "EksReleaseLabel": "emr-7.13.0-latest"}
        stack = replace(deploy(session), compute="emr-eks", outputs=outputs)
        found = deployed(session, stack)
        assert found["Virtual cluster"].finding == f"{made['id']}: the namespace fruit of the EKS cluster orchards"
        assert found["Worker image"].finding == "emr-7.13.0-latest, which has a python3.11"
        assert "Worker quota" not in found
        assert found["Pod role"].verdict == Verdict.WRONG
        assert found["Pod role"].fix.startswith("aws emr-containers update-role-trust-policy --cluster-name orchards")
        trusted = json.loads(ROLE) | {"Statement": [POD_TRUST]}
        session.client("iam").update_assume_role_policy(RoleName="pods", PolicyDocument=json.dumps(trusted))
        assert deployed(session, stack)["Pod role"].verdict == Verdict.OK

    @pytest.mark.parametrize(
        ("release", "image", "verdict", "told"),
        [
            ("emr-7.13.0", {}, Verdict.OK, "emr-7.13.0, which has a python3.11"),
            ("emr-7.11.0", {}, Verdict.WRONG, "the image of emr-7.11.0 is not known to have a python3.11"),
            ("emr-7.11.0", {"imageUri": "own:1"}, Verdict.UNKNOWN, "own:1 is not made by this stack"),
        ],
    )
    def test_the_image_of_workers_needs_a_python_3_11(
        self, session: Session, release: str, image: dict[str, str], verdict: Verdict, told: str
    ) -> None:
        stack = on_serverless(deploy(session))
        answer = {"application": {"releaseLabel": release, "imageConfiguration": image}}
        scripted: Any = Scripted({"emr-serverless": {"get_application": answer}})
        access = Access(sessions.clients_of(scripted), stack.outputs)
        found = deployment._worker_image(EmrServerless().image(access))
        assert (found.verdict, found.finding[: len(told)]) == (verdict, told)
        wanted = "sam deploy --parameter-overrides ServerlessReleaseLabel=emr-7.13.0"
        assert found.fix == (wanted if verdict == Verdict.WRONG else "")

    @pytest.mark.parametrize("name", ["Virtual cluster", "Pod role"])
    def test_only_a_stack_on_emr_on_eks_is_asked_for_its_own(self, session: Session, name: str) -> None:
        assert name not in deployed(session, on_serverless(deploy(session)))

    @pytest.mark.parametrize("name", ["Worker image", "Worker quota"])
    def test_a_stack_on_clusters_is_not_asked_for_workers(self, session: Session, name: str) -> None:
        stack = deploy(session)
        assert name not in deployed(session, stack)
        assert deployed(session, on_serverless(stack))[name].verdict == Verdict.UNKNOWN

    @pytest.mark.parametrize(
        "missing", ["pca.py", "orchard.zip", "install.sh", "driver-pod.yaml", "requirements.txt", "manifest.json"]
    )
    def test_half_a_release_is_named(self, session: Session, missing: str) -> None:
        stack = deploy(session)
        publish(stack, session, without=missing)
        artefacts = deployed(session, stack)["Artefacts"]
        assert artefacts.verdict == Verdict.WRONG
        assert missing in artefacts.finding

    def test_single_pictures_are_told_since_nobody_else_tells_of_them(self, session: Session) -> None:
        stack = deploy(session)
        assert deployed(session, stack)["Uploads"].finding == "nothing was uploaded yet"
        s3 = session.client("s3")
        s3.put_object(Bucket=stack.input_bucket, Key="a.zip")
        assert deployed(session, stack)["Uploads"].finding == "one object, which has started a run"
        for key in ("b.tar.gz", "sources/c.zip"):
            s3.put_object(Bucket=stack.input_bucket, Key=key)
        assert deployed(session, stack)["Uploads"].finding == ("3 objects, of which each has started a run")
        for key in ("d/\x1b.jpg", "d/2.jpg"):
            s3.put_object(Bucket=stack.input_bucket, Key=key)
        found = deployed(session, stack)["Uploads"]
        told = (
            r"5 objects, of which 2 are not archives and started nothing, such as d/\x1b.jpg: zip them, or orchard run"
        )
        assert (found.verdict, found.finding) == (Verdict.OK, f"{told} s3://{stack.input_bucket}/d/")

    def test_a_source_s_bucket_has_to_be_named_to_be_there_and_in_the_region(self, session: Session) -> None:
        stack, s3 = deploy(session), session.client("s3")
        assert "Sources" not in deployed(session, stack)

        def put(key: str, *sources: str) -> None:
            s3.put_object(Bucket=stack.input_bucket, Key=key, Body=write_request(sources, RunOptions()))

        put("a.orchard.json", f"s3://{stack.input_bucket}/a.zip")
        s3.put_object(Bucket=stack.input_bucket, Key="b.orchard.json", Body=b"no request")
        assert "Sources" not in deployed(session, stack)
        put("c.orchard.json", f"s3://{stack.input_bucket}/a.zip", "s3://elsewhere/p/")
        found = deployed(session, stack)["Sources"]
        assert "c.orchard.json names sources in elsewhere, which SourceBuckets does not name" in found.finding
        assert found.fix == "sam deploy --parameter-overrides SourceBuckets=elsewhere"

        def named(bucket: str) -> Check:
            template = dict(session.client("cloudformation").get_template(StackName="orchard")["TemplateBody"])
            template["Parameters"] = {"SourceBuckets": {"Type": "String"}}
            session.client("cloudformation").update_stack(
                StackName="orchard",
                TemplateBody=json.dumps(template),
                Parameters=[{"ParameterKey": "SourceBuckets", "ParameterValue": bucket}],
            )
            return deployed(session, stack)["Sources"]

        assert "there is no such bucket" in named("elsewhere").finding
        north = session.client("s3", region_name="eu-north-1")
        north.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
        assert "far is in eu-north-1" in named("far").finding
        s3.create_bucket(Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        near = named("elsewhere")
        assert (near.verdict, near.finding) == (Verdict.OK, "runs may read elsewhere, too")

    def test_a_bucket_that_was_there_has_to_tell_eventbridge_beside_others(self, session: Session) -> None:
        stack, s3 = replace(deploy(session), owns_input_bucket=False), session.client("s3")
        bucket = stack.input_bucket
        bare = deployed(session, stack)
        assert "Uploads" not in bare
        assert bare["Upload events"].fix == (
            f"aws s3api put-bucket-notification-configuration --bucket {bucket} "
            """--notification-configuration '{"EventBridgeConfiguration": {}}'"""
        )
        queue = {"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:q", "Events": ["s3:ObjectCreated:*"]}
        session.client("sqs").create_queue(QueueName="q")
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [queue]}
        )
        fix = deployed(session, stack)["Upload events"].fix
        asked = json.dumps({"QueueConfigurations": [queue]})
        program = shlex.split(fix.partition("| ")[2].partition(" >")[0])
        told = subprocess.run(program, input=asked, capture_output=True, text=True, check=True).stdout
        assert json.loads(told) == {"QueueConfigurations": [queue], "EventBridgeConfiguration": {}}
        told = subprocess.run(program, input="", capture_output=True, text=True, check=True).stdout
        assert json.loads(told) == {"EventBridgeConfiguration": {}}, "the CLI prints nothing where there is nothing"

    def test_a_bucket_that_was_there_is_in_another_region_or_locked_by_a_key(self, session: Session) -> None:
        stack, s3 = replace(deploy(session), owns_input_bucket=False), session.client("s3")
        key = "arn:aws:kms:eu-west-1:123456789012:key/0ca3fbd4-1111-2222-3333-444455556666"
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
        s3.put_bucket_encryption(Bucket=stack.input_bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        there = deployed(session, stack)
        assert there["Upload region"].verdict == Verdict.OK
        assert there["Upload versions"].finding == f"{stack.input_bucket} keeps versions"
        assert there["Upload key"].fix == f"sam deploy --parameter-overrides SourceKeyArns={key}"
        north = session.client("s3", region_name="eu-north-1")
        north.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
        found = deployed(session, replace(stack, input_bucket="far"))
        assert (found["Upload region"].verdict, "eu-north-1" in found["Upload region"].finding) == (Verdict.WRONG, True)
        assert found["Upload versions"].finding.startswith("far keeps no versions")

    def test_a_bucket_that_is_gone(self, session: Session) -> None:
        stack = deploy(session)
        session.client("s3").delete_bucket(Bucket=stack.results_bucket)
        assert deployed(session, stack)["Results bucket"].verdict == Verdict.WRONG

    def test_a_role_that_is_gone(self, session: Session) -> None:
        stack = deploy(session)
        found = session.client("cloudformation").describe_stack_resource(
            StackName="orchard", LogicalResourceId="NodeRole"
        )
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        session.client("iam").delete_role(RoleName=name)
        roles = deployed(session, stack)["EMR roles"]
        assert roles.verdict == Verdict.WRONG
        assert name in roles.finding

    def test_a_stack_that_made_no_roles(self, session: Session) -> None:
        awsfakes.make_buckets(session)
        awsfakes.deploy(session)
        roles = deployed(session, Stack.load(session))["EMR roles"]
        assert (roles.verdict, roles.fix) == (Verdict.WRONG, "sam deploy")

    def test_nobody_need_get_mails(self, session: Session) -> None:
        stack = deploy(session)
        assert deployed(session, stack)["Mails"].finding.startswith("nobody gets them")
        session.client("sns").subscribe(TopicArn=stack.notice_topic_arn, Protocol="email", Endpoint="a@b.eu")
        assert deployed(session, stack)["Mails"].finding == "1 subscribed"

    def test_an_address_that_has_not_confirmed_gets_no_mail(self, session: Session) -> None:
        stack = deploy(session)
        waiting = {"Endpoint": "a@b.eu", "SubscriptionArn": "PendingConfirmation"}
        pages = Scripted({"pages": {"paginate": [{"Subscriptions": [waiting]}]}}).client("pages")
        scripted = Scripted({"sns": {"get_paginator": pages}})
        mails = deployment._mails(scripted, stack)  # type: ignore[arg-type]
        assert mails.verdict == Verdict.WRONG
        assert "a@b.eu has not confirmed" in mails.finding
        assert mails.fix.startswith(f"aws sns subscribe --topic-arn {stack.notice_topic_arn} --protocol email")


class TestAccount:
    def test_the_role_by_which_emr_ends_instances(self, session: Session) -> None:
        role = in_account(session)["Clean-up role"]
        assert role.verdict == Verdict.WRONG
        assert role.fix == "aws iam create-service-linked-role --aws-service-name elasticmapreduce.amazonaws.com"
        session.client("iam").create_role(RoleName="AWSServiceRoleForEMRCleanup", AssumeRolePolicyDocument=ROLE)
        assert in_account(session)["Clean-up role"].verdict == Verdict.OK

    def test_whose_credentials_these_are(self, session: Session) -> None:
        assert "123456789012" in in_account(session)["Credentials"].finding

    def test_the_role_by_which_spot_nodes_start_need_not_be_there(self, session: Session) -> None:
        absent = in_account(session)["Spot role"]
        assert absent.verdict == Verdict.OK
        assert "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com" in absent.finding
        session.client("iam").create_role(RoleName="AWSServiceRoleForEC2Spot", AssumeRolePolicyDocument=ROLE)
        assert in_account(session)["Spot role"].finding == "AWSServiceRoleForEC2Spot"

    @pytest.mark.parametrize(
        ("compute", "vcpus", "verdict", "finding"),
        [
            ("emr-ec2", 0, Verdict.WRONG, "0 On-Demand vCPUs; the smallest cluster needs 4"),
            ("emr-ec2", 5, Verdict.OK, "72,000 images"),
            ("emr-ec2", 32, Verdict.OK, "432,000 images"),
            ("emr-ec2", 1152, Verdict.OK, "1,152,000 images per run, and for 7,200,000 with --max-usd"),
            ("emr-serverless", 4, Verdict.WRONG, "the smallest run needs 6"),
            ("emr-serverless", 16, Verdict.OK, "too few for the largest"),
            ("emr-serverless", 66, Verdict.OK, "every run without --max-usd; with it one may take 402"),
            ("emr-serverless", 402, Verdict.OK, "every run of a planned size"),
        ],
    )
    def test_the_quota_says_what_it_does_for(self, compute: str, vcpus: int, verdict: Verdict, finding: str) -> None:
        scripted: Any = Scripted({"service-quotas": {"get_service_quota": {"Quota": {"Value": float(vcpus)}}}})
        wanted = COMPUTES[compute].quota(awsfakes.REGION)
        quota = account.worker_quota(scripted, wanted) if wanted else account._quota(scripted)
        assert (quota.verdict, finding in quota.finding) == (verdict, True), quota.finding

    def test_a_question_that_is_not_answered_is_not_an_alarm(self, session: Session) -> None:
        assert in_account(session)["vCPU quota"].verdict == Verdict.UNKNOWN  # moto has none


def on_serverless(stack: Stack) -> Stack:
    return replace(stack, compute="emr-serverless", outputs={"JobApplicationId": "00fapplication"})


class Scripted:
    """A session whose clients give written answers."""

    region_name = awsfakes.REGION

    def __init__(self, answers: dict[str, dict[str, object]]) -> None:
        self._answers = answers

    def client(self, service: str, **_: object) -> SimpleNamespace:
        answers = self._answers[service]
        return SimpleNamespace(**{name: lambda *_, answer=answer, **__: answer for name, answer in answers.items()})


class TestNetwork:
    def subnet(self, session: Session, *, tagged: bool = True, bits: int = 24) -> tuple[str, str, str]:
        """A subnet, its VPC and the VPC's main route table."""
        ec2 = session.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.0.0/{bits}", AvailabilityZone="eu-west-1a")
        subnet = made["Subnet"]["SubnetId"]
        if tagged:
            ec2.create_tags(Resources=[vpc, subnet], Tags=TAG)
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        return subnet, vpc, tables[0]["RouteTableId"]

    def endpoint(self, session: Session, vpc: str, table: str) -> None:
        """A gateway endpoint, by which nodes reach S3."""
        session.client("ec2").create_vpc_endpoint(
            VpcId=vpc, ServiceName="com.amazonaws.eu-west-1.s3", RouteTableIds=[table], VpcEndpointType="Gateway"
        )

    def check(self, session: Session, subnets: str | None = None) -> Check:
        """Of a stack that is deployed into these subnets, or that is there."""
        [check] = network.network_checks(session, Stack.load(session) if subnets is None else deploy(session, subnets))
        return check

    def test_a_gateway_endpoint_is_a_way_to_s3(self, session: Session) -> None:
        subnet, vpc, table = self.subnet(session)
        before = self.check(session, subnet)
        assert before.verdict == Verdict.WRONG
        assert before.fix.startswith("aws ec2 create-vpc-endpoint --region eu-west-1 --vpc-id ")
        assert before.fix.endswith(f"--service-name com.amazonaws.eu-west-1.s3 --route-table-ids {table}")
        self.endpoint(session, vpc, table)
        after = self.check(session)
        assert after.verdict == Verdict.OK
        assert after.finding.endswith(", a gateway endpoint; in eu-west-1a")

    @pytest.mark.parametrize(
        ("sizes", "types", "verdict", "finding"),
        [
            ([], ["m6a.2xlarge"], Verdict.OK, "which does not offer m6a.2xlarge; a cluster takes another type there"),
            (["2xlarge"], [], Verdict.WRONG, "its zone eu-west-1a offers none of the instance types of size 2xlarge"),
        ],
    )
    def test_a_zone_has_to_offer_a_type_of_each_size(
        self,
        session: Session,
        monkeypatch: pytest.MonkeyPatch,
        sizes: list[str],
        types: list[str],
        verdict: Verdict,
        finding: str,
    ) -> None:
        subnet, vpc, table = self.subnet(session)
        self.endpoint(session, vpc, table)
        monkeypatch.setattr(network, "lacking_in_zone", lambda *_: (sizes, types))
        check = self.check(session, subnet)
        assert check.verdict == verdict
        assert check.finding.endswith(finding)

    def test_the_internet_is_a_way_for_nodes_with_public_addresses_only(self, session: Session) -> None:
        subnet, vpc, table = self.subnet(session)
        ec2 = session.client("ec2")
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        assert "no public address" in self.check(session, subnet).finding
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        assert self.check(session).verdict == Verdict.OK

    def test_a_nat_gateway_in_a_route_table_of_the_subnets_own(self, session: Session) -> None:
        subnet, vpc, _ = self.subnet(session)
        ec2 = session.client("ec2")
        nat = ec2.create_nat_gateway(SubnetId=subnet)["NatGateway"]["NatGatewayId"]
        own = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=own, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
        assert self.check(session, subnet).verdict == Verdict.WRONG
        ec2.associate_route_table(RouteTableId=own, SubnetId=subnet)
        assert self.check(session).finding.startswith(f"reaches S3 by {nat}")

    def test_without_the_tag_emr_may_not_use_it(self, session: Session) -> None:
        subnet, vpc, _ = self.subnet(session, tagged=False)
        check = self.check(session, subnet)
        assert check.verdict == Verdict.WRONG
        assert check.fix == (
            f"aws ec2 create-tags --resources {subnet} {vpc} "
            "--tags Key=for-use-with-amazon-emr-managed-policies,Value=true"
        )

    def test_a_small_subnet_has_too_few_addresses(self, session: Session) -> None:
        subnet, _, _ = self.subnet(session, bits=29)
        assert "addresses are free" in self.check(session, subnet).finding

    def test_a_middling_subnet_has_too_few_for_the_largest_runs_only(self, session: Session) -> None:
        subnet, vpc, table = self.subnet(session, bits=27)
        self.endpoint(session, vpc, table)
        check = self.check(session, subnet)
        assert (check.verdict, "27 free addresses are too few for the largest" in check.finding) == (Verdict.OK, True)

    def test_a_subnet_of_another_region_or_none_at_all(self, session: Session) -> None:
        assert "it does not exist in eu-west-1" in self.check(session, "subnet-0123456789abcdef0").finding

    def test_a_stack_without_subnets(self, session: Session) -> None:
        assert self.check(session, "").verdict == Verdict.WRONG

    def test_each_subnet_has_a_line(self, session: Session) -> None:
        names = [self.subnet(session)[0] for _ in range(2)]
        checks = network.network_checks(session, deploy(session, ", ".join(names)))
        assert [check.name for check in checks] == [f"Subnet {name}" for name in names]


@pytest.mark.parametrize(
    ("answer", "check"),
    [
        (ok("x", "fine"), Check("x", Verdict.OK, "fine")),
        (
            EnvironmentNotReadyError("Spark needs Java", "there is none", "install it"),
            Check("x", Verdict.WRONG, "Spark needs Java: there is none", "install it"),
        ),
        (
            ClientError({"Error": {"Code": "AccessDenied"}}, "GetRole"),
            Check("x", Verdict.UNKNOWN, "not answered: AccessDenied"),
        ),
        (
            EndpointConnectionError(endpoint_url="https://x"),
            Check("x", Verdict.UNKNOWN, "not answered: AWS does not answer"),
        ),
    ],
)
def test_an_error_that_says_what_to_do_is_wrong_and_a_question_refused_is_unknown(
    answer: Check | Exception, check: Check
) -> None:
    assert ask("x", Mock(side_effect=[answer])) == check
