import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.local.state import REPOSITORY
from tests.deploy.host.template import user_data

HOST = REPOSITORY / "deploy/account1_app/host"
MADE = {".venv", ".local", ".aws", "build"}  # by tools, .venv-sam and .aws-sam among them
SCRIPTS = sorted(
    path
    for path in (*REPOSITORY.rglob("*.sh"), REPOSITORY / ".ci/run")
    if not MADE & {part.partition("-")[0] for part in path.relative_to(REPOSITORY).parts}
)


def complaints(path: Path) -> str:
    return subprocess.run(
        ["shellcheck", "--external-sources", path], capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_shellcheck_has_nothing_to_say_of(path: Path) -> None:
    assert complaints(path) == ""


def test_shellcheck_has_nothing_to_say_of_the_user_data(tmp_path: Path) -> None:
    script = tmp_path / "user-data.sh"
    script.write_text(user_data({}, {"SecretKey": "arn:secret", "HostLogs": "/myapp/hosts"}))

    assert complaints(script) == ""


def test_the_user_data_fits_into_a_launch_template() -> None:
    arn = "arn:aws:secretsmanager:ap-southeast-1:111111111111:secret:myapp/some-longer-name-AbCdEf"
    names = ("DatabaseHost", "RedisHost", "StatusQueueUrl", "UpsertQueueUrl", "DomainName")
    long = dict.fromkeys(names, "x" * 120)
    script = user_data({**long, "RedisSecretArn": arn}, {"SecretKey": arn, "HostLogs": "/myapp/hosts"})

    assert len(script.encode()) < 16_384  # EC2's limit, before it is encoded


def test_nginx_takes_the_site(tmp_path: Path) -> None:
    certificate = ["-keyout", str(tmp_path / "host.key"), "-out", str(tmp_path / "host.crt")]
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=host"]
    subprocess.run(["openssl", "req", "-x509", *options, *certificate], check=True, capture_output=True)
    site = (HOST / "nginx/myapp.conf").read_text().replace("@SERVER_NAME@", "reports.example.com")
    site = site.replace("/etc/nginx/myapp/", f"{tmp_path}/").replace("/var/log/nginx/", f"{tmp_path}/")
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{site}\n}}\n")
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program, "nginx is missing: run `make setup-checks`"

    done = subprocess.run([program, "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
