"""Account 1's stacks fit together, and the hosts to MyApp and to nginx."""

import re
from typing import Final

import pytest
from django.test import Client

from tests.deploy.host.template import FOLDER, document

STACKS: Final = (
    "network.yaml",
    "database.yaml",
    "template.yaml",
    "database_users.yaml",
    "host.yaml",
    "rotation.yaml",
    "monitoring.yaml",
)
SITE: Final = (FOLDER / "host/nginx/myapp.conf").read_text()


def rows() -> list[tuple[str, list[str], str]]:
    """Return what the README says: of which stack, which parameters, from where."""
    table = (FOLDER / "README.md").read_text().partition("## Where parameters come from")[2].partition("\n## ")[0]
    found, stack = [], ""
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[1].startswith("`"):
            stack = cells[0].strip("`") or stack
            found.append((stack, re.findall(r"`(\w+)`", cells[1]), cells[2]))
    return found


@pytest.mark.parametrize(("stack", "parameters", "source"), rows())
def test_a_parameter_comes_from_where_the_readme_says(stack: str, parameters: list[str], source: str) -> None:
    assert set(parameters) <= document(stack)["Parameters"].keys()
    if source.strip("`") in STACKS:
        assert set(parameters) <= document(source.strip("`"))["Outputs"].keys()


@pytest.mark.parametrize(
    "stack", ["network.yaml", "database.yaml", "database_users.yaml", "host.yaml", "rotation.yaml"]
)
def test_the_readme_tells_where_every_parameter_comes_from(stack: str) -> None:
    told = {name for of, names, _ in rows() if of == stack for name in names}

    assert document(stack)["Parameters"].keys() - told == {"NamePrefix"}


def test_a_stack_takes_nothing_from_a_later_one() -> None:
    for stack, _, source in rows():
        if source.strip("`") in STACKS:
            assert STACKS.index(source.strip("`")) < STACKS.index(stack)


def test_the_balancer_asks_what_needs_no_database(client: Client) -> None:
    path = document("host.yaml")["Resources"]["TargetGroup"]["Properties"]["HealthCheckPath"]

    assert client.get(path).json() == {"status": "ok"}  # without the mark that would let it reach the database
    assert f"location = {path} " in SITE


def test_nginx_keeps_connections_for_longer_than_the_balancer() -> None:
    attributes = document("host.yaml")["Resources"]["LoadBalancer"]["Properties"]["LoadBalancerAttributes"]
    idle = next(int(one["Value"]) for one in attributes if one["Key"] == "idle_timeout.timeout_seconds")
    kept = re.search(r"keepalive_timeout (\d+)s", SITE)

    assert kept
    assert int(kept[1]) > idle


def test_only_the_load_balancer_is_reached_from_outside() -> None:
    groups = {
        name: one for name, one in document("network.yaml")["Resources"].items() if "SecurityGroup" in one["Type"]
    }

    assert [name for name, one in groups.items() if "AllowedClientCidr" in str(one)] == ["LoadBalancerSecurityGroup"]
    inward = [one["Properties"] for one in groups.values() if one["Type"] == "AWS::EC2::SecurityGroupIngress"]
    assert inward
    assert all("SourceSecurityGroupId" in one for one in inward)
