import io
from pathlib import Path

import pytest

from deploy.stacks.__main__ import main
from deploy.stacks.deploying import Deployment
from deploy.stacks.environments import FOLDER


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped staging environment, filled in, and the only one there is."""
    text = (FOLDER / "staging.toml").read_text().replace("000000000000", "111111111111")
    (tmp_path / "staging.toml").write_text(text)
    monkeypatch.setattr("deploy.stacks.environments.load_environment.__defaults__", (tmp_path,))
    return tmp_path


@pytest.fixture
def destroyed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count destructions, with their group, instead of carrying them out."""
    names: list[str] = []
    monkeypatch.setattr(
        Deployment, "destroy", lambda deployment, group: names.append(f"{deployment.environment.name} {group}".strip())
    )
    return names


def _type(monkeypatch: pytest.MonkeyPatch, text: str, is_terminal: bool = True) -> None:
    keyboard = io.StringIO(text)
    monkeypatch.setattr(keyboard, "isatty", lambda: is_terminal)
    monkeypatch.setattr("sys.stdin", keyboard)


def test_what_is_wrong_is_said_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outputs", "nowhere"]) == 1

    assert capsys.readouterr().err.startswith("deploy: There is no environment 'nowhere'.")


def test_destroying_wants_the_name(
    environments: Path, destroyed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _type(monkeypatch, "yes\n")
    assert main(["destroy", "staging"]) == 1
    _type(monkeypatch, "myapp-staging\n", is_terminal=False)
    assert main(["destroy", "staging"]) == 1

    assert destroyed == []
    assert "Nothing was deleted" in capsys.readouterr().err


def test_destroying_goes_on_once_the_name_was_written(
    environments: Path, destroyed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _type(monkeypatch, "myapp-staging\n")

    assert main(["destroy", "staging"]) == 0
    assert destroyed == ["staging"]


def test_one_accounts_stacks_are_destroyed_alone(
    environments: Path, destroyed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _type(monkeypatch, "myapp-staging\n")

    assert main(["destroy", "staging", "--group", "account2"]) == 0
    assert destroyed == ["staging account2"]
    assert "every stack of staging of group account2" in capsys.readouterr().out


def test_a_group_that_is_not_there_is_refused(
    environments: Path, destroyed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["destroy", "staging", "--group", "acount2"]) == 1

    assert capsys.readouterr().err.startswith("deploy: There is no group 'acount2'. Say which: GROUP=… (account1, ")
    assert destroyed == []


def test_the_order_and_every_source_are_shown(environments: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "staging"]) == 0

    lines = capsys.readouterr().out.splitlines()
    stacks = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert stacks.index("myapp-staging-app") < stacks.index("myapp-staging-warehouse")
    assert "  UnloadBucketName = myapp-staging-unloads-111111111111  (computed)" in lines
    assert "  WarehouseHost = warehouse-redshift.WarehouseHost" in lines
    assert "  CertificateArn = NOTHING GIVES IT" in lines
