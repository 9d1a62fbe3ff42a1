"""`python -m deploy.account1_app.database_users <environment>`: makes MyApp's and the loader's users in MySQL.

Nobody outside the network reaches MySQL, and no host runs before its user is there: a CodeBuild project in the network
does it (database_users.yaml), with the script beside this file.
"""

import argparse
import json
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from dataflows.contracts.reports import REPORT_TABLES
from deploy.stacks.accounts import Accounts
from deploy.stacks.declared import stacks_of
from deploy.stacks.deploying import Deployment
from deploy.stacks.environments import load_environment
from deploy.stacks.errors import DeployError

SCRIPT: Final = Path(__file__).with_name("database_users.sh")
STACK: Final = "app-database-users"
# What the loader writes beside the report tables (dataflows and reports own the models).
LOADER_TABLES: Final = (
    *(one.mysql_name for one in REPORT_TABLES.values()),
    "report_partition",
    "report_ledger",
    "report_quarantine",
)
# RDS signs its servers' certificates itself: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
# The administrator's password is sent to whom they vouch for: they are those that somebody looked at (October 2026).
_CA_BUNDLE_URL: Final = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
_CA_BUNDLE_SHA256: Final = "fe45bbebf92ad3e27a583bbb2ddd1553c521ed4d49af5514dc0a40372ea5395c"
_CA_BUNDLE: Final = "/tmp/rds.pem"  # noqa: S108 - in a container that nobody else uses
_INSTALL: Final = (
    "apt-get update -qq",
    "apt-get install -y -qq --no-install-recommends ca-certificates curl mariadb-client",
    f"curl -fsS -o {_CA_BUNDLE} {_CA_BUNDLE_URL}",
)
_PAUSE_SECONDS: Final = 5.0
_WAIT_SECONDS: Final = 900.0


def make_users(codebuild: Any, project: str, say: Callable[[str], None]) -> None:
    """Run the script in the project and wait for it. Raises DeployError, naming the log, if it does not end well."""
    variables = [{"name": "LOADER_TABLES", "value": " ".join(LOADER_TABLES)}]
    started = codebuild.start_build(
        projectName=project, buildspecOverride=buildspec(), environmentVariablesOverride=variables
    )["build"]["id"]
    build = _ended(codebuild, started)
    if build["buildStatus"] != "SUCCEEDED":
        where = build.get("logs", {}).get("deepLink", f"the log of CodeBuild's project {project}")
        raise DeployError(f"The database's users could not be made ({build['buildStatus']}). Why, says {where}")
    say("database users: as they should be")


def buildspec() -> str:
    """Return what CodeBuild runs, as JSON, which is YAML."""
    phases = {
        "install": {"commands": [*_INSTALL, known_certificates(_CA_BUNDLE)]},
        "build": {"commands": [f"export DATABASE_CA_BUNDLE={_CA_BUNDLE}\n{SCRIPT.read_text()}"]},
    }
    return json.dumps({"version": 0.2, "env": {"shell": "bash"}, "phases": phases})


def known_certificates(path: str) -> str:
    """Return the command that ends the build, and says what to do, where a file is not the known certificates."""
    changed = (
        f"RDS's certificates are not those that are known: {_CA_BUNDLE_URL} has changed, as it does when AWS opens a "
        "region. Look at what is new in it (openssl storeutl -noout -text -certs FILE), then write its sha256sum as "
        "_CA_BUNDLE_SHA256 in deploy/account1_app/database_users.py"
    )
    check = f"echo '{_CA_BUNDLE_SHA256}  {path}' | sha256sum --check --status"
    return f"{check} || {{ echo {shlex.quote(changed)} >&2; exit 1; }}"


def _ended(codebuild: Any, build: str) -> dict[str, Any]:
    until = time.monotonic() + _WAIT_SECONDS
    while (found := codebuild.batch_get_builds(ids=[build])["builds"][0])["buildStatus"] == "IN_PROGRESS":
        if time.monotonic() > until:
            raise DeployError(f"CodeBuild has not ended {build} for {_WAIT_SECONDS:.0f} s. Look at it in the console.")
        time.sleep(_PAUSE_SECONDS)
    return dict(found)


def _project(deployment: Deployment) -> str:
    try:
        return deployment.outputs("account1-users")[STACK]["DatabaseUsersProject"]
    except KeyError:
        raise DeployError(
            "The stack that reaches the database is not there. Run make -C deploy bootstrap-database."
        ) from None


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main(arguments: list[str]) -> int:
    """Make the users of the environment that the arguments name; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.account1_app.database_users")
    parser.add_argument("environment", help="the name of a file in deploy/parameters, such as staging")
    try:
        environment = load_environment(parser.parse_args(arguments).environment)
        accounts = Accounts(dict(environment.accounts))
        deployment = Deployment(environment, stacks_of(environment.name), accounts, _say)
        make_users(accounts.client("app", "codebuild"), _project(deployment), _say)
    except (DeployError, ClientError, BotoCoreError) as error:
        print(f"deploy: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
