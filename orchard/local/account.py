"""What an account has that is ready for Orchard: a subnet with a way to S3, and EMR's service-linked role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boto3.session import Session


def prepare_account(session: Session) -> str:
    """Make ready the account that moto begins with.

    Args:
        session: Leads to the local cloud.

    Returns:
        The id of a subnet.
    """
    ec2 = session.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    ec2.create_tags(
        Resources=[subnet["SubnetId"], subnet["VpcId"]],
        Tags=[{"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"}],
    )
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["RouteTables"]
    ec2.create_vpc_endpoint(
        VpcEndpointType="Gateway",
        VpcId=subnet["VpcId"],
        ServiceName=f"com.amazonaws.{session.region_name}.s3",
        RouteTableIds=[table["RouteTableId"] for table in tables],
    )
    # create_service_linked_role would do the same on AWS; moto 5.2.5 makes a role of another name of it
    session.client("iam").create_role(RoleName="AWSServiceRoleForEMRCleanup", AssumeRolePolicyDocument="{}")
    return subnet["SubnetId"]
