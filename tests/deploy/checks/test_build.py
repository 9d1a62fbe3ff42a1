"""The real build of both accounts, as it would be sent to them."""

import pytest
from samtranslator.yaml_helper import yaml_parse

from deploy.checks.artefacts import REPOSITORY, BuildMissingError, built_functions
from tests.deploy.building import build, the_build

ACCOUNTS = ("account1_app", "account2_warehouse")


@pytest.mark.slow
def test_both_accounts_are_built_for_the_runtime_and_pass_every_check() -> None:
    with the_build():
        run = build()

        assert run.returncode == 0, run.stdout + run.stderr
        for account in ACCOUNTS:
            for function in built_functions(REPOSITORY / ".aws-sam" / account):
                assert f"{function.logical_id}: " in run.stdout
                assert function.layers


@pytest.mark.parametrize("account", ACCOUNTS)
def test_every_function_and_layer_is_built_by_our_own_recipe(account: str) -> None:
    resources = yaml_parse((REPOSITORY / "deploy" / account / "template.yaml").read_text())["Resources"]
    built = [(name, one) for name, one in resources.items() if one["Type"].startswith("AWS::Serverless::")]

    assert [name for name, one in built if one.get("Metadata", {}).get("BuildMethod") != "makefile"] == [], (
        "sam build would package these for this machine; say Metadata: BuildMethod: makefile"
    )


def test_a_build_that_is_not_there_is_asked_for() -> None:
    with pytest.raises(BuildMissingError, match="Run make -C deploy build"):
        built_functions(REPOSITORY / "deploy/parameters")
