"""The bundle; what is in it is tried by test_boot.py, which installs it."""

import hashlib
import platform
import subprocess
from pathlib import Path

import pytest

from deploy.account1_app.host import bundle
from deploy.checks.licences import locked


def test_is_not_built_for_hosts_on_another_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "ubuntu", "VERSION_ID": "24.04"})

    with pytest.raises(bundle.BundleError, match=r"The hosts are debian-12-x86_64 .* this is ubuntu-24.04"):
        bundle.build(tmp_path)


@pytest.mark.slow
def test_every_package_is_pinned_with_the_hash_of_its_wheel(tmp_path: Path) -> None:
    audited = bundle.REPOSITORY / "requirements.lock"
    (tmp_path / "requirements.lock").write_text(audited.read_text())

    bundle._build_wheels(tmp_path)

    wheels = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "wheels").iterdir()}
    lines = (tmp_path / "requirements.lock").read_text().splitlines()
    assert sorted(line.rpartition("sha256:")[2] for line in lines) == sorted(wheels.values())
    assert any(line.startswith("mysqlclient==") for line in lines)
    assert locked(tmp_path / "requirements.lock").items() <= locked(audited).items()


@pytest.mark.slow
def test_what_is_not_the_audited_package_is_not_bundled(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "requirements.lock").write_text(f"asgiref==3.13.0 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(subprocess.CalledProcessError):
        bundle._build_wheels(tmp_path)

    assert "DO NOT MATCH THE HASHES" in capfd.readouterr().err
