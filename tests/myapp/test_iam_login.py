"""MyApp logs in with an IAM token in place of a password, a new one for each connection."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection

from deploy.local.servers.certificates import ensure_certificates
from myapp.iam_mysql.base import DatabaseWrapper, _rds
from tests.myapp.proxy import asking_for_the_password


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    _rds.cache_clear()  # the client keeps the credentials it found first
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-southeast-1")


def wrapper(**changes: object) -> DatabaseWrapper:
    return DatabaseWrapper({**connection.settings_dict, **changes})


def test_the_password_is_a_token_for_this_user_at_this_host() -> None:
    place = {"HOST": "proxy.example", "PORT": "3306", "USER": "myapp", "PASSWORD": ""}

    token = urlsplit(f"https://{wrapper(**place).get_connection_params()['password']}")

    asked = parse_qs(token.query)
    assert (token.netloc, asked["Action"], asked["DBUser"]) == ("proxy.example:3306", ["connect"], ["myapp"])
    assert int(asked["X-Amz-Expires"][0]) == 900
    assert "/ap-southeast-1/rds-db/" in asked["X-Amz-Credential"][0]


def test_the_whole_token_reaches_the_proxy(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t" * 1200)  # a role's credentials make the token that long
    certificates = ensure_certificates(tmp_path / "certificates")
    options = {**connection.settings_dict["OPTIONS"], "ssl": {"ca": str(certificates.ca_path)}}
    with asking_for_the_password(certificates) as (port, sent):
        with pytest.raises(OperationalError, match="Access denied"):
            wrapper(HOST="127.0.0.1", PORT=str(port), OPTIONS=options).ensure_connection()
        token = sent.get(timeout=10).decode()

    assert token.startswith(f"127.0.0.1:{port}/?Action=connect")
    assert f"X-Amz-Security-Token={'t' * 1200}" in token


def test_everything_else_is_as_with_a_password() -> None:
    with_password = connection.copy().get_connection_params()
    with_token = wrapper().get_connection_params()

    assert {**with_password, "password": None} == {**with_token, "password": None}


def test_a_token_is_not_sent_in_the_clear() -> None:
    options = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "ssl"}

    with pytest.raises(ImproperlyConfigured, match="MYAPP_DATABASE_CA_BUNDLE"):
        wrapper(OPTIONS=options).get_connection_params()
