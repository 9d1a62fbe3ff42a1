"""The database's users, made on the tests' MariaDB by the script that CodeBuild is given."""

import hashlib
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
import yaml

from deploy.account1_app.database_users import (
    _CA_BUNDLE,
    LOADER_TABLES,
    SCRIPT,
    buildspec,
    known_certificates,
    make_users,
)
from deploy.stacks.errors import DeployError
from tests.aws import ACCOUNT_1, REGION_1, aws_endpoint, clean_aws, signed_client

__all__ = ["aws_endpoint", "clean_aws"]

SERVER = {name: f"MYAPP_DATABASE_{name}" for name in ("HOST", "PORT", "USER", "PASSWORD")}


def _connect(user: str, password: str, database: str | None = None) -> "pymysql.connections.Connection[Any]":
    return pymysql.connect(
        host=os.environ[SERVER["HOST"]],
        port=int(os.environ[SERVER["PORT"]]),
        user=user,
        password=password,
        database=database,
        ssl_ca=os.environ["LOCAL_CA_BUNDLE"],
    )


def _administrator() -> "pymysql.connections.Connection[Any]":
    return _connect(os.environ[SERVER["USER"]], os.environ[SERVER["PASSWORD"]])


@pytest.fixture
def variables() -> Iterator[dict[str, str]]:
    """What the project gives the script, for a database and users that are not there before or after."""
    name = f"users_{secrets.token_hex(4)}"
    yield {
        "PATH": os.environ["PATH"],
        "DATABASE_HOST": os.environ[SERVER["HOST"]],
        "DATABASE_PORT": os.environ[SERVER["PORT"]],
        "DATABASE_NAME": name,
        "DATABASE_CA_BUNDLE": os.environ["LOCAL_CA_BUNDLE"],
        "LOADER_TABLES": " ".join(LOADER_TABLES),
        "MASTER_USER": os.environ[SERVER["USER"]],
        "MASTER_PASSWORD": os.environ[SERVER["PASSWORD"]],
        "APP_USER": f"{name}_a",
        "APP_PASSWORD": "it's a \\ pa$$",
        "LOADER_USER": f"{name}_l",
        "LOADER_PASSWORD": "loader",
    }
    with _administrator() as session, session.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"DROP USER IF EXISTS {name}_a@'%', {name}_l@'%'")


def _run(variables: dict[str, str]) -> str:
    """Make the database and run the script; return what it said."""
    with _administrator() as session, session.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {variables['DATABASE_NAME']}")
    run = subprocess.run(["bash", SCRIPT], env=variables, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_both_users_are_made_before_any_table_is_there(variables: dict[str, str]) -> None:
    assert variables["APP_PASSWORD"] not in _run(variables)

    database, table = variables["DATABASE_NAME"], LOADER_TABLES[0]
    with _connect(variables["APP_USER"], variables["APP_PASSWORD"], database) as app, app.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY)")
        cursor.execute("CREATE TABLE auth_user (id INT PRIMARY KEY)")
    with (
        _connect(variables["LOADER_USER"], variables["LOADER_PASSWORD"], database) as loader,
        loader.cursor() as cursor,
    ):
        cursor.execute(f"INSERT INTO {table} VALUES (1)")  # noqa: S608 - a name of ours
        for refused in ("SELECT * FROM auth_user", f"DROP TABLE {table}", f"CREATE TABLE {LOADER_TABLES[1]} (id INT)"):
            with pytest.raises(pymysql.err.OperationalError, match="denied"):
                cursor.execute(refused)


def test_again_it_brings_the_password_of_the_moment(variables: dict[str, str]) -> None:
    _run(variables)
    _run({**variables, "APP_PASSWORD": "changed"})

    _connect(variables["APP_USER"], "changed").close()
    with pytest.raises(pymysql.err.OperationalError, match="denied"):
        _connect(variables["APP_USER"], variables["APP_PASSWORD"])


def test_a_statement_that_fails_ends_it(variables: dict[str, str]) -> None:
    run = subprocess.run(
        ["bash", SCRIPT],
        env={**variables, "MASTER_PASSWORD": "wrong"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode != 0
    assert "denied" in run.stderr


def test_codebuild_is_given_the_script() -> None:
    content = yaml.safe_load(buildspec())

    assert content["env"] == {"shell": "bash"}
    assert SCRIPT.read_text() in content["phases"]["build"]["commands"][0]


def test_certificates_that_nobody_knows_end_the_build_before_the_password_is_sent(tmp_path: Path) -> None:
    others = tmp_path / "others.pem"
    others.write_text("-----BEGIN CERTIFICATE-----")

    run = subprocess.run(["bash", "-c", known_certificates(str(others))], capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert "deploy/account1_app/database_users.py" in run.stderr
    assert yaml.safe_load(buildspec())["phases"]["install"]["commands"][-1] == known_certificates(_CA_BUNDLE)


def test_known_certificates_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = tmp_path / "known.pem"
    known.write_text("known")
    digest = hashlib.sha256(known.read_bytes()).hexdigest()
    monkeypatch.setattr("deploy.account1_app.database_users._CA_BUNDLE_SHA256", digest)

    assert subprocess.run(["bash", "-c", known_certificates(str(known))], check=False).returncode == 0


@pytest.fixture
def codebuild(clean_aws: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """CodeBuild with the project; moto's builds end well at once."""
    monkeypatch.setattr("deploy.account1_app.database_users._PAUSE_SECONDS", 0)
    client = signed_client("codebuild", REGION_1, ACCOUNT_1)  # its own: it is told how to answer
    environment = {"type": "LINUX_CONTAINER", "image": "debian:12", "computeType": "BUILD_GENERAL1_SMALL"}
    role = f"arn:aws:iam::{ACCOUNT_1}:role/try-database-users"
    client.create_project(
        name="try-database-users",
        source={"type": "S3", "location": "any/source"},  # moto knows no project without a source
        artifacts={"type": "NO_ARTIFACTS"},
        environment=environment,
        serviceRole=role,
    )
    return client


def _answering(client: Any, *statuses: str) -> Any:
    """Let the builds that a client asks for be in these states, one call after the other."""
    left = list(statuses)

    def set_status(parsed: dict[str, Any], **_: Any) -> None:
        parsed["builds"][0] |= {"buildStatus": left.pop(0), "logs": {"deepLink": "https://log"}}

    client.meta.events.register("after-call.codebuild.BatchGetBuilds", set_status)
    return client


def test_the_build_is_waited_for(codebuild: Any) -> None:
    said: list[str] = []

    make_users(_answering(codebuild, "IN_PROGRESS", "SUCCEEDED"), "try-database-users", said.append)

    assert said == ["database users: as they should be"]


def test_a_build_that_fails_names_its_log(codebuild: Any) -> None:
    with pytest.raises(DeployError, match=r"could not be made \(FAILED\).*https://log"):
        make_users(_answering(codebuild, "FAILED"), "try-database-users", print)
