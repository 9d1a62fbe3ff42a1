"""Who acts with which role, and what a role's policies let it send and receive.

A role is not drawn: in its place stands whoever acts with it, a function, the hosts, a service, or who may assume it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from deploy.diagram.resources import Account, Properties, computed_text, listed, parts

APPFLOW: Final = "AppFlow"
_APPFLOW_PRINCIPAL: Final = "appflow.amazonaws.com"
_REDSHIFT_PRINCIPAL: Final = "redshift-serverless.amazonaws.com"

_SENDING: Final = frozenset(
    {
        "events:PutEvents",
        "lambda:InvokeFunction",
        "rds-db:connect",
        "redshift-data:ExecuteStatement",
        "s3:PutObject",
        "sns:Publish",
        "sqs:SendMessage",
    }
)
_RECEIVING: Final = frozenset({"s3:GetObject", "sqs:ReceiveMessage"})
_HAS_FLOWS_RUN: Final = frozenset({"appflow:CreateFlow", "appflow:StartFlow", "appflow:UpdateFlow"})

Arrow = tuple[str, str]
Accounts = Mapping[str, Account]


def rights(accounts: Accounts) -> Iterator[Arrow]:
    """Yield to whom, and from whom, those who act with roles may send and receive, as the diagram calls both."""
    for account in accounts.values():
        for role in account.of_type("AWS::IAM::Role"):
            for actor in actors(accounts, account, role):
                for statement in _statements(account, role):
                    yield from _allowed(account, actor, statement)
        for name, function in account.of_type("AWS::Serverless::Function").items():
            for statement in statements(function.get("Policies", ())):
                yield from _allowed(account, account.node(name), statement)


def actors(accounts: Accounts, account: Account, role: str) -> set[str]:
    """Return the diagram's names of those who act with a role: nobody for roles of rules, schedules and deployments."""
    trust = account.resources[role]["Properties"]["AssumeRolePolicyDocument"]
    acting = {account.node(one) for one in _acting(account, role)}
    acting |= {account.node(one) for one in _services(account, trust)}
    for other, one in _trusted_roles(accounts, account, trust):
        acting |= actors(accounts, other, one)
    return acting


def statements(document: Any) -> Iterator[Properties]:
    """Yield each statement that allows something, also one that stands under a condition of the template."""
    if isinstance(document, Mapping) and "Effect" in document:
        if document["Effect"] == "Allow":
            yield document
    elif isinstance(document, Mapping | list):
        for one in document.values() if isinstance(document, Mapping) else document:
            yield from statements(one)


def lets_appflow(statement: Properties, action: str) -> bool:
    """Tell whether a statement of a resource's policy lets AppFlow do something."""
    return _APPFLOW_PRINCIPAL in parts(statement.get("Principal")) and action in listed(statement["Action"])


def _acting(account: Account, role: str) -> Iterator[str]:
    """Yield functions, groups of hosts and chat channels that act with a role of their account."""
    for kind, key in (("AWS::Serverless::Function", "Role"), ("AWS::Chatbot::SlackChannelConfiguration", "IamRoleArn")):
        yield from (name for name, one in account.of_type(kind).items() if account.named(one.get(key)) == role)
    for name, group in account.of_type("AWS::AutoScaling::AutoScalingGroup").items():
        if _is_called(account, role, _profile(account, group).get("Roles")):
            yield name


def _profile(account: Account, group: Properties) -> Properties:
    """Return the instance profile of a group of hosts."""
    template = launch_template(account, group)
    name = account.named(template["IamInstanceProfile"])
    return account.of_type("AWS::IAM::InstanceProfile")[str(name)]


def launch_template(account: Account, group: Properties) -> Properties:
    """Return what a group's hosts are started with."""
    name = account.named(group["LaunchTemplate"]["LaunchTemplateId"])
    data: Properties = account.of_type("AWS::EC2::LaunchTemplate")[str(name)]["LaunchTemplateData"]
    return data


def _is_called(account: Account, role: str, names: Any) -> bool:
    """Tell whether a role is among these, by its name or by a reference."""
    name = computed_text(account.resources[role]["Properties"].get("RoleName"))
    return any(account.named(one) == role or (name and computed_text(one) == name) for one in listed(names or []))


def _services(account: Account, trust: Properties) -> Iterator[str]:
    """Yield the services that a role trusts, of those that are drawn."""
    principals = {str(one) for statement in statements(trust) for one in parts(statement.get("Principal"))}
    if _APPFLOW_PRINCIPAL in principals:
        yield APPFLOW
    if _REDSHIFT_PRINCIPAL in principals:
        yield from account.of_type("AWS::RedshiftServerless::Workgroup")


def _trusted_roles(accounts: Accounts, account: Account, trust: Properties) -> Iterator[tuple[Account, str]]:
    """Yield the roles that may assume a role: of its account by reference, of the other by their computed names."""
    roles = account.of_type("AWS::IAM::Role")
    yield from ((account, name) for name in account.all_named(list(statements(trust))) if name in roles)
    ends = {str(one).rpartition(":role/")[2] for one in parts(list(statements(trust))) if ":role/" in str(one)}
    for other in (one for one in accounts.values() if one is not account):
        for name, role in other.of_type("AWS::IAM::Role").items():
            if computed_text(role.get("RoleName")) in ends:
                yield other, name


def _statements(account: Account, role: str) -> Iterator[Properties]:
    yield from statements(account.resources[role]["Properties"].get("Policies", ()))
    for policy in account.of_type("AWS::IAM::Policy").values():
        if _is_called(account, role, policy.get("Roles")):
            yield from statements(policy["PolicyDocument"])


def _allowed(account: Account, actor: str, statement: Properties) -> Iterator[Arrow]:
    """Yield where an actor may send to or receive from by a statement, of what is drawn."""
    actions = set(parts(statement.get("Action", ())))
    if actions & _HAS_FLOWS_RUN:
        yield actor, account.node(APPFLOW)
    for resource in map(account.node, filter(account.is_drawn, account.all_named(statement.get("Resource")))):
        if actions & _SENDING:
            yield actor, resource
        if actions & _RECEIVING:
            yield resource, actor
