"""What comes to the register function and is not what it says creates nothing, and somebody is told."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.architecture.wiring.policies import STRANGER
from tests.aws import ACCOUNT_2
from tests.dataflows.contracts.definitions import filters_of
from tests.warehouse.account import Account2
from tests.warehouse.requests import AT, data_flow, envelope, run_request

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

Event = dict[str, Any]
Forge = Callable[[Event], Event]


def with_detail(**changes: Any) -> Forge:
    return lambda event: {**event, "detail": {**event["detail"], **changes}}


def without_detail(*names: str) -> Forge:
    return lambda event: {
        **event,
        "detail": {name: value for name, value in event["detail"].items() if name not in names},
    }


def with_envelope(**changes: Any) -> Forge:
    return lambda event: {**event, **changes}


def request() -> Event:
    """Return a sound request to register, as its rule hands it on."""
    return envelope("RegisterDataFlow", data_flow().model_dump(mode="json"), AT)


def run() -> Event:
    """Return a sound request for a run."""
    return envelope("RunDataFlow", run_request().model_dump(mode="json"), AT)


def created(account: Account2) -> tuple[Any, ...]:
    """Return all that a request could have made: tables, flows, messages to the watch function."""
    return account.tables(), account.flows(), account.messages("WatchQueueUrl")


NOTHING: Final[tuple[Any, ...]] = (set(), {}, [])

# Nobody is answered: who says so is not MyApp, or does not say who asked. The log has it.
UNHEARD: Final[dict[str, tuple[Forge, str]]] = {
    "another account": (with_envelope(account=STRANGER), "refused: not from the application's account"),
    "the warehouse's own account": (with_envelope(account=ACCOUNT_2), "refused: not from the application's account"),
    "another source": (with_envelope(source="aws.appflow"), "refused: not from the application's account"),
    "a source that begins with MyApp's": (
        with_envelope(source="myapp.dataflows.other"),
        "refused: not from the application's account",
    ),
    "another kind": (with_envelope(**{"detail-type": "DataFlowRemoved"}), "refused: no request that is known here"),
    "nothing in it": (with_envelope(detail={}), "refused, and it does not say who asked"),
    "no data flow": (without_detail("data_flow_id"), "refused, and it does not say who asked"),
    "no event id": (without_detail("event_id"), "refused, and it does not say who asked"),
    "no correlation id": (without_detail("correlation_id"), "refused, and it does not say who asked"),
    "no revision": (without_detail("revision"), "refused, and it does not say who asked"),
    "a revision beyond all": (with_detail(revision=float("inf")), "refused, and it does not say who asked"),
}
# The operator is answered.
REFUSED: Final[dict[str, tuple[Forge, str, str]]] = {
    "no property": (without_detail("property"), "missing", "property"),
    "no reports": (without_detail("reports"), "missing", "reports"),
    "no start": (without_detail("start_date"), "missing", "start_date"),
    "an old schema": (with_detail(schema_version=0), "literal_error", "schema_version"),
    "a newer schema": (with_detail(schema_version=2), "literal_error", "schema_version"),
    "a member nobody knows": (with_detail(is_admin=True), "extra_forbidden", "is_admin"),
    "too large": (
        with_detail(reports=[{"slug": "events"}], filters=filters_of(40_000)),
        "definition_too_large",
        "Shorten the filters",
    ),
}


@pytest.mark.parametrize("forgery", UNHEARD)
def test_what_is_not_myapps_request_creates_nothing_and_is_logged(
    account: Account2, caplog: pytest.LogCaptureFixture, forgery: str
) -> None:
    forge, told = UNHEARD[forgery]

    assert account.call("register_data_flow", forge(request())) == []

    assert account.answers() == []
    assert created(account) == NOTHING
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.getMessage() == told


@pytest.mark.parametrize("forgery", REFUSED)
def test_a_request_of_another_contract_creates_nothing_and_the_operator_is_told_why(
    account: Account2, forgery: str
) -> None:
    forge, reason, words = REFUSED[forgery]

    assert account.call("register_data_flow", forge(request())) == []

    (answer,) = account.answers()
    assert (answer["status"], answer["reason"]) == ("failed", reason)
    assert words in answer["message"]
    assert answer["data_flow_id"] == str(data_flow().data_flow_id)
    assert created(account) == NOTHING


@pytest.mark.parametrize(
    "forge",
    [
        with_detail(schema_version=0),
        without_detail("data_flow_id"),
        without_detail("start_date"),
        with_detail(is_admin=True),
    ],
    ids=["an old schema", "no data flow", "no start", "a member nobody knows"],
)
def test_a_forged_request_for_a_run_starts_none(
    account: Account2, caplog: pytest.LogCaptureFixture, forge: Forge
) -> None:
    account.send(data_flow())
    account.answers()
    account.messages("WatchQueueUrl")
    before = account.runs("run_id")

    assert account.call("register_data_flow", forge(run())) == []

    assert account.runs("run_id") == before
    assert account.answers() == []
    assert account.messages("WatchQueueUrl") == []
    assert "refused: no request for runs" in caplog.messages


@pytest.mark.parametrize("name", ["account", "source", "detail-type", "detail", "time"])
def test_what_eventbridge_would_never_hand_on_is_given_back_to_the_queue_and_creates_nothing(
    account: Account2, name: str
) -> None:
    """It ends in the dead-letter queue, whose alarm rings."""
    crippled = {key: value for key, value in request().items() if key != name}

    assert account.call("register_data_flow", crippled) == ["0"]

    assert account.answers() == []
    assert created(account) == NOTHING
