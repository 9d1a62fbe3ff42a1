import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from deploy.stacks.approvals import agreement
from deploy.stacks.environments import Environment
from deploy.stacks.errors import DeployError
from tests.aws import signed_client

PIPELINE = {"PIPELINE_NAME": "myapp", "PIPELINE_EXECUTION_ID": "one"}


@contextmanager
def _answering(content: Any) -> Iterator[str]:
    """Serve one JSON answer to every request, as CodePipeline and GitHub would."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        do_POST = do_GET

        def log_message(self, *_arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _no_pipeline() -> Any:
    raise AssertionError("no pipeline is to be asked")


@pytest.fixture
def production(environment: Environment) -> Environment:
    return replace(environment, name="production")


def test_staging_asks_nobody(environment: Environment) -> None:
    assert agreement(environment, is_confirmed=False, variables={}, codepipeline=_no_pipeline)("try-app")


def test_production_is_not_deployed_unasked_outside_of_a_pipeline(production: Environment) -> None:
    with pytest.raises(DeployError, match="No approval of this run"):
        agreement(production, is_confirmed=True, variables={}, codepipeline=_no_pipeline)


@pytest.mark.parametrize(("answer", "expected"), [("try-app\n", True), ("yes\n", False), ("\n", False)])
def test_production_is_confirmed_by_the_stacks_name(
    production: Environment, monkeypatch: pytest.MonkeyPatch, answer: str, expected: bool
) -> None:
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)

    assert agreement(production, is_confirmed=False, variables={}, codepipeline=_no_pipeline)("try-app") is expected


def test_production_without_a_terminal_is_refused(production: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("try-app\n"))

    with pytest.raises(DeployError, match="by a person at a terminal"):
        agreement(production, is_confirmed=False, variables={}, codepipeline=_no_pipeline)("try-app")


def _execution(category: str, status: str) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": "Manual", "version": "1"}
    return {"actionExecutionDetails": [{"status": status, "input": {"actionTypeId": kind}}]}


@pytest.mark.parametrize(
    ("category", "status", "is_approved"),
    [("Approval", "Succeeded", True), ("Approval", "Failed", False), ("Build", "Succeeded", False)],
)
def test_the_pipelines_own_approval_counts(
    production: Environment, category: str, status: str, is_approved: bool
) -> None:
    with _answering(_execution(category, status)) as url:

        def codepipeline() -> Any:
            return signed_client("codepipeline", "us-east-1", "111111111111", endpoint_url=url)

        if is_approved:
            assert agreement(production, is_confirmed=True, variables=PIPELINE, codepipeline=codepipeline)("try-app")
        else:
            with pytest.raises(DeployError, match="No approval"):
                agreement(production, is_confirmed=True, variables=PIPELINE, codepipeline=codepipeline)


@pytest.mark.parametrize(
    ("state", "place", "is_approved"),
    [("approved", "production", True), ("rejected", "production", False), ("approved", "staging", False)],
)
def test_githubs_approval_of_production_counts(
    production: Environment, state: str, place: str, is_approved: bool
) -> None:
    with _answering([{"state": state, "environments": [{"name": place}]}]) as url:
        variables = {"GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "1", "GITHUB_TOKEN": "t", "GITHUB_API_URL": url}
        if is_approved:
            assert agreement(production, is_confirmed=True, variables=variables, codepipeline=_no_pipeline)("try-app")
        else:
            with pytest.raises(DeployError, match="No approval"):
                agreement(production, is_confirmed=True, variables=variables, codepipeline=_no_pipeline)
