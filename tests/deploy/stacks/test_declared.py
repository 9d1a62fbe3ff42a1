"""What ships: every template is declared, and every parameter of it is given by something."""

from pathlib import Path

import pytest

from deploy.stacks.declared import DEPLOY, declared_stacks, stacks_of
from deploy.stacks.environments import FOLDER, AccountSettings, Environment, load_environment
from deploy.stacks.errors import DeployError
from deploy.stacks.releases import Release
from deploy.stacks.values import computed_values, deployment_order, parameter_sources

ENVIRONMENTS = ("staging", "production")


def _filled(name: str, tmp_path: Path) -> Environment:
    """Return a shipped environment as its owner would fill it in."""
    text = (FOLDER / f"{name}.toml").read_text()
    for empty, filled in (("000000000000", "111111111111"), ('= ""', '= "filled"'), ("= []", '= ["filled"]')):
        text = text.replace(empty, filled)
    (tmp_path / f"{name}.toml").write_text(text)
    return load_environment(name, tmp_path)


@pytest.fixture(autouse=True)
def _a_release_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.stacks.values.built_release", lambda: Release(Path("myapp-1.tar.gz"), "1", "0" * 64))


def test_every_template_is_declared() -> None:
    templates = {
        path
        for path in DEPLOY.rglob("*.yaml")
        if "Resources:" in path.read_text() and not path.is_relative_to(DEPLOY / "local")
    }

    assert templates == {stack.template for stack in declared_stacks()}


@pytest.mark.parametrize(("name", "stack"), [(name, stack.name) for name in ENVIRONMENTS for stack in stacks_of(name)])
def test_every_parameter_without_a_default_is_given(name: str, stack: str, tmp_path: Path) -> None:
    stacks = {one.name: one for one in stacks_of(name)}
    sources = parameter_sources(stacks[stack], stacks_of(name), _filled(name, tmp_path))

    needed = {one for one, declared in stacks[stack].parameters.items() if "Default" not in declared}
    assert needed <= sources.keys()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_stacks_have_an_order(name: str, tmp_path: Path) -> None:
    stacks = stacks_of(name)

    assert {one.name for one in deployment_order(stacks, _filled(name, tmp_path))} == {one.name for one in stacks}


def test_a_group_holds_those_that_begin_with_its_name() -> None:
    stacks = {stack.name: stack for stack in declared_stacks()}

    assert stacks["app-host"].is_within("account1")
    assert stacks["app-host"].is_within("")
    assert not stacks["app-host"].is_within("account2")
    assert not stacks["app"].is_within("account1-hosts")


def test_hosts_wait_for_the_databases_users() -> None:
    """Between a group and the next, somebody makes them: so the hosts are in a group of their own."""
    groups = {stack.name: stack.group for stack in declared_stacks()}

    assert groups["app-database"] != groups["app-host"]
    assert groups["app-host"] == groups["app-monitoring"]


def test_one_account_alone_can_be_told_who_deploys_it() -> None:
    """Its deploy role is not there yet when it is made: whoever makes it has the credentials of one account."""
    groups = {stack.name: (stack.account, stack.group) for stack in declared_stacks() if stack.is_of_pipeline}

    assert groups == {
        "app-deploy-roles": ("app", "account1-pipeline"),
        "pipeline": ("app", "account1-pipeline"),
        "warehouse-deploy-roles": ("warehouse", "account2-pipeline"),
    }


def test_what_a_stack_waits_for_is_a_parameter_of_it() -> None:
    waiting = {stack.name: stack.if_given for stack in declared_stacks() if stack.if_given}

    assert waiting == {"pipeline": "ConnectionArn"}
    assert [one.name for one in declared_stacks() if one.if_given and one.if_given not in one.parameters] == []


def test_what_decides_over_deployments_is_a_persons() -> None:
    assert {stack.name for stack in declared_stacks() if stack.by_person} == {
        "app-deploy-roles",
        "warehouse-deploy-roles",
        "pipeline",
        "app-database-users",
        "app-rotation",
    }


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_names_no_parameter_that_is_not_there(name: str, tmp_path: Path) -> None:
    environment, stacks = _filled(name, tmp_path), {stack.name: stack for stack in stacks_of(name)}
    known = {parameter for stack in stacks.values() for parameter in stack.parameters}
    given = {key: values for key, values in environment.stack_parameters.items() if key in stacks}

    assert environment.parameters.keys() - known == set()
    assert {key: values.keys() - stacks[key].parameters.keys() for key, values in given.items()} == {
        key: set() for key in given
    }


def test_both_accounts_are_told_the_same_names(tmp_path: Path) -> None:
    environment, stacks = _filled("staging", tmp_path), {stack.name: stack for stack in stacks_of("staging")}
    app, warehouse = (
        parameter_sources(stacks[name], stacks_of("staging"), environment) for name in ("app", "warehouse")
    )

    for name in ("NamePrefix", "UnloadBucketName"):
        assert app[name] == warehouse[name]
        assert app[name].text
    # Neither waits for an output of the other's account.
    assert {one.stack for one in app.values()} & {"warehouse"} == set()
    assert {one.stack for one in warehouse.values()} & {"app"} == set()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_that_was_not_filled_in_is_refused(name: str) -> None:
    with pytest.raises(DeployError, match="account_id of app is '000000000000'"):
        load_environment(name)


def test_an_environment_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(DeployError, match=r"no environment 'stagnig'.*production, staging"):
        load_environment("stagnig")


def test_staging_and_production_share_no_name(tmp_path: Path) -> None:
    staging, production = (computed_values(_filled(name, tmp_path)) for name in ENVIRONMENTS)

    assert {name for name, value in staging.items() if "Bucket" in name and production[name] == value} == set()


def test_only_production_is_production(tmp_path: Path) -> None:
    account = AccountSettings("111111111111", "us-east-1")

    assert not Environment("staging", "try", {"app": account}, {}, {}).is_production
    assert Environment("production", "try", {"app": account}, {}, {}).is_production
