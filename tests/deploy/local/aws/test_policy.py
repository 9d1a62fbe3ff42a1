from typing import Any

import pytest

from deploy.local.aws.policy import ORGANIZATION_ID, AccessRequest, identity_policies_admit, resource_policy_admits

RULE = "arn:aws:events:ap-southeast-1:111111111111:rule/app/forward"
ROLE = "arn:aws:iam::111111111111:role/forwarder"
BUS = "arn:aws:events:us-east-1:222222222222:event-bus/warehouse"


def request(principal: str = ROLE, **context: str) -> AccessRequest:
    keys = {"source": "events:source", "rule": "aws:SourceArn"}
    return AccessRequest(principal, "events:PutEvents", BUS, {keys[name]: value for name, value in context.items()})


def statement(effect: str = "Allow", **members: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": "*", "Action": "events:PutEvents", "Resource": BUS} | members


def admits(*statements: dict[str, Any], to: AccessRequest | None = None) -> bool:
    return resource_policy_admits({"Version": "2012-10-17", "Statement": list(statements)}, to or request())


def test_no_policy_admits_nobody() -> None:
    assert not resource_policy_admits(None, request())
    assert not resource_policy_admits({}, request())


@pytest.mark.parametrize(
    "principal",
    ["*", {"AWS": "*"}, {"AWS": ROLE}, {"AWS": "111111111111"}, {"AWS": ["x", "arn:aws:iam::111111111111:root"]}],
)
def test_a_role_is_admitted_by_any_of_its_names(principal: Any) -> None:
    assert admits(statement(Principal=principal))


@pytest.mark.parametrize(
    "principal",
    [{"AWS": "222222222222"}, {"AWS": ROLE + "2"}, {"Service": "events.amazonaws.com"}, {"Federated": "x"}, {}],
)
def test_a_role_is_not_admitted_by_anothers_name(principal: Any) -> None:
    assert not admits(statement(Principal=principal))


def test_a_service_is_admitted_by_its_name() -> None:
    asked = request("events.amazonaws.com")
    assert admits(statement(Principal={"Service": ["s3.amazonaws.com", "events.amazonaws.com"]}), to=asked)
    assert not admits(statement(Principal={"Service": "s3.amazonaws.com"}), to=asked)
    assert not admits(statement(Principal={"AWS": "111111111111"}), to=asked)


@pytest.mark.parametrize("action", ["events:*", "EVENTS:putevents", "*", ["events:PutRule", "events:PutEvents"]])
def test_actions_match_by_wildcard_and_in_any_case(action: Any) -> None:
    assert admits(statement(Action=action))


def test_another_action_or_resource_is_not_admitted() -> None:
    assert not admits(statement(Action="events:PutRule"))
    assert not admits(statement(Resource=BUS + "2"))
    assert admits(statement(Resource="arn:aws:events:us-east-1:222222222222:event-bus/*"))


def test_a_denial_wins_over_an_admission() -> None:
    assert not admits(statement(), statement(effect="Deny", Principal={"AWS": "111111111111"}))
    assert admits(statement(), statement(effect="Deny", Principal={"AWS": "222222222222"}))


HOLDING = {
    "equal text": {"StringEquals": {"events:source": ["other", "myapp"]}},
    "text like it": {"StringLike": {"events:source": "my*"}},
    "a key in another case": {"StringEquals": {"EVENTS:Source": "myapp"}},
    "an equal ARN": {"ArnEquals": {"aws:SourceArn": RULE}},
    "an ARN like it": {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:111111111111:rule/app/*"}},
    "a wildcard in ArnEquals": {"ArnEquals": {"aws:SourceArn": "arn:aws:events:*:111111111111:rule/*"}},
    "the account of the principal": {"StringEquals": {"aws:PrincipalAccount": "111111111111"}},
    "the organisation": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION_ID}},
    "a key that is there": {"Null": {"events:source": "false"}},
    "a key that is not there": {"Null": {"sts:ExternalId": True}},
    "each of the values": {"ForAllValues:StringEquals": {"events:source": ["myapp"]}},
    "all values of a key that is not there": {"ForAllValues:StringEquals": {"events:detail-type": ["x"]}},
    "another text": {"StringNotEquals": {"events:source": "other"}},
    "if it exists, and it does not": {"StringEqualsIfExists": {"sts:ExternalId": "x"}},
    "encrypted": {"Bool": {"aws:SecureTransport": "true"}},
    "two conditions": {"StringEquals": {"events:source": "myapp"}, "ArnLike": {"aws:SourceArn": RULE}},
}

NOT_HOLDING = {
    "another text": {"StringEquals": {"events:source": "other"}},
    "text in another case": {"StringEquals": {"events:source": "MyApp"}},
    "another ARN": {"ArnEquals": {"aws:SourceArn": RULE + "2"}},
    "a wildcard that would have to cross a colon": {"ArnLike": {"aws:SourceArn": "arn:*:rule/app/forward"}},
    "another organisation": {"StringEquals": {"aws:PrincipalOrgID": "o-other"}},
    "a key that is not there": {"StringEquals": {"events:detail-type": "x"}},
    "some value of a key that is not there": {"ForAnyValue:StringEquals": {"events:detail-type": "x"}},
    "a missing key demanded": {"Null": {"sts:ExternalId": "false"}},
    "one of two conditions": {"StringEquals": {"events:source": "myapp", "events:detail-type": "x"}},
    "an operator nobody knows": {"DateLessThan": {"events:source": "myapp"}},
    "a key nobody knows": {"StringEquals": {"aws:PrincipalTag/team": "data"}},
    "the absence of a key nobody knows": {"Null": {"aws:PrincipalTag/team": "true"}},
    "all values of a key nobody knows": {"ForAllValues:StringEquals": {"aws:TagKeys": ["x"]}},
}


@pytest.mark.parametrize("condition", HOLDING.values(), ids=HOLDING.keys())
def test_a_condition_that_holds_admits(condition: dict[str, Any]) -> None:
    assert admits(statement(Condition=condition), to=request(source="myapp", rule=RULE))


@pytest.mark.parametrize("condition", NOT_HOLDING.values(), ids=NOT_HOLDING.keys())
def test_a_condition_that_does_not_hold_admits_nobody(condition: dict[str, Any]) -> None:
    assert not admits(statement(Condition=condition), to=request(source="myapp", rule=RULE))


@pytest.mark.parametrize(
    "members",
    [
        {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "data"}}},
        {"NotPrincipal": {"AWS": ROLE}},
        {"NotAction": "events:PutRule"},
        {"NotResource": BUS},
    ],
)
def test_what_cannot_be_evaluated_admits_nobody_and_denies(members: dict[str, Any]) -> None:
    replaced = {"NotPrincipal": "Principal", "NotAction": "Action", "NotResource": "Resource"}
    odd = statement(**members)
    for name in members:
        odd.pop(replaced.get(name, ""), None)
    assert not admits(odd)
    assert not admits(statement(), odd | {"Effect": "Deny"})


def test_the_policies_of_a_role_name_no_principal() -> None:
    allowing = {"Statement": {"Effect": "Allow", "Action": "events:PutEvents", "Resource": BUS}}
    assert identity_policies_admit([{}, allowing], request())
    assert not identity_policies_admit([], request())
