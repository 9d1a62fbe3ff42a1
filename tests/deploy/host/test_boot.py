"""A host boots: its user data, as the template has it, in a Debian of its own under a systemd of its own.

Nothing in the machine knows of a test: AWS answers at its own names, over TLS with certificates that the machine
trusts; credentials come from the instance's metadata. Only Amazon's two agents are empty packages.
"""

import hashlib
import http.client
import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pymysql
import pytest
from cryptography import x509

from deploy.account1_app.host.bundle import build
from deploy.local.accounts import APP, APP_TEMPLATE, UNLOAD_BUCKET, WAREHOUSE
from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.policy import AccessRequest, identity_policies_admit
from deploy.local.aws.server import EndpointServer
from deploy.local.clock import EmulatedClock
from deploy.local.processes import wait_until
from deploy.local.servers.certificates import Certificates, ensure_certificates
from deploy.local.servers.launch import stop_recorded_servers
from deploy.local.servers.redis import RedisServer, start_redis
from deploy.local.state import SHARED_PREFIX, make_shared_folder
from deploy.local.templates.deploy import deploy_template
from tests.aws import reset_aws
from tests.deploy.host.cloud import INSTANCE, Signals, instance_metadata
from tests.deploy.host.image import base_image
from tests.deploy.host.machine import Machine, why_no_machine
from tests.deploy.host.network import CLOUD, MACHINE, METADATA, Relay, cloud_network, in_network, join, relaying
from tests.deploy.host.template import STACK, host_policy, user_data
from tests.deploy.host.witness import Witness

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_no_machine() is not None, reason=f"no machine can be booted here: {why_no_machine()}"),
]

NAME: Final = "reports.example.com"
RELEASES: Final = "myapp-releases"
DATABASE: Final = "host_boot"
AGENTS: Final = {
    "amazon-ssm": "latest/debian_amd64/amazon-ssm-agent.deb",
    "amazoncloudwatch-agent": "debian/amd64/latest/amazon-cloudwatch-agent.deb",
}
SERVICES: Final = ("s3", "secretsmanager", "sqs", "events", "cloudformation", "sts")
UNITS: Final = ("web", "worker", "beat", "status")
TRUSTED: Final = "/usr/local/share/ca-certificates"


@dataclass
class Host:
    """The machine under test with what is around it."""

    machine: Machine
    cloud: int  # a process in the cloud's network
    redis: RedisServer
    outputs: Mapping[str, str]  # of the line's stack
    endpoint: str
    signals: Signals
    asked: set[tuple[str, str]]  # of AWS, by the role: actions and resources
    script: str
    policy: dict[str, Any]  # what host.yaml lets the role do
    version: str

    def boot(self, parts: ExitStack) -> None:
        """Boot it and lay its cables; `parts` takes them out again."""
        self.machine.boot()
        join(self.cloud, self.machine.pid)
        ports = (int(os.environ["MYAPP_DATABASE_PORT"]), self.redis.port)
        parts.enter_context(relaying([Relay(self.machine.pid, ("127.0.0.1", port), port) for port in ports]))
        self.machine.await_system()

    def ask(
        self,
        path: str,
        *,
        host: str = NAME,
        method: str = "GET",
        body: bytes | None = None,
        client: str = "203.0.113.9",
    ) -> tuple[int, str]:
        """Ask as the load balancer does for a client; return the status and the body."""

        def exchange() -> tuple[int, str]:
            unverified = ssl._create_unverified_context()  # noqa: S323 - nor does the balancer look at the name
            with closing(http.client.HTTPSConnection(MACHINE, timeout=30, context=unverified)) as connection:
                connection.request(method, path, body, {"Host": host, "X-Forwarded-For": client})
                response = connection.getresponse()
                return response.status, response.read().decode()

        return in_network(self.cloud, exchange)

    def client(self, service: str) -> Any:
        """Return a client of Account 1."""
        return APP.client(service, self.endpoint)

    def last_words(self) -> str:
        """Return what would say why the host does not run."""
        files = self.machine.run(["sh", "-c", "tail -n 15 /var/log/myapp/*.log"]).stdout
        journal = self.machine.run(["journalctl", "--boot", "--no-pager", "--lines=40"]).stdout
        return f"{files}\n{journal}\n{self.machine.console()}"

    def log(self, unit: str) -> str:
        """Return what a unit has printed."""
        return self.machine.run(["cat", f"/var/log/myapp/myapp-{unit}.log"]).stdout


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = make_shared_folder(f"{SHARED_PREFIX}host-")
    yield path
    stop_recorded_servers(path)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def archive(folder: Path) -> Path:
    return build(folder / "bundle")


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A database of its own on the tests' MariaDB."""
    session = pymysql.connect(
        host=os.environ["MYAPP_DATABASE_HOST"],
        port=int(os.environ["MYAPP_DATABASE_PORT"]),
        user=os.environ["MYAPP_DATABASE_USER"],
        password=os.environ["MYAPP_DATABASE_PASSWORD"],
        ssl_ca=os.environ["LOCAL_CA_BUNDLE"],
    )
    with session, session.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE} COLLATE utf8mb4_bin")
        yield DATABASE
        cursor.execute(f"DROP DATABASE {DATABASE}")


@pytest.fixture(scope="module")
def host(folder: Path, archive: Path, database: str) -> Iterator[Host]:
    """A host that has run its user data once."""
    aws = ensure_certificates(folder / "aws", [x509.DNSName(name) for name in _names()])
    with ExitStack() as parts:
        parts.callback(reset_aws)
        reset_aws()
        signals = Signals()
        witness = Witness(create_endpoint([signals], EmulatedClock(folder / "clock.json")))
        endpoint = parts.enter_context(EndpointServer(witness)).url
        redis_certificates = ensure_certificates(folder / "certificates")
        redis = start_redis(folder / "redis", log_path=folder / "redis.log", certificates=redis_certificates)
        parts.callback(redis.stop)
        line = {
            "WarehouseAccountId": WAREHOUSE.account_id,
            "UnloadBucketName": UNLOAD_BUCKET,
            "DatabaseHost": "localhost",
        }
        outputs = deploy_template(APP_TEMPLATE, APP, line, endpoint, build_root=folder / "layers").outputs
        script, policy = _released(endpoint, archive, outputs, redis, database)
        machine = Machine(base_image(), folder / "machine")
        parts.callback(machine.stop)
        _prepare(machine, folder, aws, redis_certificates)
        cloud = parts.enter_context(cloud_network())
        made = Host(machine, cloud, redis, outputs, endpoint, signals, witness.seen, script, policy, archive.name[6:-7])
        made.boot(parts)
        metadata = parts.enter_context(instance_metadata(outputs["AppRoleArn"]))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(aws.server_certificate_path, aws.server_key_path)
        port = int(endpoint.rpartition(":")[2])
        relays = [Relay(cloud, (CLOUD, 443), port, context), Relay(cloud, (METADATA, 80), metadata)]
        parts.enter_context(relaying(relays))
        done = machine.run(["bash", "-s"], text=script)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{made.last_words()}"
        yield made


def _names() -> list[str]:
    """Return the names at which AWS is asked for: those of its services and of the buckets."""
    buckets = (RELEASES, *(f"{prefix}-{APP.region}" for prefix in AGENTS))
    hosts = (*SERVICES, *(f"{bucket}.s3" for bucket in buckets))
    return [f"{host}.{APP.region}.amazonaws.com" for host in hosts]


def _released(
    endpoint: str, archive: Path, outputs: Mapping[str, str], redis: RedisServer, database: str
) -> tuple[str, dict[str, Any]]:
    """Put the release, Amazon's agents and the secrets where the script looks for them; return it and the policy."""
    s3, secrets = APP.client("s3", endpoint), APP.client("secretsmanager", endpoint)
    place = {"CreateBucketConfiguration": {"LocationConstraint": APP.region}}
    for bucket in (RELEASES, *(f"{prefix}-{APP.region}" for prefix in AGENTS)):
        s3.create_bucket(Bucket=bucket, **place)
    s3.upload_file(str(archive), RELEASES, f"releases/{archive.name}")
    for prefix, key in AGENTS.items():
        s3.upload_file(str(_agent(archive.parent, Path(key).stem)), f"{prefix}-{APP.region}", key)
    values = {
        "secret-key": "k" * 64,
        "redis": redis.password,
        "database": json.dumps({"password": os.environ["MYAPP_DATABASE_PASSWORD"]}),
    }
    arns = {name: secrets.create_secret(Name=name, SecretString=value)["ARN"] for name, value in values.items()}
    parameters = {
        "ArtifactBucketName": RELEASES,
        "ReleaseVersion": archive.name[6:-7],
        "ReleaseSha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "DomainName": NAME,
        "DatabaseHost": os.environ["MYAPP_DATABASE_HOST"],
        "DatabasePort": os.environ["MYAPP_DATABASE_PORT"],
        "DatabaseName": database,
        "AppDatabaseUser": os.environ["MYAPP_DATABASE_USER"],
        "DatabaseAuth": "password",  # MariaDB knows no IAM
        "AppDatabaseSecretArn": arns["database"],
        "RedisHost": redis.host,
        "RedisPort": str(redis.port),
        "RedisSecretArn": arns["redis"],
        "WarehouseAccountId": WAREHOUSE.account_id,
        **{name: outputs[name] for name in ("AppBusName", "StatusQueueUrl", "UpsertQueueUrl")},
    }
    resources = {"SecretKey": arns["secret-key"], "HostLogs": "/myapp/hosts"}
    return user_data(parameters, resources), host_policy(parameters, resources)


def _agent(folder: Path, name: str) -> Path:
    """Build a package of that name, with a program that the installation calls."""
    root = folder / name
    (root / "DEBIAN").mkdir(parents=True)
    fields = {"Package": name, "Version": "1", "Architecture": "all", "Maintainer": "nobody", "Description": "none"}
    (root / "DEBIAN/control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    program = root / f"usr/bin/{name}-ctl"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$@" >/var/log/agent-was-told\n')
    program.chmod(0o755)
    subprocess.run(["dpkg-deb", "--build", root, folder / f"{name}.deb"], check=True, capture_output=True)
    return folder / f"{name}.deb"


def _prepare(machine: Machine, folder: Path, *trusted: Certificates) -> None:
    """Let the machine know the cloud's names and trust who vouches for its servers."""
    (folder / "machine").mkdir()
    names = "".join(f"{CLOUD} {name}\n" for name in _names())
    machine.write("/etc/hosts", f"127.0.0.1 localhost myapp-host\n{names}")
    authorities = [Path(os.environ["LOCAL_CA_BUNDLE"]), *(one.ca_path for one in trusted)]
    for number, path in enumerate(authorities):
        machine.write(f"{TRUSTED}/test-{number}.crt", path.read_text())
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    machine.write(str(bundle), bundle.read_text() + "".join(path.read_text() for path in authorities))


def test_cloudformation_is_told_that_the_host_runs(host: Host) -> None:
    assert host.signals.told == [(STACK, "Hosts", INSTANCE, "SUCCESS")]


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_runs_as_a_user_without_rights(host: Host, unit: str) -> None:
    shown = host.machine.said("systemctl", "show", f"myapp-{unit}", "--property=ActiveState,MainPID,NRestarts")
    state = dict(line.split("=") for line in shown.splitlines())
    assert (state["ActiveState"], state["NRestarts"]) == ("active", "0"), host.log(unit)
    status = host.machine.said("cat", f"/proc/{state['MainPID']}/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines())
    assert facts["Uid"].split()[0] == host.machine.said("id", "-u", "myapp").strip()
    assert (facts["CapBnd"], facts["NoNewPrivs"], facts["Seccomp"]) == ("0" * 16, "1", "2")


def test_the_balancer_is_answered_whatever_name_it_uses(host: Host) -> None:
    assert host.ask("/health/live/", host=MACHINE) == (200, '{"status": "ok"}')


def test_the_health_check_reaches_the_database(host: Host) -> None:
    assert host.ask("/health/") == (200, '{"status": "ok"}')


def test_the_login_page_comes_with_its_style(host: Host) -> None:
    status, page = host.ask("/accounts/login/")
    assert (status, "Log in" in page) == (200, True)
    assert host.ask("/static/myapp.css")[0] == 200
    assert host.ask("/static/admin/css/base.css")[0] == 200


def test_another_name_is_turned_away(host: Host) -> None:
    assert host.ask("/accounts/login/", host="evil.example")[0] == 421


def test_a_body_that_is_too_large_is_turned_away(host: Host) -> None:
    assert host.ask("/api/v1/query", method="POST", body=b"x" * 1_100_000)[0] == 413


def test_who_tries_many_passwords_is_held_up(host: Host) -> None:
    # What a client writes into the header itself comes before what the balancer adds.
    statuses = {host.ask("/admin/login/", client=f"198.51.100.{number}, 192.0.2.7")[0] for number in range(15)}
    assert statuses == {200, 429}
    assert host.ask("/admin/login/", client="192.0.2.8")[0] == 200


def test_secrets_lie_in_memory_for_their_reader_only(host: Host) -> None:
    owner = host.machine.said("stat", "--format=%U %a", "/run/myapp", "/run/myapp/environment")
    assert owner.split() == ["myapp", "700", "myapp", "600"]
    assert host.redis.password in host.machine.said("cat", "/run/myapp/environment")
    found = host.machine.run(["grep", "-rlF", host.redis.password, "/etc", "/opt/myapp", "/var/log", "/var/lib"])
    assert found.stdout == ""


def test_a_process_of_myapp_cant_change_its_code(host: Host) -> None:
    inside = ["nsenter", "--target", host.machine.said("pgrep", "-of", "gunicorn").strip(), "--mount", "--", "touch"]
    for path in ("/opt/myapp/current/manage.py", "/opt/myapp/current/venv/new", "/etc/new", "/var/log/myapp/new"):
        assert "Read-only file system" in host.machine.run([*inside, path]).stderr


def test_an_answer_of_the_warehouse_is_read(host: Host) -> None:
    host.client("sqs").send_message(QueueUrl=host.outputs["StatusQueueUrl"], MessageBody="no answer at all")
    assert wait_until(lambda: "is no use" in host.log("status"), 30), host.log("status")


def test_what_is_saved_is_published(host: Host) -> None:
    done = host.machine.run(["myapp-manage", "shell"], text=_SAVE)
    assert "saved" in done.stdout, done.stderr
    assert wait_until(lambda: _state(host) == "published", 60), (host.log("worker"), host.log("beat"))


_SAVE: Final = """
import datetime
from django.contrib.auth.models import User
from dataflows.models import DataFlow
from dataflows.services import data_flow_register
flow = DataFlow(
    property_id="123456789", display_name="Shop", time_zone="UTC", currency_code="EUR", connector_profile="ga4",
    reports=[{"slug": "daily_totals"}], start_date=datetime.date(2026, 1, 1), lookback_days=3, refresh_hour_local=4,
    on_invalid="drop_record",
)
data_flow_register(data_flow=flow, user=User.objects.create_user("olga"))
print("saved")
"""


def _state(host: Host) -> str:
    ask = "from dataflows.models import OutboxEvent; print('state', OutboxEvent.objects.get().state)"
    return host.machine.run(["myapp-manage", "shell"], text=ask).stdout.partition("state ")[2].strip()


def test_the_role_may_do_what_the_host_did(host: Host) -> None:
    iam, role = host.client("iam"), host.outputs["AppRoleArn"].rpartition("/")[2]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    line = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    assert {action for action, _ in host.asked} == {
        "s3:GetObject",
        "secretsmanager:GetSecretValue",
        "cloudformation:SignalResource",
        "events:PutEvents",
        "sqs:ReceiveMessage",
    }
    for action, resource in host.asked:
        request = AccessRequest(host.outputs["AppRoleArn"], action, resource)
        assert identity_policies_admit([*line, host.policy], request), (action, resource)


def test_the_log_agent_is_told_of_every_log(host: Host) -> None:
    assert "file:/etc/myapp/cloudwatch-agent.json" in host.machine.said("cat", "/var/log/agent-was-told")
    configuration = json.loads(host.machine.said("cat", "/etc/myapp/cloudwatch-agent.json"))
    files = configuration["logs"]["logs_collected"]["files"]["collect_list"]
    shipped = {Path(one["file_path"]).name for one in files}
    assert set(host.machine.said("ls", "/var/log/myapp").split()) <= shipped
    assert {one["log_group_name"] for one in files} == {"/myapp/hosts"}


def test_the_units_are_hardly_exposed(host: Host) -> None:
    for unit in (*UNITS, "settings", "migrate"):
        host.machine.said("systemd-analyze", "security", "--threshold=15", f"myapp-{unit}.service")


def test_a_second_installation_changes_nothing(host: Host) -> None:
    said = host.machine.said(f"/opt/myapp/releases/{host.version}/host/install.sh")
    assert said.strip().endswith(f"{host.version} runs")
    assert host.ask("/health/")[0] == 200


def test_another_release_than_asked_for_is_not_installed(host: Host) -> None:
    told = len(host.signals.told)
    changed = host.script.replace(host.version, "20260101000000-000000000000")
    host.client("s3").copy_object(
        Bucket=RELEASES,
        Key="releases/myapp-20260101000000-000000000000.tar.gz",
        CopySource=f"{RELEASES}/releases/myapp-{host.version}.tar.gz",
    )
    wrong = hashlib.sha256(b"").hexdigest()
    right = next(line.split()[1].strip('"') for line in changed.splitlines() if "sha256sum" in line)
    done = host.machine.run(["bash", "-s"], text=changed.replace(right, wrong))
    assert done.returncode != 0
    assert "did NOT match" in done.stderr
    assert host.signals.told[told:] == [(STACK, "Hosts", INSTANCE, "FAILURE")]


def test_a_host_that_boots_again_is_up_by_itself(host: Host) -> None:
    host.machine.stop()
    with ExitStack() as parts:
        again = replace(host)
        again.boot(parts)
        assert wait_until(lambda: again.ask("/health/")[0] == 200, 60), again.machine.console()
        for unit in UNITS:
            assert again.machine.said("systemctl", "is-active", f"myapp-{unit}").strip() == "active"
