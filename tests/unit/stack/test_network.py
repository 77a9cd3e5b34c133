"""The network and the key that the stack makes where none are given: nothing gets in, and out only what has to."""

import ipaddress
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from moto.emr.utils import EmrManagedSecurityGroup, EmrSecurityGroupManager

from orchard.layout import EMR_POLICY_TAG
from orchard.options import MAX_NODES
from security.permissions import as_text, either, listed
from tests.support.stack.permissions import S3A
from tests.support.stack.template import cloudformation, properties, resources, sam

TAG = {"Key": EMR_POLICY_TAG, "Value": "true"}
PARAMETERS = sam()["Parameters"]
NODE, OTHER = "${NodeRole.Arn}", "arn:aws:iam::210987654321:role/other"
OWN = "arn:${AWS::Partition}:s3:::${AWS::StackName}-%s-${AWS::AccountId}-${AWS::Region}"
RULE = ("IpProtocol", "FromPort", "ToPort")
MOTOS_RULE = ("ip_protocol", "from_port", "to_port")
USERS = ("EncryptDisks", "AttachDisks")
SPOT = ("EncryptDisksOfSpotNodes", "AttachDisksOfSpotNodes")
WHOLE_BUCKETS = {"s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"}
ENDPOINT = "AWS::EC2::VPCEndpoint"


def condition(name: str) -> str | None:
    found: str | None = cloudformation()["Resources"][name].get("Condition")
    return found


def in_the_network() -> list[str]:
    resources = cloudformation()["Resources"]
    return [name for name, resource in resources.items() if resource["Type"].startswith("AWS::EC2::")]


def allows(policy: dict[str, Any], who: str, action: str, resource: str) -> bool:
    """Whether a policy allows this, intrinsics taken as they would stand in a `Fn::Sub`; "" is nobody known to IAM."""
    return any(
        one["Effect"] == "Allow"
        and action in listed(one["Action"])
        and any(fnmatchcase(resource, as_text(one)) for pattern in listed(one["Resource"]) for one in either(pattern))
        and as_text(one.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn", who)) == who
        for statement in policy["Statement"]
        for one in either(statement)
        if "Effect" in one
    )


def test_a_network_is_made_if_and_only_if_no_subnets_are_given() -> None:
    conditions = cloudformation()["Conditions"]
    assert conditions["MakesNetwork"] == {"Fn::Equals": [{"Fn::Join": ["", {"Ref": "SubnetIds"}]}, ""]}
    assert PARAMETERS["SubnetIds"]["Default"] == ""
    made = {name: condition(name) for name in in_the_network()}
    assert {name for name, when in made.items() if when == "MakesKmsEndpoint"} == {"KmsAccess", "KmsAccessGroup"}
    assert set(made.values()) == {"MakesNetwork", "MakesKmsEndpoint"}
    assert conditions["MakesKmsEndpoint"]["Fn::And"][0] == {"Condition": "MakesNetwork"}


@pytest.mark.parametrize(
    ("compute", "made"),
    [("emr-ec2", {"KmsAccess", "KmsAccessGroup", "DiskKey", "ClusterSecurity"}), ("emr-serverless", set())],
)
def test_what_costs_by_the_month_is_made_for_clusters_only(compute: str, made: set[str]) -> None:
    """An endpoint of KMS and a key: some 9 USD a month, which no job run on EMR Serverless has any use for."""
    parameters = {name: parameter["Default"] for name, parameter in PARAMETERS.items() if "Default" in parameter}
    holds = {name: truth(test, {**parameters, "Compute": compute}) for name, test in sam()["Conditions"].items()}
    there = {name for name, one in cloudformation()["Resources"].items() if holds.get(one.get("Condition"), True)}
    assert {name for name in ("KmsAccess", "KmsAccessGroup", "DiskKey", "ClusterSecurity") if name in there} == made
    chosen = properties("InspectArchive")["Environment"]["Variables"]["SECURITY_CONFIGURATION"]
    assert chosen == {"Fn::If": ["MakesClusters", {"Ref": "ClusterSecurity"}, ""]}


def truth(test: Any, parameters: dict[str, Any]) -> bool:  # noqa: ANN401 (JSON)
    """Whether a condition of the template holds."""
    match test:
        case {"Condition": name}:
            return truth(sam()["Conditions"][name], parameters)
        case {"Fn::Not": [inner]}:
            return not truth(inner, parameters)
        case {"Fn::And": tests}:
            return all(truth(inner, parameters) for inner in tests)
        case {"Fn::Equals": [{"Ref": name}, value]}:
            return bool(parameters[name] == value)
        case {"Fn::Equals": [{"Fn::Join": ["", {"Ref": name}]}, value]}:
            return bool(parameters[name] == value)
    raise AssertionError(test)


def test_clusters_start_in_what_is_given_or_made_and_the_stack_says_so() -> None:
    variables = properties("InspectArchive")["Environment"]["Variables"]
    made = {"Fn::Join": [",", [{"Ref": "ClusterSubnet1"}, {"Ref": "ClusterSubnet2"}]]}
    chosen = {"Fn::If": ["MakesNetwork", made, {"Fn::Join": [",", {"Ref": "SubnetIds"}]}]}
    assert variables["SUBNETS"] == cloudformation()["Outputs"]["ClusterSubnetIds"]["Value"] == chosen
    groups = [as_text(group) for group in variables["SECURITY_GROUPS"]["Fn::If"][1]["Fn::Join"][1]]
    assert groups == ["${PrimaryGroup.GroupId}", "${WorkerGroup.GroupId}", "${ServiceAccessGroup.GroupId}"]
    assert variables["SECURITY_GROUPS"]["Fn::If"][2] == ""


def test_two_private_subnets_in_two_zones_hold_the_largest_cluster() -> None:
    subnets = [properties(name) for name in resources("AWS::EC2::Subnet")]
    assert [subnet["AvailabilityZone"]["Fn::Select"] for subnet in subnets] == [[n, {"Fn::GetAZs": ""}] for n in (0, 1)]
    assert [subnet["MapPublicIpOnLaunch"] for subnet in subnets] == [False, False]
    [(count, bits)] = {tuple(subnet["CidrBlock"]["Fn::Select"][1]["Fn::Cidr"][1:]) for subnet in subnets}
    reserved, both_endpoints = 5, 2
    assert 2 ** int(bits) >= 1 + 2 * MAX_NODES + reserved + both_endpoints
    for size in (16, 23):
        block = f"10.90.0.0/{size}"
        assert re.fullmatch(PARAMETERS["VpcCidr"]["AllowedPattern"], block)
        assert len(list(ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits)))) >= int(count)


@pytest.mark.parametrize("block", ["10.0.0.0/24", "8.8.0.0/16", "172.32.0.0/16", "10.0.0.0/8", "192.168.0.1/23", ""])
def test_other_blocks_of_addresses_are_refused(block: str) -> None:
    assert not re.fullmatch(PARAMETERS["VpcCidr"]["AllowedPattern"], block)


def test_there_is_no_way_out_but_two_endpoints() -> None:
    types = {resource["Type"] for resource in cloudformation()["Resources"].values()}
    assert not types & {
        f"AWS::EC2::{way}" for way in ("InternetGateway", "NatGateway", "Route", "EIP", "VPCPeeringConnection")
    }
    endpoints = {name: as_text(found["Properties"]["ServiceName"]) for name, found in resources(ENDPOINT).items()}
    assert endpoints == {
        "S3Gateway": "com.amazonaws.${AWS::Region}.s3",
        "KmsAccess": "com.amazonaws.${AWS::Region}.kms",
    }
    associated = [found["Properties"] for found in resources("AWS::EC2::SubnetRouteTableAssociation").values()]
    assert {as_text(one["SubnetId"]) for one in associated} == {"${ClusterSubnet1}", "${ClusterSubnet2}"}
    assert {as_text(one["RouteTableId"]) for one in associated} == {"${ClusterRoutes}"}
    assert properties("S3Gateway")["RouteTableIds"] == [{"Ref": "ClusterRoutes"}]


def test_what_emr_is_to_use_has_the_tag_that_its_policy_asks_for() -> None:
    groups = [name for name in resources("AWS::EC2::SecurityGroup") if name != "KmsAccessGroup"]
    for name in ("ClusterNetwork", *resources("AWS::EC2::Subnet"), *groups):
        assert TAG in properties(name)["Tags"], name


@pytest.mark.parametrize("bucket", ["input", "results", "artefacts", "${ExistingInputBucket}"])
def test_nodes_reach_the_buckets_of_the_stack_and_nobody_else_does(bucket: str) -> None:
    policy = properties("S3Gateway")["PolicyDocument"]
    whole = f"arn:${{AWS::Partition}}:s3:::{bucket}" if bucket.startswith("$") else OWN % bucket
    for action in S3A:
        on = whole if action in WHOLE_BUCKETS else f"{whole}/runs/r/part"
        assert allows(policy, NODE, action, on), action
        assert not allows(policy, OTHER, action, on), action
        assert not allows(policy, "", action, on), action
    assert not allows(policy, NODE, "s3:PutBucketPolicy", whole)


@pytest.mark.parametrize("who", [NODE, OTHER, ""])
def test_packages_are_read_by_whoever_asks(who: str) -> None:
    policy = properties("S3Gateway")["PolicyDocument"]
    for bucket in ("al2023-repos-${AWS::Region}-de612dc2", "repo.${AWS::Region}.emr.amazonaws.com"):
        assert allows(policy, who, "s3:GetObject", f"arn:${{AWS::Partition}}:s3:::{bucket}/core/x86_64/python.rpm")
        assert not allows(policy, who, "s3:PutObject", f"arn:${{AWS::Partition}}:s3:::{bucket}/core/x86_64/python.rpm")


@pytest.mark.parametrize("action", sorted(S3A))
def test_a_foreign_bucket_is_out_of_reach_for_a_stolen_node(action: str) -> None:
    policy = properties("S3Gateway")["PolicyDocument"]
    foreign = ["somebody-elses", "orchard-results-210987654321-eu-west-1", "al2023-repos-x", "${AWS::StackName}-x"]
    for bucket in foreign:
        for resource in (f"arn:${{AWS::Partition}}:s3:::{bucket}", f"arn:${{AWS::Partition}}:s3:::{bucket}/loot.zip"):
            assert not allows(policy, NODE, action, resource)


def ingress() -> set[tuple[Any, ...]]:
    """(to, from, protocol, first port, last port) of every rule that lets something in."""
    found = set()
    for name, group in resources("AWS::EC2::SecurityGroup").items():
        for rule in group["Properties"].get("SecurityGroupIngress", []):
            found.add((name, of(rule), *(rule[part] for part in RULE)))
    for resource in resources("AWS::EC2::SecurityGroupIngress").values():
        rule = resource["Properties"]
        found.add((rule["GroupId"]["Fn::GetAtt"][0], of(rule), *(rule[part] for part in RULE)))
    return found


def of(rule: dict[str, Any]) -> str:
    """The group that a rule is about; no rule is about addresses."""
    assert not {"CidrIp", "CidrIpv6"} & rule.keys()
    group: str = rule["SourceSecurityGroupId"]["Fn::GetAtt"][0]
    return group


def test_what_gets_in_is_what_emr_would_let_in_itself() -> None:
    """EMR adds what is missing; moto 5.2.5 has written down what that is for private subnets."""
    kinds = EmrManagedSecurityGroup.Kind
    rules: list[Any] = EmrSecurityGroupManager.MANAGED_RULES_INGRESS
    own = {kinds.MASTER: "PrimaryGroup", kinds.SLAVE: "WorkerGroup", kinds.SERVICE: "ServiceAccessGroup"}
    wanted = {
        (own[rule["group_name_or_id"]], own[source["GroupId"]], *(rule[part] for part in MOTOS_RULE))
        for rule in rules
        for source in rule["source_groups"]
    }
    kms = {("KmsAccessGroup", source, "tcp", 443, 443) for source in ("PrimaryGroup", "WorkerGroup")}
    assert ingress() == wanted | kms


def test_what_gets_out_stays_inside_but_for_what_the_gateway_takes() -> None:
    everywhere = {
        (name, rule["FromPort"])
        for name, group in resources("AWS::EC2::SecurityGroup").items()
        for rule in group["Properties"]["SecurityGroupEgress"]
        if rule.get("CidrIp") not in (None, {"Ref": "VpcCidr"})
    }
    assert everywhere == {(name, port) for name in ("PrimaryGroup", "WorkerGroup") for port in (80, 443)}


def test_disks_are_encrypted_with_the_key_that_is_given_or_made() -> None:
    rest = properties("ClusterSecurity")["SecurityConfiguration"]["EncryptionConfiguration"]
    assert rest["AtRestEncryptionConfiguration"]["LocalDiskEncryptionConfiguration"] == {
        "EncryptionKeyProviderType": "AwsKms",
        "AwsKmsKey": {"Fn::If": ["MakesDiskKey", {"Fn::GetAtt": ["DiskKey", "Arn"]}, {"Ref": "DiskKeyArn"}]},
        "EnableEbsEncryption": True,
    }
    key = cloudformation()["Resources"]["DiskKey"]
    assert (key["Condition"], key["DeletionPolicy"]) == ("MakesDiskKey", "Delete")
    assert key["Properties"]["PendingWindowInDays"] == 7
    assert (
        properties("KmsAccess")["PolicyDocument"]["Statement"][0]["Resource"]
        == (rest["AtRestEncryptionConfiguration"]["LocalDiskEncryptionConfiguration"]["AwsKmsKey"])
    )


def test_who_may_use_the_key() -> None:
    statements = {one["Sid"]: one for one in properties("DiskKey")["KeyPolicy"]["Statement"]}
    administer = statements.pop("Administer")
    assert as_text(administer["Principal"]["AWS"]) == "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"
    roles = [["${ClusterServiceRole.Arn}", NODE]] * 2
    assert [[as_text(who) for who in statements[sid]["Principal"]["AWS"]] for sid in USERS] == roles
    for sid in SPOT:  # everybody, as far as it is this one role of this account
        found = statements[sid]["Condition"]
        assert found["StringEquals"] == {"kms:CallerAccount": {"Ref": "AWS::AccountId"}}
        assert as_text(found["ArnEquals"]["aws:PrincipalArn"]).endswith("/AWSServiceRoleForEC2Spot")
    for sid, one in statements.items():
        assert not [action for action in listed(one["Action"]) if "*" in action]
        grants = {"kms:CreateGrant", "kms:RevokeGrant", "kms:ListGrants"} & set(listed(one["Action"]))
        assert bool(grants) == (sid in ("AttachDisks", "AttachDisksOfSpotNodes"))
        assert bool(grants) == (one.get("Condition", {}).get("Bool") == {"kms:GrantIsForAWSResource": "true"})
    assert set(statements) == {*USERS, *SPOT}


@pytest.mark.parametrize("arn", ["", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"])
def test_a_key_is_named_by_its_arn(arn: str) -> None:
    assert re.fullmatch(PARAMETERS["DiskKeyArn"]["AllowedPattern"], arn)
    assert not re.fullmatch(PARAMETERS["DiskKeyArn"]["AllowedPattern"], arn + "alias/aws/ebs x")
