"""Puts built code and templates where CloudFormation reads them: the account's artifact bucket."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any, Final

from deploy.stacks.accounts import Accounts
from deploy.stacks.declared import DEPLOY, Stack
from deploy.stacks.environments import Environment
from deploy.stacks.errors import DeployError

BUILDS: Final = DEPLOY.parent / ".aws-sam"
SAM: Final = DEPLOY.parent / ".venv-sam/bin/sam"

# CloudFormation takes larger templates from S3 only:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_LARGEST_BODY_BYTES: Final = 51_200


def packaged_template(stack: Stack, environment: Environment) -> Path:
    """Return where the template lies that is deployed: the one packaged for an environment, or the stack's own."""
    return BUILDS / environment.name / f"{stack.name}.yaml" if stack.has_code else stack.template


def package(stack: Stack, environment: Environment, bucket: str, accounts: Accounts) -> Path:
    """Upload a stack's built code, and return the template that names it there.

    Raises DeployError if nothing was built, or SAM can't upload it.
    """
    build = BUILDS / stack.template.parent.name / "template.yaml"
    if not build.is_file():
        raise DeployError(f"Nothing was built for {stack.name}. Run make -C deploy build.")
    target = packaged_template(stack, environment)
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [str(SAM), "package", "--template-file", str(build), "--output-template-file", str(target)]
    command += ["--s3-bucket", bucket, "--s3-prefix", stack.name]
    variables = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "SAM_CLI_TELEMETRY": "0",
        **accounts.credentials(stack.account),
    }
    run = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if run.returncode:
        raise DeployError(f"The code of {stack.name} could not be uploaded to {bucket}:\n{run.stderr.strip()}")
    return target


def template_argument(template: Path, bucket: str | None, s3: Any) -> dict[str, str]:
    """Return how CloudFormation is given a template: as it is, or uploaded first if it is too large for that.

    Raises DeployError for a large one while there is no bucket yet, and for one that was not packaged.
    """
    if not template.is_file():
        raise DeployError(f"{template} is not there. Run make -C deploy package.")
    body = template.read_bytes()
    if len(body) <= _LARGEST_BODY_BYTES:
        return {"TemplateBody": body.decode()}
    if bucket is None:
        raise DeployError(f"{template} is too large to be deployed before the artifact bucket is there.")
    key = f"templates/{hashlib.sha256(body).hexdigest()}.yaml"
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return {"TemplateURL": f"https://{bucket}.s3.{s3.meta.region_name}.amazonaws.com/{key}"}
