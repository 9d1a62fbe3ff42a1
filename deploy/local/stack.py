"""Both accounts and MyApp on this machine, from the templates that deploy: started in order, stopped together."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pymysql
import requests

from deploy.account1_app.database_users import LOADER_TABLES
from deploy.local.accounts import (
    APP,
    APP_TEMPLATE,
    ERROR_BUCKET,
    IN_WORKGROUP,
    INTERMEDIATE_BUCKET,
    REFRESH_TOKEN,
    SLACK,
    UNLOAD_BUCKET,
    WAREHOUSE,
    WAREHOUSE_TEMPLATE,
    bootstrap_warehouse,
    create_connector_profiles,
)
from deploy.local.chatbot.channel import Channel
from deploy.local.chatbot.pages import ChatPage
from deploy.local.clock import EmulatedClock
from deploy.local.cloud import DATABASE, CloudSettings
from deploy.local.lambdas.invocations import Report
from deploy.local.lambdas.runner import Runner
from deploy.local.processes import ChildProcess, Supervisor, wait_until
from deploy.local.recovery import forget_lost_unloads
from deploy.local.redshift.provision import PostgresServer, Warehouse
from deploy.local.servers.group import ServerGroup, start_server_group
from deploy.local.state import REPOSITORY, LocalState
from deploy.local.templates.deploy import deploy_template
from deploy.local.templates.deployment import Deployment

LOADER_USER: Final = "myapp_loader"
_PORTS: Final = ("myapp", "aws", "ga4", "warehouse", "chat")
_READY_SECONDS: Final = 60.0

Progress = Callable[[str], None]


class NotReadyError(Exception):
    """A part of the stack did not come up; the message names it and its log."""


@dataclass
class LocalStack:
    """The stack in the folder of `state`; enter it to start, leave it to stop. `progress` is told each step."""

    state: LocalState
    progress: Progress
    report: Report | None = None
    is_durable: bool = True
    environment: dict[str, str] = field(default_factory=dict)  # of MyApp's processes
    calls: Path | None = None  # where AWS calls are recorded; None for a file of the state's

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.state.processes, self.state.logs)
        self.clock = EmulatedClock(self.state.clock)
        self._manage: dict[str, ChildProcess] = {}  # manage.py's commands under way
        self._parts = ExitStack()

    @property
    def endpoint_url(self) -> str:
        """Where AWS answers."""
        return f"http://127.0.0.1:{self._ports['aws']}"

    @property
    def ga4_url(self) -> str:
        """Where Google Analytics answers."""
        return f"http://127.0.0.1:{self._ports['ga4']}"

    @property
    def app_url(self) -> str:
        """Where MyApp answers."""
        return f"http://127.0.0.1:{self._ports['myapp']}"

    @property
    def chat_url(self) -> str:
        """Where the page is that shows what Slack would have shown."""
        return f"http://127.0.0.1:{self._ports['chat']}"

    def __enter__(self) -> Self:
        self._parts.enter_context(self.state.held())
        try:
            self._start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._parts.close()

    def _start(self) -> None:
        self.supervisor.stop_leftovers()
        self._ports = {name: self.state.port(name) for name in _PORTS}  # asked later, one in use would be replaced
        self._parts.callback(self.supervisor.stop_all)
        self.progress("starting MariaDB, PostgreSQL and Redis")
        servers = start_server_group(self.state.data.resolve(), self.state.logs, is_durable=self.is_durable)
        self.servers = servers
        self._parts.callback(servers.stop)
        self.progress("starting the emulated Google and AWS")
        self._start_google()
        self._start_cloud(servers)
        self._wait_for(f"{self.ga4_url}/_local/health", "google")
        if self.google_folder.exists():  # before anything asks Google for a property it had before
            self.load_properties(self.google_folder)
        self._wait_for(f"{self.endpoint_url}/_local/health", "aws")
        self.progress("deploying both accounts' templates, migrating the database")
        app = self._deploy_app(servers)
        self._set_environment(servers, app)
        self._start_manage("migrate")
        warehouse = self._deploy_warehouse()
        bootstrap_warehouse(_warehouse_of(servers), warehouse.outputs)
        create_connector_profiles(self.endpoint_url, warehouse.outputs)
        self._finish_manage("migrate")
        create_loader_user(servers, self.state.secret("loader"))
        forget_lost_unloads(_warehouse_of(servers), servers.mariadb)
        self._start_runner(servers, app, warehouse)

    def _start_google(self) -> None:
        options = ["--port", str(self._ports["ga4"]), "--clock", str(self.clock.path)]
        command = [sys.executable, "-m", "deploy.local.ga4", *options, "--refresh-token", REFRESH_TOKEN]
        self.supervisor.start("google", command, _inherited_environment(), REPOSITORY)

    def _start_cloud(self, servers: ServerGroup) -> None:
        settings = CloudSettings(
            port=self._ports["aws"],
            warehouse_port=self._ports["warehouse"],
            warehouse_account_id=WAREHOUSE.account_id,
            warehouse_region=WAREHOUSE.region,
            ga4_url=self.ga4_url,
            clock=self.clock.path,
            calls=self.calls or self.state.root / "aws-calls.jsonl",
            appflow_snapshot=self.state.root / "appflow.json",
            certificate=servers.certificates.server_certificate_path,
            key=servers.certificates.server_key_path,
            postgres_host=servers.postgres.host,
            postgres_port=servers.postgres.port,
            postgres_user=servers.postgres.user,
            postgres_password=servers.postgres.password,
        )
        path = write_private(self.state.root / "cloud.json", settings.model_dump_json())
        command = [sys.executable, "-m", "deploy.local.cloud", str(path)]
        self.supervisor.start("aws", command, _inherited_environment(), REPOSITORY)

    def _deploy_app(self, servers: ServerGroup) -> Deployment:
        loader = json.dumps({"username": LOADER_USER, "password": self.state.secret("loader")})
        return deploy_template(
            APP_TEMPLATE,
            APP,
            _app_parameters(servers),
            self.endpoint_url,
            {"DatabaseSecret": loader},
            build_root=self.state.root / "layers-app",
        )

    def _deploy_warehouse(self) -> Deployment:
        return deploy_template(
            WAREHOUSE_TEMPLATE,
            WAREHOUSE,
            self._warehouse_parameters(),
            self.endpoint_url,
            build_root=self.state.root / "layers-warehouse",
        )

    def _warehouse_parameters(self) -> dict[str, object]:
        return {
            "AppAccountId": APP.account_id,
            "AppRegion": APP.region,
            "UnloadBucketName": UNLOAD_BUCKET,
            **IN_WORKGROUP,
            "WarehouseHost": "localhost",
            "WarehousePort": self._ports["warehouse"],
            "IntermediateBucketName": INTERMEDIATE_BUCKET,
            "ErrorBucketName": ERROR_BUCKET,
            "AppUrl": self.app_url,
            **SLACK,
        }

    def _set_environment(self, servers: ServerGroup, app: Deployment) -> None:
        config = self.state.root / "aws-config"
        role = app.outputs["AppRoleArn"]
        command = f"{sys.executable} -m deploy.local.role_credentials {self.endpoint_url} {role}"
        write_private(config, f"[default]\nregion = {APP.region}\ncredential_process = {command}\n")
        self.environment = {
            **_inherited_environment(),
            **servers.environment(),
            "MYAPP_SECRET_KEY": self.state.secret("secret-key"),
            "MYAPP_ALLOWED_HOSTS": "127.0.0.1,localhost",
            "MYAPP_IS_HTTPS": "false",
            "MYAPP_OUTBOX_ANSWER_SECONDS": "60",  # the emulated AWS forgets what is on its way when it stops
            "MYAPP_EVENT_BUS_NAME": app.outputs["AppBusName"],
            "MYAPP_STATUS_QUEUE_URL": app.outputs["StatusQueueUrl"],
            "MYAPP_UPSERT_QUEUE_URL": app.outputs["UpsertQueueUrl"],
            "MYAPP_WAREHOUSE_ACCOUNT_ID": WAREHOUSE.account_id,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_CONFIG_FILE": str(config),
        }

    def _start_runner(self, servers: ServerGroup, app: Deployment, warehouse: Deployment) -> None:
        runner = Runner(
            (*app.functions, *warehouse.functions),
            (*app.event_sources, *warehouse.event_sources),
            self.endpoint_url,
            self.state.logs,
            extra_environment={"SSL_CERT_FILE": str(servers.certificates.ca_path)},
            report=self.report,
            async_invocations=(*app.async_invocations, *warehouse.async_invocations),
        )
        self._parts.enter_context(runner)
        (channel,) = warehouse.chat_channels
        self._parts.enter_context(ChatPage(Channel(channel, runner, self.endpoint_url), self._ports["chat"]))

    def start_myapp(self, *, has_pages: bool = True) -> None:
        """Start MyApp's processes; without pages only what works in the background."""
        python = sys.executable
        celery = [python, "-m", "celery", "--quiet", "-A", "myapp"]
        commands = {
            "worker": [*celery, "worker", "--concurrency", "1", "--loglevel", "WARNING"],
            "beat": [*celery, "beat", "--schedule", str(self.state.root / "beat")],
            "status": [python, "manage.py", "consume_status"],
        }
        if has_pages:
            self._start_manage("collectstatic")
        for name, command in commands.items():
            self.supervisor.start(name, command, self.environment, REPOSITORY)
        if has_pages:
            self._finish_manage("collectstatic")
            address = self.app_url.removeprefix("http://")
            options = ["--bind", address, "--workers", "2", "--threads", "4"]
            server = [python, "-m", "gunicorn", "myapp.wsgi", "--config", "python:myapp.gunicorn_settings", *options]
            self.supervisor.start("myapp", server, self.environment, REPOSITORY)
            self._wait_for(f"{self.app_url}/health/", "myapp")

    def stop_clock(self) -> None:
        """Let an emulated time that is not the real one stand, until the stack is started again."""
        if self.clock.path.exists():
            self.clock.set(self.clock.now())

    @property
    def google_folder(self) -> Path:
        """Where properties lie that Google has again when the stack is started anew."""
        return self.state.root / "google"

    def load_properties(self, folder: Path) -> None:
        """Let Google have the properties in `folder`. Raises requests.HTTPError when it can't read them."""
        answer = requests.post(f"{self.ga4_url}/_local/load", json={"folder": str(folder)}, timeout=120)
        answer.raise_for_status()

    def _start_manage(self, name: str) -> None:
        command = [sys.executable, "manage.py", name, "--no-input", "--verbosity", "0"]
        self._manage[name] = self.supervisor.start(name, command, self.environment, REPOSITORY)

    def _finish_manage(self, name: str) -> None:
        child = self._manage.pop(name)
        if child.popen.wait():
            raise NotReadyError(f"manage.py {name} failed: see {child.log_path}.")
        self.supervisor.stop(name)

    def _wait_for(self, url: str, name: str) -> None:
        def answers() -> bool:
            self.supervisor.raise_if_dead()
            try:
                return requests.get(url, timeout=5).ok
            except requests.RequestException:
                return False

        if not wait_until(answers, _READY_SECONDS):
            raise NotReadyError(f"{name} does not answer at {url}: see {self.state.logs / name}.log.")


def create_loader_user(servers: ServerGroup, password: str) -> None:
    """Let the loader's database user write the report tables, and nothing else."""
    mariadb = servers.mariadb
    session = pymysql.connect(
        host=mariadb.host,
        port=mariadb.port,
        user=mariadb.user,
        password=mariadb.password,
        database=mariadb.database,
        ssl_ca=str(mariadb.ca_path),
    )
    with session, session.cursor() as cursor:
        cursor.execute(f"CREATE USER IF NOT EXISTS {LOADER_USER}@'127.0.0.1'")
        cursor.execute(f"ALTER USER {LOADER_USER}@'127.0.0.1' IDENTIFIED BY %s REQUIRE SSL", (password,))
        for table in LOADER_TABLES:
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {LOADER_USER}@'127.0.0.1'")


def write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def _app_parameters(servers: ServerGroup) -> dict[str, object]:
    return {
        "WarehouseAccountId": WAREHOUSE.account_id,
        "WarehouseRegion": WAREHOUSE.region,
        "UnloadBucketName": UNLOAD_BUCKET,
        "DatabaseHost": "localhost",
        "DatabasePort": servers.mariadb.port,
        "DatabaseName": servers.mariadb.database,
        "DatabaseUser": LOADER_USER,
        "DatabaseAuth": "secret",
        "DatabaseCaBundle": str(servers.certificates.ca_path),
    }


def _warehouse_of(servers: ServerGroup) -> Warehouse:
    postgres = servers.postgres
    return Warehouse(PostgresServer(postgres.host, postgres.port, postgres.user, postgres.password), DATABASE)


def _inherited_environment() -> dict[str, str]:
    """Return what a child needs of our own environment: nothing about AWS or MyApp."""
    kept: Mapping[str, str] = os.environ
    return {name: kept[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in kept}
