"""Events that are not what they say: the buses' policies, the rules' patterns and the readers refuse them.

The policies are those of the templates, asked by the evaluator that the local stack uses.
"""

import json
from typing import Any, Final

import pytest

from dataflows.answers import answer_parse
from dataflows.contracts.errors import InvalidDataFlowError, TerminalError
from dataflows.contracts.events import parse_register_data_flow, parse_run_data_flow
from deploy.local.accounts import APP, WAREHOUSE
from deploy.local.aws.event_pattern import matches
from tests.architecture.wiring.events import ANSWERS, REQUESTS
from tests.architecture.wiring.policies import STRANGER, bus_admits
from tests.architecture.wiring.stacks import ACCOUNTS, Stack, resolved, shipped_templates
from tests.dataflows.contracts.definitions import filters_of, register_detail, run_detail

Context = dict[str, str]


@pytest.fixture(scope="module")
def stacks() -> dict[str, Stack]:
    return {name: resolved(template, ACCOUNTS[name]) for name, template in shipped_templates().items()}


# bus → who may put what there: role and rule of the other account
WAYS: Final = {
    ("warehouse", "WarehouseBus"): ("app", "ForwardRole", "ForwardRule", REQUESTS),
    ("app", "AppBus"): ("warehouse", "AnswersRole", "AnswersRule", ANSWERS),
}
FORGERIES: Final[dict[str, tuple[Context, tuple[str, ...]]]] = {  # what is another, and what is left out
    "another account": ({"principal": STRANGER}, ()),
    "another source": ({"events:source": "aws.appflow"}, ()),
    "another kind of event": ({"events:detail-type": "DataFlowRemoved"}, ()),
    "another account's rule of that name": ({"rule account": STRANGER}, ()),
    "another rule of the right account and bus": ({"rule name": "myapp-everything"}, ()),
    "a rule whose name only begins with ours": ({"rule ending": "-2"}, ()),
    "a rule whose name ours begins with": ({"rule ending": ""}, ()),
    "a rule of the default bus": ({"rule bus": ""}, ()),
    "a rule of that name on another bus": ({"rule bus": "other/"}, ()),
    "no source": ({}, ("events:source",)),
    "no kind": ({}, ("events:detail-type",)),
    "no rule: put by a client": ({}, ("aws:SourceArn",)),
    "nothing said at all": ({}, ("events:source", "events:detail-type", "aws:SourceArn")),
}


def sound(stacks: dict[str, Stack], bus: tuple[str, str], event: dict[str, Any]) -> tuple[str, Context]:
    """Return who puts an event on the bus, and what is said of it."""
    sender, role, rule, _ = WAYS[bus]
    return stacks[sender].arns[role], {
        "aws:SourceArn": stacks[sender].arns[rule],
        "events:source": event["source"],
        "events:detail-type": event["detail-type"],
    }


def other_rule(arn: str, changes: Context) -> str:
    """Return the ARN of another rule than this one, in what the changes say."""
    before, _, name = arn.rpartition("/")
    beginning, _, bus = before.partition(":rule/")
    region, _, account_id = beginning.rpartition(":")
    account_id, bus = changes.get("rule account", account_id), changes.get("rule bus", f"{bus}/")
    ending = changes.get("rule ending")
    name = changes.get("rule name", name if ending is None else f"{name}{ending}" if ending else name[:-1])
    return f"{region}:{account_id}:rule/{bus}{name}"


@pytest.mark.parametrize("bus", WAYS, ids=lambda bus: bus[1])
def test_a_rule_is_forged_in_what_the_forgery_says_only(stacks: dict[str, Stack], bus: tuple[str, str]) -> None:
    _, context = sound(stacks, bus, WAYS[bus][3][0])
    arn = context["aws:SourceArn"]

    assert other_rule(arn, {}) == arn
    assert other_rule(arn, {"rule ending": "-2"}) == f"{arn}-2"
    changed = [changes for changes, _ in FORGERIES.values() if any(key.startswith("rule") for key in changes)]
    assert len({other_rule(arn, changes) for changes in changed} | {arn}) == len(changed) + 1


@pytest.mark.parametrize("bus", WAYS, ids=lambda bus: bus[1])
def test_a_bus_takes_each_event_of_the_contract(stacks: dict[str, Stack], bus: tuple[str, str]) -> None:
    for event in WAYS[bus][3]:
        principal, context = sound(stacks, bus, event)
        assert bus_admits(stacks[bus[0]], bus[1], principal, context), event["detail-type"]


@pytest.mark.parametrize("bus", WAYS, ids=lambda bus: bus[1])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_bus_refuses(stacks: dict[str, Stack], bus: tuple[str, str], forgery: str) -> None:
    changes, left_out = FORGERIES[forgery]
    for event in WAYS[bus][3]:
        principal, context = sound(stacks, bus, event)
        account_id = stacks[WAYS[bus][0]].account.account_id
        if "principal" in changes:
            principal = principal.replace(account_id, changes["principal"])
        context["aws:SourceArn"] = other_rule(context["aws:SourceArn"], changes)
        context |= {key: value for key, value in changes.items() if key in context}
        forged = {key: value for key, value in context.items() if key not in left_out}
        assert not bus_admits(stacks[bus[0]], bus[1], principal, forged)


@pytest.mark.parametrize(
    ("stack", "rule", "events", "own_account"),
    [
        ("warehouse", "RequestsRule", REQUESTS, WAREHOUSE.account_id),
        ("app", "StatusRule", ANSWERS, APP.account_id),
        ("warehouse", "AppFlowRunsRule", REQUESTS, WAREHOUSE.account_id),
        ("warehouse", "IncidentsRule", ANSWERS, APP.account_id),
    ],
)
def test_a_rule_hands_on_nothing_that_another_account_put(
    stacks: dict[str, Stack], stack: str, rule: str, events: tuple[dict[str, Any], ...], own_account: str
) -> None:
    """Even of the account that the bus is in: somebody there may put what looks like the other's."""
    pattern = dict(stacks[stack].properties[rule]["EventPattern"])
    for event in events:
        for account_id in (STRANGER, own_account):
            assert not matches(pattern, {**event, "account": account_id})


@pytest.mark.parametrize(
    "detail",
    [
        {},
        register_detail(schema_version=0),
        register_detail(schema_version=2),
        register_detail(is_admin=True),
        register_detail(event_id="not-an-id"),
        [register_detail()],
        "RegisterDataFlow",
        None,
    ],
)
def test_a_request_of_another_contract_is_refused(detail: Any) -> None:
    with pytest.raises(InvalidDataFlowError):
        parse_register_data_flow(detail)
    with pytest.raises(InvalidDataFlowError):
        parse_run_data_flow(detail)


def test_an_old_request_for_a_run_is_refused() -> None:
    with pytest.raises(InvalidDataFlowError) as refused:
        parse_run_data_flow(run_detail(schema_version=0))
    assert refused.value.reason == "literal_error"


def test_a_request_that_is_too_large_is_refused() -> None:
    with pytest.raises(InvalidDataFlowError) as refused:
        parse_register_data_flow(register_detail(reports=[{"slug": "events"}], filters=filters_of(40_000)))
    assert refused.value.reason == "definition_too_large"


@pytest.mark.parametrize(
    "changes",
    [
        {"account": STRANGER},
        {"account": APP.account_id},
        {"source": "myapp.dataflows"},
        {"detail-type": "DataFlowRemoved"},
        {"detail": {}},
        {"detail": {**ANSWERS[0]["detail"], "schema_version": 2}},
        {"detail": {**ANSWERS[0]["detail"], "status": "owned"}},
    ],
    ids=range(7),
)
def test_a_forged_answer_is_of_no_use_to_myapp(settings: Any, changes: dict[str, Any]) -> None:
    settings.WAREHOUSE_ACCOUNT_ID = WAREHOUSE.account_id
    with pytest.raises(TerminalError):
        answer_parse(json.dumps({**ANSWERS[0], "time": "2026-08-03T00:00:00Z", **changes}))
