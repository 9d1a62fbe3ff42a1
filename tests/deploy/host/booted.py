"""A host under test, with what is around it: the line's stack, a broker, the network, the metadata of its instance."""

import http.client
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from deploy.local.accounts import APP, APP_TEMPLATE, UNLOAD_BUCKET, WAREHOUSE
from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.server import EndpointServer
from deploy.local.clock import EmulatedClock
from deploy.local.servers.certificates import Certificates, ensure_certificates
from deploy.local.servers.redis import RedisServer, start_redis
from deploy.local.templates.deploy import deploy_template
from tests.aws import reset_aws
from tests.deploy.host.cloud import Signals, instance_metadata
from tests.deploy.host.image import base_image
from tests.deploy.host.machine import Machine
from tests.deploy.host.network import CLOUD, MACHINE, METADATA, Relay, cloud_network, in_network, join, relaying
from tests.deploy.host.releases import NAME, Release, aws_names, publish
from tests.deploy.host.witness import Witness

_LINE: Final = {
    "WarehouseAccountId": WAREHOUSE.account_id,
    "UnloadBucketName": UNLOAD_BUCKET,
    "DatabaseHost": "localhost",
}


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
    release: Release

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
        client: str | None = "203.0.113.9",
    ) -> tuple[int, str]:
        """Ask as the load balancer does for a client, or without one for itself; return the status and the body."""
        headers = {"Host": host} if client is None else {"Host": host, "X-Forwarded-For": client}

        def exchange() -> tuple[int, str]:
            unverified = ssl._create_unverified_context()  # noqa: S323 - nor does the balancer look at the name
            with closing(http.client.HTTPSConnection(MACHINE, timeout=30, context=unverified)) as connection:
                connection.request(method, path, body, headers)
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


@contextmanager
def booted_host(folder: Path, archive: Path, database: str) -> Iterator[Host]:
    """Boot a host that has never run its user data, and all that is around it; `folder` takes what they write."""
    aws = ensure_certificates(folder / "aws", [x509.DNSName(name) for name in aws_names()])
    with ExitStack() as parts:
        parts.callback(reset_aws)
        reset_aws()
        signals = Signals()
        witness = Witness(create_endpoint([signals], EmulatedClock(folder / "clock.json")))
        endpoint = parts.enter_context(EndpointServer(witness)).url
        redis = start_redis(
            folder / "redis", log_path=folder / "redis.log", certificates=ensure_certificates(folder / "certificates")
        )
        parts.callback(redis.stop)
        outputs = deploy_template(APP_TEMPLATE, APP, _LINE, endpoint, build_root=folder / "layers").outputs
        machine = Machine(base_image(), folder / "machine")
        parts.callback(machine.stop)
        _prepare(machine, folder, aws, ensure_certificates(folder / "certificates"))
        cloud = parts.enter_context(cloud_network())
        release = publish(endpoint, archive, outputs, redis, database)
        host = Host(machine, cloud, redis, outputs, endpoint, signals, witness.seen, release)
        host.boot(parts)
        metadata = parts.enter_context(instance_metadata(outputs["AppRoleArn"]))
        port = int(endpoint.rpartition(":")[2])
        relays = [Relay(cloud, (CLOUD, 443), port, _tls(aws)), Relay(cloud, (METADATA, 80), metadata)]
        parts.enter_context(relaying(relays))
        yield host


def _tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server_certificate_path, certificates.server_key_path)
    return context


def _prepare(machine: Machine, folder: Path, *trusted: Certificates) -> None:
    """Let the machine know the cloud's names and trust who vouches for its servers."""
    (folder / "machine").mkdir()
    names = "".join(f"{CLOUD} {name}\n" for name in aws_names())
    machine.write("/etc/hosts", f"127.0.0.1 localhost myapp-host\n{names}")
    authorities = [Path(os.environ["LOCAL_CA_BUNDLE"]), *(one.ca_path for one in trusted)]
    for number, path in enumerate(authorities):
        machine.write(f"/usr/local/share/ca-certificates/test-{number}.crt", path.read_text())
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    machine.write(str(bundle), bundle.read_text() + "".join(path.read_text() for path in authorities))
