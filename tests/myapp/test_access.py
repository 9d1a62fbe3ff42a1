"""Who may do what: every address there is, asked by everybody, in both ways. An address not listed here fails."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from dataflows.models import DataFlow, PropertyGrant
from tests.dataflows.conftest import unsaved_data_flow

Statuses = tuple[int, int, int, int]  # of a visitor, a stranger, a granted analyst, an operator

ROLES = ("visitor", "stranger", "analyst", "operator")
TO_LOGIN = 302

EXPECTED: dict[str, tuple[Statuses, Statuses]] = {  # of GET and of an empty POST
    "home": ((TO_LOGIN, 302, 302, 302), (TO_LOGIN, 405, 405, 405)),
    "health": ((200, 200, 200, 200), (405, 405, 405, 405)),
    "login": ((200, 200, 200, 200), (200, 200, 200, 200)),
    "logout": ((TO_LOGIN, 405, 405, 405), (TO_LOGIN, 302, 302, 302)),
    "overview": ((TO_LOGIN, 404, 200, 200), (TO_LOGIN, 405, 405, 405)),
    "report": ((TO_LOGIN, 404, 200, 200), (TO_LOGIN, 405, 405, 405)),
    "data-flow-list": ((TO_LOGIN, 200, 200, 200), (TO_LOGIN, 405, 405, 405)),
    "data-flow-register": ((TO_LOGIN, 403, 403, 200), (TO_LOGIN, 403, 403, 422)),
    "data-flow-detail": ((TO_LOGIN, 404, 200, 200), (TO_LOGIN, 405, 405, 405)),
    "data-flow-edit": ((TO_LOGIN, 403, 403, 200), (TO_LOGIN, 403, 403, 422)),
    "data-flow-state": ((TO_LOGIN, 405, 405, 405), (TO_LOGIN, 403, 403, 400)),
    "data-flow-backfill": ((TO_LOGIN, 403, 403, 302), (TO_LOGIN, 403, 403, 422)),
    "data-flow-send-again": ((TO_LOGIN, 405, 405, 405), (TO_LOGIN, 403, 403, 302)),
    "incident-retry": ((TO_LOGIN, 405, 405, 405), (TO_LOGIN, 403, 403, 404)),
    "load-again": ((TO_LOGIN, 405, 405, 405), (TO_LOGIN, 403, 403, 404)),
    "data-flow-deregister": ((TO_LOGIN, 403, 403, 302), (TO_LOGIN, 403, 403, 422)),
    "api-meta": ((401, 200, 200, 200), (401, 405, 405, 405)),
    "api-query": ((401, 400, 400, 400), (401, 400, 400, 400)),
}
ADMIN = ((TO_LOGIN,) * 4, (TO_LOGIN,) * 4)  # for staff only; an operator is none
ADMIN_LOGIN = ((200,) * 4, (200,) * 4)
ARGUMENTS = {
    "property_id": "123456789",
    "slug": "daily_totals",
    "app_label": "dataflows",
    "object_id": "1",
    "quarantine_id": "1",
    "incident_id": "00000000-0000-0000-0000-000000000001",
    "id": "1",
    "content_type_id": "1",
    "url": "x",
}


@dataclass(frozen=True)
class Address:
    """A named route with an address that leads to it."""

    name: str
    path: str

    @property
    def expected(self) -> tuple[Statuses, Statuses]:
        if self.name.startswith("admin:"):
            return ADMIN_LOGIN if self.name == "admin:login" else ADMIN
        return EXPECTED[self.name]


@pytest.fixture
def data_flow(operator: User) -> DataFlow:
    data_flow = unsaved_data_flow(created_by=operator)
    data_flow.save(force_insert=True)
    return data_flow


@pytest.fixture
def operator(db: None) -> User:
    user = User.objects.create_user("operator")
    user.groups.add(Group.objects.get(name="operator"))
    return user


@pytest.fixture
def addresses(data_flow: DataFlow) -> list[Address]:
    arguments = {**ARGUMENTS, "data_flow_id": str(data_flow.id)}
    return [
        Address(name, reverse(name, kwargs={parameter: arguments[parameter] for parameter in parameters}))
        for name, parameters in routes(get_resolver())
    ]


def routes(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield each route's full name and the parameters of its address."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from routes(pattern, inner)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield f"{namespace}{pattern.name}", list(pattern.pattern.regex.groupindex)


@pytest.mark.parametrize("role", ROLES)
def test_everybody_gets_what_is_theirs_and_nothing_else(
    client: Client, role: str, operator: User, data_flow: DataFlow, addresses: list[Address]
) -> None:
    stranger, analyst = (User.objects.create_user(name) for name in ("stranger", "analyst"))
    PropertyGrant.objects.create(user=analyst, data_flow=data_flow)
    user = {"stranger": stranger, "analyst": analyst, "operator": operator}.get(role)
    found, expected = {}, {}
    for address in addresses:
        for method, statuses in zip(("GET", "POST"), address.expected, strict=True):
            if user:
                client.force_login(user)
            found[method, address.name] = client.generic(method, address.path).status_code
            expected[method, address.name] = statuses[ROLES.index(role)]
    assert found == expected


def test_every_address_has_a_name_and_an_expectation() -> None:
    names = {name for name, _ in routes(get_resolver())}
    assert {name for name in names if not name.startswith("admin:")} == EXPECTED.keys()
    assert nameless(get_resolver()) == []


def nameless(resolver: URLResolver) -> list[str]:
    found = []
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            found += nameless(pattern) if pattern.namespace != "admin" else []
        elif not pattern.name:
            found.append(str(pattern.pattern))
    return found


def test_no_form_is_taken_without_its_token(operator: User, addresses: list[Address]) -> None:
    client = Client(enforce_csrf_checks=True)
    for address in addresses:
        client.force_login(operator)
        if address.expected[1][ROLES.index("operator")] == 405:
            continue
        response = client.post(address.path, content_type="application/json", data={})
        assert response.status_code == 403, address


def test_refused_form_says_how_to_send_it_again(operator: User, data_flow: DataFlow) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    response = client.post("/data-flows/register/", {"property_id": "1"})
    assert "load the page again, and send it once more" in response.content.decode()


def test_login_never_leads_to_another_site(client: Client, db: None) -> None:
    User.objects.create_user("olga", password="a long enough one")
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        response = client.post(
            f"/accounts/login/?next={elsewhere}",
            {"username": "olga", "password": "a long enough one", "next": elsewhere},
        )
        assert (response.status_code, response["Location"]) == (302, "/")
