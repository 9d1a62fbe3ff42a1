"""Prints a role's temporary credentials, as the AWS SDK's `credential_process` wants them.

`python -m deploy.local.role_credentials ENDPOINT ROLE_ARN`: it plays the instance metadata service of MyApp's hosts.
"""

import json
import sys
from typing import Any

import requests


def main(endpoint_url: str, role_arn: str) -> None:
    """Assume the role as EC2 does for an instance, and print the credentials as JSON."""
    wanted = {"service": "ec2.amazonaws.com", "role_arn": role_arn, "session_name": "local-host"}
    answer = requests.post(f"{endpoint_url}/_local/assume-role", json=wanted, timeout=10)
    answer.raise_for_status()
    credentials: dict[str, Any] = answer.json()
    print(json.dumps({"Version": 1, **credentials}))


if __name__ == "__main__":
    main(*sys.argv[1:])
