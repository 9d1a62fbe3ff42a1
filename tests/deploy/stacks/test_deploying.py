from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploy.stacks.accounts import Accounts
from deploy.stacks.deploying import Deployment
from deploy.stacks.errors import DeployError
from tests.aws import ACCOUNT_1, ACCOUNT_2, aws_client
from tests.deploy.stacks.conftest import QUEUE, READER

Deploy = Callable[..., Deployment]


def _yes(_stack: str) -> bool:
    return True


def _queues() -> set[str]:
    return {url.rpartition("/")[2] for url in aws_client("sqs").list_queues().get("QueueUrls", [])}


def test_stacks_are_made_in_order_with_each_others_outputs(deployment: Deploy) -> None:
    deployed = deployment(reader=READER, queue=QUEUE)

    assert deployed.deploy("account1", _yes)

    assert _queues() == {"try-first", f"try-first-{ACCOUNT_1}"}
    assert deployed.outputs()["queue"] == {"QueueName": "try-first"}


def test_a_change_is_shown_before_it_is_carried_out(deployment: Deploy, said: list[str]) -> None:
    asked = []

    def ask(stack: str) -> bool:
        asked.append((stack, [line for line in said if "AWS::SQS::Queue" in line], _queues()))
        return True

    deployment(queue=QUEUE).deploy("account1", ask)

    name, shown, there = asked[-1]
    assert name == "try-queue"
    assert [line.split()[::2] for line in shown] == [["Add", "Queue"]]
    assert there == set()


def test_a_change_that_is_not_confirmed_is_not_made_nor_what_follows(deployment: Deploy) -> None:
    deployed = deployment(queue=QUEUE, reader=READER)

    assert not deployed.deploy("account1", lambda stack: stack != "try-queue")

    assert _queues() == set()
    assert "queue" not in deployed.outputs()


def test_the_same_again_changes_nothing(deployment: Deploy, said: list[str]) -> None:
    deployed = deployment(queue=QUEUE)
    deployed.deploy("account1", _yes)
    said.clear()

    def refuse(stack: str) -> bool:
        raise AssertionError(stack)

    assert deployed.deploy("account1", refuse)
    assert "try-queue: unchanged" in said


def test_a_stack_is_updated(deployment: Deploy) -> None:
    deployment(queue=QUEUE, reader=READER).deploy("account1", _yes)

    deployment(queue=QUEUE, reader=READER.replace("!Ref Delay", "7")).deploy("account1", _yes)

    url = aws_client("sqs").get_queue_url(QueueName=f"try-first-{ACCOUNT_1}")["QueueUrl"]
    attributes = aws_client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "7"


PROTECTED = QUEUE.replace("Resources:", "  IsProtected: {Type: String, Default: 'true'}\nResources:")


def _protection(calls: list[dict[str, Any]]) -> list[str]:
    """Return what each change set of the stack says of its protection; what it leaves out is the template's default."""
    given = [{one["ParameterKey"]: one["ParameterValue"] for one in call["Parameters"]} for call in calls]
    changed = [one for call, one in zip(calls, given, strict=True) if call["StackName"] == "try-queue"]
    return [one.get("IsProtected", "true") for one in changed]


def test_what_is_protected_is_made_without_protection_first(deployment: Deploy) -> None:
    deployed = deployment(queue=PROTECTED)
    calls = _asked_of_cloudformation(deployed, "CreateChangeSet")

    deployed.deploy("account1", _yes)
    assert _protection(calls) == ["false", "true"]

    deployed.deploy("account1", _yes)
    assert _protection(calls) == ["false", "true", "true"]


def test_what_may_not_be_made_is_not_protected_either(deployment: Deploy) -> None:
    deployed = deployment(queue=PROTECTED)
    calls = _asked_of_cloudformation(deployed, "CreateChangeSet")

    assert not deployed.deploy("account1", lambda stack: stack != "try-queue")
    assert _protection(calls) == ["false"]


def _asked_of_cloudformation(deployed: Deployment, operation: str) -> list[dict[str, Any]]:
    """Return a list that each call of an operation is written into."""
    calls: list[dict[str, Any]] = []
    deployed.accounts.client("app", "cloudformation")  # makes the session
    events = deployed.accounts._sessions["app"]._session.get_component("event_emitter")
    events.register(f"provide-client-params.cloudformation.{operation}", lambda params, **_: calls.append(params))
    return calls


def test_what_a_failed_change_has_made_does_not_stay(deployment: Deploy) -> None:
    deployed = deployment(reader=READER.replace("!Ref QueueName", "first"), queue=QUEUE)
    calls = _asked_of_cloudformation(deployed, "ExecuteChangeSet")

    deployed.deploy("account1", _yes)

    assert calls
    assert [call["RetainExceptOnCreate"] for call in calls] == [True] * len(calls)


def test_a_persons_stack_is_made_with_the_persons_rights(deployment: Deploy) -> None:
    deployed = deployment(queue=QUEUE, mine="Resources: {Queue: {Type: AWS::SQS::Queue}}")
    accounts = {key: replace(one, cloudformation_role="try-cf") for key, one in deployed.environment.accounts.items()}
    stacks = [replace(one, by_person=one.name == "mine") for one in deployed.stacks]
    deployed = replace(deployed, stacks=stacks, environment=replace(deployed.environment, accounts=accounts))
    calls = _asked_of_cloudformation(deployed, "CreateChangeSet")

    deployed.deploy("account1", _yes)

    roles = {call["StackName"]: call.get("RoleARN") for call in calls}
    assert roles["try-queue"] == f"arn:aws:iam::{ACCOUNT_1}:role/try-cf"
    assert roles["try-mine"] is None


def test_another_group_is_left_alone(deployment: Deploy) -> None:
    assert deployment(queue=QUEUE).deploy("account2", _yes)

    assert _queues() == set()


def test_destroying_deletes_all_and_says_what_stays(deployment: Deploy, said: list[str]) -> None:
    deployed = deployment(queue=QUEUE, reader=READER)
    deployed.deploy("account1", _yes)
    said.clear()

    deployed.destroy()

    assert said[:2] == ["try-reader: deleted. Left, by policy: Second.", "try-queue: deleted."]
    assert deployed.outputs() == {}


ROLES = "Resources: {Roles: {Type: AWS::SQS::Queue}}"


def _with_pipeline(deployed: Deployment) -> Deployment:
    """Put stack `roles` into the group that says who deploys."""
    stacks = [replace(one, group="account1-pipeline") if one.name == "roles" else one for one in deployed.stacks]
    return replace(deployed, stacks=stacks)


def test_the_roles_that_the_others_were_made_with_are_deleted_last(deployment: Deploy, said: list[str]) -> None:
    deployed = _with_pipeline(deployment(queue=QUEUE, roles=ROLES))
    deployed.deploy("account1", _yes)
    deployed.deploy("account1-pipeline", _yes)
    said.clear()

    deployed.destroy("account1")

    assert said == ["try-queue: deleted.", "try-artifacts: deleted.", "try-roles: deleted."]


def test_destroying_a_group_leaves_the_others(deployment: Deploy) -> None:
    deployed = _with_pipeline(deployment(queue=QUEUE, roles=ROLES))
    deployed.deploy("account1", _yes)
    deployed.deploy("account1-pipeline", _yes)

    deployed.destroy("account1-pipeline")
    assert deployed.outputs().keys() == {"artifacts", "queue"}

    deployed.destroy("account2")
    assert deployed.outputs().keys() == {"artifacts", "queue"}


def test_a_stack_is_left_out_until_its_parameter_is_given(deployment: Deploy, said: list[str]) -> None:
    deployed = deployment(queue=QUEUE, wanted=QUEUE.replace("NamePrefix", "ConnectionArn"))
    stacks = [replace(one, if_given="ConnectionArn") if one.name == "wanted" else one for one in deployed.stacks]
    deployed = replace(deployed, stacks=stacks)

    assert deployed.deploy("account1", _yes)
    assert "try-wanted: left out, because parameters/staging.toml gives no ConnectionArn." in said
    assert _queues() == {"try-first"}

    given = replace(deployed.environment, stack_parameters={"wanted": {"ConnectionArn": "second"}})
    assert replace(deployed, environment=given).deploy("account1", _yes)
    assert _queues() == {"try-first", "second-first"}


LARGE = f"# {'x' * 52_000}\n{QUEUE}"


def test_a_large_template_waits_for_the_artifact_bucket(deployment: Deploy) -> None:
    deployed = deployment(queue=LARGE)

    with pytest.raises(DeployError, match="too large"):
        replace(deployed, stacks=deployed.stacks[::-1]).deploy("account1", _yes)


def test_a_large_template_goes_through_the_artifact_bucket(deployment: Deploy) -> None:
    aws_client("s3").create_bucket(Bucket="none", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})

    assert deployment(queue=LARGE).deploy("account1", _yes)

    assert _queues() == {"try-first"}


def test_code_that_was_not_built_is_not_deployed(deployment: Deploy) -> None:
    deployed = deployment(queue=f"Transform: AWS::Serverless-2016-10-31\n{QUEUE}")

    with pytest.raises(DeployError, match="Run make -C deploy package"):
        deployed.deploy("account1", _yes)


def test_credentials_of_another_account_assume_the_deploy_role(deployment: Deploy, clean_aws: str) -> None:
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":"sts:AssumeRole"}]}'
    )
    iam = aws_client("iam", ACCOUNT_2)
    iam.create_role(RoleName="try-deploy", AssumeRolePolicyDocument=trust % f"arn:aws:iam::{ACCOUNT_1}:root")

    sts = deployment().accounts.client("warehouse", "sts")

    assert sts.get_caller_identity()["Account"] == ACCOUNT_2


def test_credentials_of_another_account_without_a_role_are_refused(deployment: Deploy, clean_aws: str) -> None:
    settings = {key: replace(one, deploy_role=None) for key, one in deployment().environment.accounts.items()}

    with pytest.raises(DeployError, match=f"account {ACCOUNT_1}'s, but this goes to {ACCOUNT_2}"):
        Accounts(settings, clean_aws).client("warehouse", "sqs")


def test_credentials_that_may_not_act_in_the_other_account_are_refused_in_a_sentence(deployment: Deploy) -> None:
    with pytest.raises(DeployError, match=f"may not act in account {ACCOUNT_2} .*GROUP=account1 or GROUP=account2"):
        deployment().accounts.client("warehouse", "sqs")
