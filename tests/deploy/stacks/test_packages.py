"""The real build, uploaded by the real SAM CLI to the local S3."""

import json
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from deploy.stacks.accounts import Accounts
from deploy.stacks.declared import stacks_of
from deploy.stacks.deploying import Deployment
from deploy.stacks.environments import Environment
from deploy.stacks.releases import Release
from tests.aws import ACCOUNT_1, ACCOUNT_2, aws_client
from tests.deploy.building import the_build


@pytest.mark.slow
def test_every_functions_code_is_uploaded_to_its_own_account(
    environment: Environment,
    clean_aws: str,
    credentials: None,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("deploy.stacks.packages.packaged_template", lambda stack, _environment: tmp_path / stack.name)
    archive = tmp_path / "myapp-1.tar.gz"
    archive.write_text("a release")
    monkeypatch.setattr("deploy.stacks.deploying.built_release", lambda: Release(archive, "1", "0" * 64))
    _let_account_1_deploy_account_2()
    deployment = Deployment(
        environment, stacks_of("staging"), Accounts(dict(environment.accounts), clean_aws), said.append
    )

    with the_build():
        deployment.package()

    for stack, account in (("app", ACCOUNT_1), ("warehouse", ACCOUNT_2)):
        bucket = f"try-artifacts-{account}"
        keys = {one["Key"] for one in aws_client("s3", account).list_objects_v2(Bucket=bucket)["Contents"]}
        resources = yaml_parse((tmp_path / stack).read_text())["Resources"].values()
        code = [one["Properties"]["CodeUri"] for one in resources if one["Type"] == "AWS::Serverless::Function"]
        assert code
        assert {uri.removeprefix(f"s3://{bucket}/") for uri in code} <= keys


def _let_account_1_deploy_account_2() -> None:
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT_1}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws_client("iam", ACCOUNT_2).create_role(RoleName="try-deploy", AssumeRolePolicyDocument=trust)
