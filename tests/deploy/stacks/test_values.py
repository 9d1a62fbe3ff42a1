from dataclasses import replace

import pytest

from deploy.stacks.environments import Environment
from deploy.stacks.errors import DeployError
from deploy.stacks.values import Source, deployment_order, parameter_sources, parameter_values, refuse_missing
from tests.deploy.stacks.conftest import QUEUE, READER, Declare


def test_a_parameter_is_given_by_the_file_a_computed_name_or_another_stack(
    declare: Declare, environment: Environment
) -> None:
    stacks = declare(queue=QUEUE, reader=READER)

    assert parameter_sources(stacks[0], stacks, environment) == {"NamePrefix": Source("parameter file", "try")}
    assert parameter_sources(stacks[1], stacks, environment) == {
        "QueueName": Source("output", stack="queue", output="QueueName"),
        "AppAccountId": Source("computed", environment.accounts["app"].account_id),
    }


BOUNDED = "Parameters: {PermissionsBoundaryArn: {Type: String, Default: ''}}\nResources: {}"


def test_roles_are_bounded_once_cloudformation_has_a_role(declare: Declare, environment: Environment) -> None:
    stacks = declare(bounded=BOUNDED)
    accounts = {key: replace(one, cloudformation_role="try-cf") for key, one in environment.accounts.items()}
    with_role = replace(environment, accounts=accounts)
    arn = f"arn:aws:iam::{environment.accounts['app'].account_id}:policy/try-boundary"

    assert parameter_sources(stacks[0], stacks, environment) == {}
    assert parameter_sources(stacks[0], stacks, with_role) == {"PermissionsBoundaryArn": Source("computed", arn)}
    assert parameter_sources(replace(stacks[0], by_person=True), stacks, with_role) == {}


def test_the_file_comes_before_another_stack(declare: Declare, environment: Environment) -> None:
    stacks = declare(queue=QUEUE, reader=READER)
    given = replace(environment, stack_parameters={"reader": {"QueueName": "mine"}})

    assert parameter_sources(stacks[1], stacks, given)["QueueName"] == Source("parameter file", "mine")


def test_an_empty_value_in_the_file_is_none(declare: Declare, environment: Environment) -> None:
    stacks = declare(queue=QUEUE)
    empty = replace(environment, parameters={"NamePrefix": ""})
    sources = parameter_sources(stacks[0], stacks, empty)

    assert sources == {}
    with pytest.raises(DeployError, match="Nothing gives NamePrefix of stack queue"):
        refuse_missing(stacks[0], sources, empty)


def test_a_stack_comes_after_those_it_takes_outputs_of(declare: Declare, environment: Environment) -> None:
    stacks = declare(reader=READER, queue=QUEUE)

    assert [stack.name for stack in deployment_order(stacks, environment)] == ["queue", "reader"]


def test_stacks_that_need_each_other_are_refused(declare: Declare, environment: Environment) -> None:
    first = "Parameters: {A: {Type: String}}\nResources: {}\nOutputs: {B: {Value: b}}"
    second = "Parameters: {B: {Type: String}}\nResources: {}\nOutputs: {A: {Value: a}}"

    with pytest.raises(DeployError, match="need each other"):
        deployment_order(declare(first=first, second=second), environment)


def test_an_output_that_two_stacks_give_must_be_chosen(declare: Declare, environment: Environment) -> None:
    stacks = declare(queue=QUEUE, again=QUEUE, reader=READER)

    with pytest.raises(DeployError, match=r"queue or again\. Say which in stacks\.toml"):
        parameter_sources(stacks[2], stacks, environment)


def test_the_chosen_output_must_be_there(declare: Declare, environment: Environment) -> None:
    stacks = declare(queue=QUEUE, reader=READER)
    chosen = replace(stacks[1], sources={"QueueName": "queue.Gone"})

    with pytest.raises(DeployError, match=r"queue\.Gone, which is not there"):
        parameter_sources(chosen, stacks, environment)


def test_an_output_that_is_not_deployed_yet_is_named(declare: Declare, environment: Environment) -> None:
    stacks = declare(queue=QUEUE, reader=READER)

    with pytest.raises(DeployError, match="Deploy that stack first"):
        parameter_values(parameter_sources(stacks[1], stacks, environment), {"queue": {}})
