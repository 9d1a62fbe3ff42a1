"""What somebody in a channel may do: what the channel's role allows and its guardrail policies allow, too."""

import json
from typing import Any
from urllib.parse import unquote

import requests

from deploy.local.aws.policy import AccessRequest, Document, identity_policies_admit
from deploy.local.templates.account import Account
from deploy.local.templates.definitions import ChatChannel

_PRINCIPAL = "chatbot.amazonaws.com"


class NotAllowedError(Exception):
    """Somebody in the channel may not do this; the text says what forbids it."""


def check_allowed(channel: ChatChannel, action: str, resource: str, account: Account, endpoint_url: str) -> None:
    """Let a command pass only as IAM would. Raises NotAllowedError."""
    _check_trust(channel, endpoint_url)
    iam = account.client("iam", endpoint_url)
    request = AccessRequest(channel.role_arn, action, resource)
    for what, documents in (
        (f"the channel's role {channel.role_arn}", _role_documents(iam, channel.role_arn)),
        ("the channel's guardrail", [_policy_document(iam, arn) for arn in channel.guardrail_arns]),
    ):
        if not identity_policies_admit(documents, request):
            raise NotAllowedError(f"{action} on {resource} is not allowed by {what}.")
    used = {"role_arn": channel.role_arn, "service": _PRINCIPAL, "action": action, "resource": resource}
    requests.post(f"{endpoint_url}/_local/record-use", json=used, timeout=30).raise_for_status()


def _check_trust(channel: ChatChannel, endpoint_url: str) -> None:
    wanted = {"service": _PRINCIPAL, "role_arn": channel.role_arn, "session_name": channel.name}
    answer = requests.post(f"{endpoint_url}/_local/assume-role", json=wanted, timeout=30)
    if not answer.ok:
        raise NotAllowedError(f"{channel.role_arn} can't be assumed by {_PRINCIPAL}: {answer.text}")


def _role_documents(iam: Any, role_arn: str) -> list[Document]:
    name = role_arn.rpartition("/")[2]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return [
        *(_read(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]) for policy in inline),
        *(_policy_document(iam, policy["PolicyArn"]) for policy in attached),
    ]


def _policy_document(iam: Any, arn: str) -> Document:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return _read(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])


def _read(document: Any) -> Document:
    read: Document = json.loads(unquote(document)) if isinstance(document, str) else document
    return read
