"""A place for small templates, and a way to deploy them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.local.templates.account import Account
from deploy.local.templates.deploy import deploy_template
from deploy.local.templates.deployment import Deployment
from tests.aws import ACCOUNT_1, REGION_1, aws_endpoint, clean_aws

__all__ = ["aws_endpoint", "clean_aws"]

Deploy = Callable[..., Deployment]


@pytest.fixture
def deploy(tmp_path: Path, clean_aws: str) -> Deploy:
    """Deploy the text of a template to Account 1; parameters by name, `secret_values` apart."""

    def deploy(text: str, secret_values: dict[str, str] | None = None, **parameters: Any) -> Deployment:
        path = tmp_path / "template.yaml"
        path.write_text(f"Transform: AWS::Serverless-2016-10-31\n{text}")
        account = Account(ACCOUNT_1, REGION_1)
        return deploy_template(path, account, parameters, clean_aws, secret_values, build_root=tmp_path / "build")

    return deploy
