"""A folder that private servers can live in, as the local stack would make it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers.launch import stop_recorded_servers
from deploy.local.state import SHARED_PREFIX, make_shared_folder


@pytest.fixture(scope="module")
def parent() -> Iterator[Path]:
    folder = make_shared_folder(f"{SHARED_PREFIX}servers-")
    yield folder
    stop_recorded_servers(folder)
    shutil.rmtree(folder)
