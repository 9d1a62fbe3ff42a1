"""The function's own connection to the warehouse is cut in the middle of its DDL: tried again, it comes to its end."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from tests.faults.proxy import Direction, FaultProxy
from tests.faults.registration.conftest import AddProperties
from tests.faults.registration.registry import ask, hear, shown
from tests.faults.registration.state import check_state
from tests.warehouse.account import Account2
from tests.warehouse.requests import data_flow

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

_FIRST_BYTES: Final = 400
_MOST_BYTES_MORE: Final = 6_000


@pytest.mark.parametrize("direction", ["answers", pytest.param("requests", marks=pytest.mark.slow)])
def test_first_registration_comes_through_a_cable_that_is_cut_later_each_time(
    account: Account2, add_properties: AddProperties, direction: Direction
) -> None:
    event = data_flow(property_id=add_properties(1)[0])
    ask(event)
    randomly, cuts, allowed = random.Random(direction), 0, _FIRST_BYTES  # noqa: S311 - to be repeated

    with cable_to_the_warehouse(account) as cable:
        cable.cut_after(direction, allowed)
        while account.send(event):
            cuts += 1
            assert cable.cuts == cuts
            hear(account)
            assert shown(event)[0] in ("Published", "Received")
            allowed += randomly.randint(1, _MOST_BYTES_MORE)
            cable.cut_after(direction, allowed)
    hear(account)

    assert cuts >= 3
    check_state(account, [event])


@contextmanager
def cable_to_the_warehouse(account: Account2) -> Iterator[FaultProxy]:
    """Let the function reach the warehouse by a cable that can be harmed."""
    secrets = account.client("secretsmanager")
    function = next(one for one in account.deployment.functions if one.handler.endswith("register_data_flow.handle"))
    arn = str(function.environment["WAREHOUSE_SECRET_ARN"])
    kept = secrets.get_secret_value(SecretId=arn)["SecretString"]
    address = json.loads(kept)
    with FaultProxy(int(address["port"])) as cable:
        secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({**address, "port": cable.port}))
        yield cable
        secrets.put_secret_value(SecretId=arn, SecretString=kept)
