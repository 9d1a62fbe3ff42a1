import re
import subprocess
from pathlib import Path

import pytest

from deploy.account1_app.host.environment import SettingsError, environment, write_private
from deploy.local.state import REPOSITORY
from tests.deploy.host.template import settings_of, template, user_data

REDIS = "arn:aws:secretsmanager:ap-southeast-1:111111111111:secret:myapp/broker-AbCdEf"
DATABASE = "arn:aws:secretsmanager:ap-southeast-1:111111111111:secret:myapp/app-database-AbCdEf"
SECRETS = {REDIS: "token", DATABASE: '{"username": "myapp", "password": "pa$s"}'}


def lines_of(text: str) -> list[str]:
    return environment(text, SECRETS.__getitem__)


@pytest.mark.parametrize("auth", ["iam", "password"])
def test_every_setting_of_myapp_is_given_to_the_hosts(auth: str) -> None:
    text = (REPOSITORY / "myapp/settings.py").read_text()
    wanted = set(re.findall(r'"(MYAPP_[A-Z_]+)"', text))

    given = settings_of(user_data({"DatabaseAuth": auth}, {"SecretKey": "arn:secret", "HostLogs": "/myapp/hosts"}))

    assert {name for name in given if name.startswith("MYAPP_")} == wanted


def test_only_references_to_secrets_are_in_the_user_data() -> None:
    parameters = {"DatabaseAuth": "password", "AppDatabaseSecretArn": DATABASE, "RedisSecretArn": REDIS}
    given = settings_of(user_data(parameters, {"SecretKey": "arn:key", "HostLogs": "/myapp/hosts"}))

    assert given["MYAPP_SECRET_KEY"] == "{{secret arn:key}}"
    assert given["MYAPP_DATABASE_PASSWORD"] == f"{{{{secret {DATABASE} password}}}}"
    assert given["MYAPP_REDIS_URL"].startswith(f"rediss://:{{{{secret {REDIS}}}}}@")


def test_the_role_may_read_the_secrets_that_are_referred_to() -> None:
    statements = template()["Resources"]["HostPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = next(one["Resource"] for one in statements if one.get("Sid") == "ReadItsSecrets")

    assert {"Ref": "SecretKey"} in allowed
    assert {"Ref": "RedisSecretArn"} in allowed


def test_a_secret_takes_the_place_of_its_name() -> None:
    assert lines_of(f"URL=rediss://:{{{{secret {REDIS}}}}}@cache:6379/0") == ['URL="rediss://:token@cache:6379/0"']


def test_a_shell_reads_what_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "environment"
    plain = 'a "quoted" `back` \\ $HOME'
    write_private(path, "\n".join(lines_of(f"PLAIN={plain}\nPASSWORD={{{{secret {DATABASE} password}}}}\nEMPTY=\n")))

    said = subprocess.run(
        ["sh", "-c", f'. "{path}"; printf "%s|" "$PLAIN" "$PASSWORD" "$EMPTY"'],
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout == f"{plain}|pa$s||"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no setting", "not NAME=value"),
        ("lower=1", "not NAME=value"),
        (f"A={{{{secret {DATABASE} missing}}}}", "is no JSON object with a 'missing'"),
        (f"A={{{{secret {REDIS} password}}}}", "is no JSON object with a 'password'"),
    ],
)
def test_a_line_that_cant_be_used_is_named(text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        lines_of(text)


def test_a_secret_of_several_lines_makes_no_settings_of_its_own() -> None:
    with pytest.raises(SettingsError, match="A has more than one line"):
        environment("A={{secret arn}}", lambda _: "x\nMYAPP_DEBUG=true")
