"""Builds a layer as `sam build` does: by the makefile in its folder."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.local.templates.sam import CodeSource


class LayerBuildError(Exception):
    """A layer's makefile failed; the message carries what it printed."""


def built_layer(source: CodeSource, build_root: Path) -> Path:
    """Return the folder with a layer's content, built afresh under `build_root` if it has a makefile.

    Raises LayerBuildError when make fails, or the build method is another one.
    """
    if source.build_method is None:
        return source.folder
    if source.build_method != "makefile":
        raise LayerBuildError(f"Layer {source.logical_id}: build method {source.build_method} is not run here.")
    build_root.mkdir(parents=True, exist_ok=True)
    # A function that still runs keeps its files: each build has a folder of its own until it takes the name.
    fresh = Path(tempfile.mkdtemp(prefix=f"{source.logical_id}-", dir=build_root))
    _make(source, fresh)
    target = build_root / source.logical_id
    shutil.rmtree(target, ignore_errors=True)
    return fresh.rename(target)


def _make(source: CodeSource, artifacts: Path) -> None:
    # In another folder than the makefile's, as SAM does.
    command = ["make", "--makefile", str(source.folder / "Makefile"), f"build-{source.logical_id}"]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "ARTIFACTS_DIR": str(artifacts)}
    run = subprocess.run(command, cwd=artifacts, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        shutil.rmtree(artifacts)
        raise LayerBuildError(f"Layer {source.logical_id} was not built by {source.folder}/Makefile:\n{run.stderr}")
