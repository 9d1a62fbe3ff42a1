import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import models

from dataflows.contracts import tables
from dataflows.contracts.reports import REPORT_TABLES, ReportTable
from deploy.local.accounts import APP, APP_TEMPLATE
from deploy.local.state import REPOSITORY
from deploy.local.templates.layers import built_layer
from deploy.local.templates.sam import CodeSource
from reports.models import REPORT_MODELS
from serving.schemas import control_schema, data_schema
from tests.architecture.code import LAMBDA_PACKAGES, PACKAGES, place, python_files, tree_of
from warehouse.unload import UnloadTarget, control_statement, data_statement

CONTRACTS = PACKAGES["dataflows"] / "contracts"
TARGET = UnloadTarget("bucket", APP.region, "arn:aws:iam::222222222222:role/first,arn:aws:iam::111111111111:role/last")
RUN_ID = "0" * 32

report_table = pytest.mark.parametrize("table", REPORT_TABLES.values(), ids=lambda table: table.name)


def _combined_columns(table: ReportTable) -> list[str]:
    return [name for name, _ in tables.combined(table).columns]


@report_table
def test_mysql_holds_the_columns_of_the_combined_table(table: ReportTable) -> None:
    fields = REPORT_MODELS[table.name]._meta.concrete_fields

    assert [field.column for field in fields if not isinstance(field, models.CompositePrimaryKey)] == _combined_columns(
        table
    )
    assert REPORT_MODELS[table.name]._meta.db_table == table.mysql_name


@report_table
def test_the_loader_expects_the_columns_that_are_unloaded(table: ReportTable) -> None:
    assert data_schema(table).names == _combined_columns(table)
    assert _selected(data_statement(table, RUN_ID, TARGET)) == _combined_columns(table)


@report_table
def test_the_loader_expects_the_control_columns_that_are_unloaded(table: ReportTable) -> None:
    assert control_schema(table).names == _selected(control_statement(table, RUN_ID, TARGET))


def _selected(unload: str) -> list[str]:
    """Return the names of the columns that an UNLOAD's query gives."""
    found = re.match(r"UNLOAD \('SELECT (.*?) FROM ", unload)
    assert found, unload
    columns = re.split(r",\s*(?![^()]*\))", found[1])
    return [re.split(r"\.|\bAS\s+", column)[-1].strip() for column in columns]


@report_table
def test_a_report_has_the_sql_that_fills_its_combined_table(table: ReportTable) -> None:
    assert (LAMBDA_PACKAGES["warehouse"] / "sql" / f"combined_{table.name}.sql").is_file()


def test_no_combined_sql_is_left_over() -> None:
    names = {path.stem.removeprefix("combined_") for path in (LAMBDA_PACKAGES["warehouse"] / "sql").glob("*.sql")}

    assert names == REPORT_TABLES.keys()


@pytest.mark.parametrize("path", python_files(CONTRACTS), ids=place)
def test_contracts_import_the_standard_library_and_pydantic_only(path: Path) -> None:
    allowed = sys.stdlib_module_names | {"pydantic", "pydantic_core"}

    assert [name for name in _imported(path) if not _is_within(name, allowed)] == []


def _imported(path: Path) -> list[str]:
    names = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(str(node.module))
    return names


def _is_within(name: str, allowed: frozenset[str] | set[str]) -> bool:
    return name.split(".")[0] in allowed or name.startswith("dataflows.contracts")


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = APP_TEMPLATE.parent.parent / "layers" / "contracts"
    return built_layer(CodeSource("ContractsLayer", folder, "makefile"), tmp_path_factory.mktemp("layer"))


def test_the_layer_holds_the_contracts_and_nothing_else(layer: Path) -> None:
    shipped = {path.relative_to(layer / "python") for path in layer.rglob("*") if path.is_file()}
    contracts = {path.relative_to(REPOSITORY) for path in CONTRACTS.rglob("*.py")}

    assert shipped == {*contracts, Path("dataflows/__init__.py")}
    assert (REPOSITORY / "dataflows/__init__.py").read_text() == ""


@pytest.mark.parametrize("package", LAMBDA_PACKAGES)
def test_a_lambda_package_imports_with_the_layers_and_without_the_application(package: str, layer: Path) -> None:
    names = [
        module.name
        for module in pkgutil.walk_packages([str(LAMBDA_PACKAGES[package])], f"{package}.")
        if importlib.util.find_spec(module.name)
    ]
    folders = (layer / "python", PACKAGES["message_batches"].parent, LAMBDA_PACKAGES[package].parent)
    program = f"""
import importlib, sys
sys.path[:0] = {[str(folder) for folder in folders]!r}
for name in {names!r}:
    importlib.import_module(name)
strangers = {{"django", "rest_framework", "celery", "myapp", "reports", "deploy"}} & set(sys.modules)
sys.exit(f"imported: {{sorted(strangers)}}" if strangers else 0)
"""
    run = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
