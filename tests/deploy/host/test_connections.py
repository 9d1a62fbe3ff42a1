"""What opens connections to MySQL, together, stays below what the proxy may open for the declared instance."""

import re
from typing import Any, Final

import pytest

from serving.config import Config
from tests.deploy.host.template import FOLDER, document

UNITS: Final = sorted((FOLDER / "host/systemd").glob("myapp-*.service"))
MEMORY_BYTES: Final = {"db.t4g.medium": 4 * 2**30}  # https://aws.amazon.com/rds/instance-types/
# RDS for MySQL takes DBInstanceClassMemory/12582880 connections, and of the memory keeps some to itself, a quarter at
# the most: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
CONNECTION_BYTES: Final = 12_582_880
KEPT_SHARE: Final = 0.25


def _default(name: str, parameter: str) -> Any:
    return document(name)["Parameters"][parameter]["Default"]


def _budget() -> int:
    """Return how many connections the proxy may open."""
    pool = document("database.yaml")["Resources"]["ProxyTarget"]["Properties"]["ConnectionPoolConfigurationInfo"]
    taken = MEMORY_BYTES[_default("database.yaml", "DatabaseInstanceClass")] * (1 - KEPT_SHARE) / CONNECTION_BYTES
    return int(taken * pool["MaxConnectionsPercent"] / 100)


def _sessions_of_a_host() -> int:
    """Return how many threads of a host's units may each hold a connection at once."""
    commands = [line for unit in UNITS for line in re.findall(r"^ExecStart=(.+)$", unit.read_text(), re.MULTILINE)]
    return sum(_number("workers", one) * _number("threads", one) * _number("concurrency", one) for one in commands)


def _number(option: str, command: str) -> int:
    found = re.search(rf"--{option} (\d+)", command)
    return int(found[1]) if found else 1


def _sessions_of_loads(concurrency: int) -> int:
    most = max(getattr(one, "le", 0) for one in Config.model_fields["max_sessions"].metadata)
    return concurrency * int(most)


@pytest.mark.parametrize("limit", ["Default", "MaxValue"])
def test_loads_and_hosts_find_a_connection_at_the_same_time(limit: str) -> None:
    concurrency = document("template.yaml")["Parameters"]["UpsertConcurrency"][limit]
    hosts = _default("host.yaml", "HostCount") + 1  # one more while they are replaced

    assert _sessions_of_a_host() >= 3 * 4 + 2  # what serves pages, and what works in the background
    assert _sessions_of_loads(concurrency) + hosts * _sessions_of_a_host() <= _budget()


def test_the_functions_concurrency_is_the_parameter() -> None:
    events = document("template.yaml")["Resources"]["UpsertFunction"]["Properties"]["Events"]

    assert events["Unloaded"]["Properties"]["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "UpsertConcurrency"}}
