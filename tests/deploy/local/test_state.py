import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.processes import Supervisor
from deploy.local.state import SHARED_FOLDER, LocalState, StateInUse


@pytest.fixture
def state(tmp_path: Path) -> Iterator[LocalState]:
    state = LocalState(tmp_path / ".local")
    yield state
    state.remove()


def test_keeps_secrets_from_run_to_run_and_from_others(state: LocalState) -> None:
    with state.held():
        secret = state.secret("secret_key")
        assert state.secret("another") != secret
    assert LocalState(state.root).secret("secret_key") == secret
    assert len(secret) == 32
    assert (state.root / "state.json").stat().st_mode & 0o777 == 0o600


def test_keeps_a_port_until_another_program_takes_it(state: LocalState) -> None:
    with state.held(), socket.socket() as other:
        port = state.port("web")
        assert state.port("web") == port
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        assert state.port("web") != port


def test_two_runs_at_once_are_refused(state: LocalState) -> None:
    with state.held(), pytest.raises(StateInUse, match="is in use by another command"), LocalState(state.root).held():
        pass
    with state.held():
        pass


def test_removing_stops_what_runs_and_deletes_the_data_too(state: LocalState) -> None:
    with state.held():
        child = Supervisor(state.processes, state.logs).start(
            "web", ["sleep", "60"], {"PATH": "/bin:/usr/bin"}, state.root
        )
        data = state.data.resolve()
    state.remove()
    assert child.popen.wait() == -15
    assert not data.exists()
    assert not state.root.exists()
    state.remove()


def test_removing_does_not_follow_a_link_that_we_did_not_make(state: LocalState, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    state.root.mkdir()
    state.data.symlink_to(precious)
    state.remove()
    assert precious.exists()
    assert not state.root.exists()


def test_makes_new_data_when_a_clean_up_of_var_tmp_took_it(state: LocalState) -> None:
    state.root.mkdir()
    state.data.symlink_to(SHARED_FOLDER / "myapp-gone")
    with state.held():
        assert state.data.is_dir()
