import subprocess
import sys
from pathlib import Path

from deploy.local.templates.layers import built_layer
from deploy.local.templates.sam import CodeSource

REPOSITORY = Path(__file__).parents[4]


def test_the_layer_holds_the_contracts_as_they_are_and_nothing_else_of_the_application(tmp_path: Path) -> None:
    source = CodeSource("ContractsLayer", REPOSITORY / "deploy/layers/contracts", "makefile")
    built = built_layer(source, tmp_path) / "python/dataflows"
    contracts = REPOSITORY / "dataflows/contracts"
    expected = {path.relative_to(contracts): path.read_bytes() for path in contracts.rglob("*.py")}
    assert {path.relative_to(built / "contracts"): path.read_bytes() for path in built.rglob("contracts/**/*.py")} == (
        expected
    )
    assert {path.name for path in built.iterdir()} == {"__init__.py", "contracts"}


def test_the_contracts_can_be_imported_from_the_layer_alone(tmp_path: Path) -> None:
    source = CodeSource("ContractsLayer", REPOSITORY / "deploy/layers/contracts", "makefile")
    layer = built_layer(source, tmp_path) / "python"
    program = "import dataflows.contracts.events as one; print(one.__file__)"
    environment = {"PYTHONPATH": str(layer)}
    printed = subprocess.check_output([sys.executable, "-P", "-c", program], cwd=tmp_path, env=environment, text=True)
    assert printed.strip() == str(layer / "dataflows/contracts/events.py")
