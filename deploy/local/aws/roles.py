"""Reads IAM roles and their policies from moto, where the templates' roles are created."""

import json
from dataclasses import dataclass

from moto.iam.models import ManagedPolicy, iam_backends

from deploy.local.aws.policy import AccessRequest, Document, identity_policies_admit, resource_policy_admits


@dataclass(frozen=True)
class Role:
    """A role: whom it trusts and what it may do."""

    arn: str
    trust_policy: Document
    policies: tuple[Document, ...]
    max_session_seconds: int

    def trusts(self, principal: str, context: dict[str, str]) -> bool:
        """Tell whether the trust policy lets the principal assume the role."""
        return resource_policy_admits(self.trust_policy, AccessRequest(principal, "sts:AssumeRole", self.arn, context))

    def may(self, action: str, resource: str) -> bool:
        """Tell whether the role's own policies allow an action."""
        return identity_policies_admit(self.policies, AccessRequest(self.arn, action, resource))


def find_role(arn: str) -> Role | None:
    """Return the role with this ARN, or None where its account has none."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam":
        return None
    roles = list(iam_backends[parts[4]]["aws"].roles.values())
    found = next((role for role in roles if role.arn == arn), None)
    if found is None:
        return None
    documents = [*found.policies.values(), *map(_document_in_force, found.managed_policies.values())]
    return Role(
        arn=arn,
        trust_policy=json.loads(found.assume_role_policy_document or "{}"),
        policies=tuple(json.loads(document) for document in documents),
        max_session_seconds=int(found.max_session_duration or 3600),
    )


def _document_in_force(policy: ManagedPolicy) -> str:
    versions = {version.version_id: version.document for version in policy.versions}
    return versions[policy.default_version_id] or "{}"
