"""The pipelines call what developers call: each make target that a buildspec or a workflow names is there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from samtranslator.yaml_helper import yaml_parse

from deploy.checks.artefacts import REPOSITORY

BUILDSPECS = sorted((REPOSITORY / "deploy/pipeline").glob("*.buildspec.yaml"))
WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
PIPELINE = REPOSITORY / "deploy/pipeline/codepipeline.yaml"
FORM = Draft202012Validator(json.loads((REPOSITORY / "deploy/pipeline/buildspec.schema.json").read_text()))


def _targets(makefile: Path) -> set[str]:
    return set(re.findall(r"^([a-z][a-z0-9-]*):", makefile.read_text(), re.MULTILINE))


def _commands() -> Iterator[str]:
    for path in BUILDSPECS:
        for phase in yaml.safe_load(path.read_text())["phases"].values():
            yield from phase.get("commands", ())
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            yield from (step["run"] for step in job.get("steps", ()) if "run" in step)


def _pipeline_targets() -> str:
    return " ".join(re.findall(r'"TARGETS", "value": "([^"]+)"', PIPELINE.read_text()))


def test_every_target_that_is_called_is_there() -> None:
    targets = {
        "": _targets(REPOSITORY / "Makefile"),
        "-C deploy ": _targets(REPOSITORY / "deploy/Makefile"),
    }
    called = [command for command in _commands() if command.startswith("make ")]

    assert called
    for command in [*called, f"make -C deploy {_pipeline_targets()}"]:
        place, words = re.fullmatch(r"make (-C deploy )?(.+)", command).groups()  # type: ignore[union-attr] # it starts so
        named = {word for word in words.split() if "=" not in word and "$" not in word}
        assert named - targets[place or ""] == set()


@pytest.mark.parametrize("path", BUILDSPECS, ids=lambda path: path.name)
def test_a_buildspec_has_the_form_that_codebuild_reads(path: Path) -> None:
    FORM.validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 0.1},
        {"phases": {"install": {"commands": ["true"]}}},
        {"phases": {"build": {"commands": "make test"}}},
        {"phases": {"build": {"command": ["make test"]}}},
        {"phases": {"build": {"commands": ["make test"], "runtime-versions": {"python": "3.11"}}}},
        {"phases": {"test": {"commands": ["make test"]}, "build": {"commands": ["true"]}}},
        {"artifacts": {"exclude-paths": [".git/**/*"]}},
        {"cachw": {}},
    ],
)
def test_a_buildspec_of_another_form_is_refused(wrong: dict[str, Any]) -> None:
    sound = {"version": 0.2, "phases": {"build": {"commands": ["make test"]}}}

    assert FORM.is_valid(sound)
    assert not FORM.is_valid({**sound, **wrong})


def test_every_project_reads_a_buildspec_that_is_there() -> None:
    resources = yaml_parse(PIPELINE.read_text())["Resources"].values()
    named = {one["Properties"]["Source"]["BuildSpec"] for one in resources if one["Type"] == "AWS::CodeBuild::Project"}

    assert {REPOSITORY / name for name in named} == set(BUILDSPECS)


def test_runtimes_are_asked_of_codebuilds_own_images_only() -> None:
    """Other images have none to choose: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html."""
    resources = yaml_parse(PIPELINE.read_text())["Resources"].values()
    projects = [one["Properties"] for one in resources if one["Type"] == "AWS::CodeBuild::Project"]

    for project in projects:
        content = yaml.safe_load((REPOSITORY / project["Source"]["BuildSpec"]).read_text())
        is_own = project["Environment"]["Image"].startswith("aws/codebuild/")
        assert ("runtime-versions" in content["phases"]["install"]) == is_own, project["Name"]


def test_tools_are_installed_before_there_are_credentials() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/deploy-environment.yml").read_text())
    steps = workflow["jobs"]["deploy"]["steps"]
    tools = [number for number, step in enumerate(steps) if step.get("run") == "make -C deploy tools"]
    credentials = [number for number, step in enumerate(steps) if "configure-aws-credentials" in step.get("uses", "")]

    assert tools
    assert max(tools) < min(credentials)


def test_what_ships_is_audited_by_either_pipeline() -> None:
    builds = [command.split() for command in _commands() if command.startswith("make -C deploy build")]

    assert len(builds) == 3  # of a pull request, of the workflow, of CodePipeline
    assert [words for words in builds if "audit" not in words] == []


def test_either_pipeline_validates_where_it_tests() -> None:
    """Of a pull request, of the workflow that releases, of CodePipeline."""
    by_test_jobs = [
        [step.get("run") for step in job["steps"]]
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text())["jobs"].items()
        if name == "test"
    ]
    phases = yaml.safe_load((REPOSITORY / "deploy/pipeline/test.buildspec.yaml").read_text())["phases"]
    by_test_jobs.append(phases["build"]["commands"])

    assert len(by_test_jobs) == 3
    for commands in by_test_jobs:
        assert {"make test", "make -C deploy validate"} <= set(commands)


def test_production_comes_after_staging_and_an_approval() -> None:
    stages = yaml_parse(PIPELINE.read_text())["Resources"]["Pipeline"]["Properties"]["Stages"]
    names = [stage["Name"] for stage in stages]
    actions = sorted(stages[-1]["Actions"], key=lambda action: action["RunOrder"])

    assert names == ["Source", "Test", "Build", "Staging", "Production"]
    assert actions[0]["ActionTypeId"]["Category"] == "Approval"
    assert [action["RunOrder"] for action in actions] == [1, 2, 3]


def test_what_tests_and_builds_can_not_deploy() -> None:
    resources = yaml_parse(PIPELINE.read_text())["Resources"]

    for role in ("TestRole", "BuildRole"):
        statements = resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        assert "sts:AssumeRole" not in str(statements)


@pytest.mark.parametrize("role", ["PipelineRole", "TestRole", "BuildRole"])
def test_of_the_connection_only_our_repository_is_read(role: str) -> None:
    policies = yaml_parse(PIPELINE.read_text())["Resources"][role]["Properties"]["Policies"]
    [use] = [one for one in policies[0]["PolicyDocument"]["Statement"] if "UseConnection" in str(one.get("Action"))]
    required = "StringEqualsIfExists" if role == "PipelineRole" else "StringEquals"  # see the template

    assert use["Resource"] == {"Ref": "ConnectionArn"}
    assert use["Condition"][required]["codeconnections:FullRepositoryId"] == {"Ref": "RepositoryId"}
    assert use["Condition"]["StringEqualsIfExists"]["codeconnections:ProviderPermissionsRequired"] == "read_only"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_keeps_no_keys_and_pins_its_actions(path: Path) -> None:
    content = yaml.safe_load(path.read_text())
    used = re.findall(r"uses: (\S+)", path.read_text())

    assert content["permissions"] == {}
    assert "secrets." not in path.read_text()
    assert [one for one in used if not one.startswith("./") and not re.search(r"@[0-9a-f]{40}$", one)] == []
