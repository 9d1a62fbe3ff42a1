import json

import pytest

from deploy.local.processes import wait_until
from tests.aws import ACCOUNT_1, REGION_1, aws_client
from tests.deploy.local.lambdas.conftest import MakeStand, Stand

SOON = {"visibility": 1, "timeout": 1}


def _wait_until_empty(stand: Stand) -> None:
    assert wait_until(lambda: stand.left() == 0, 20), f"{stand.left()} messages are left"


def _wait_for_dead_letters(stand: Stand, count: int) -> list[str]:
    found: list[str] = []

    def are_there() -> bool:
        found.extend(stand.dead_letters())
        return len(found) >= count

    assert wait_until(are_there, 20), found
    return found


def test_messages_are_handed_over_and_deleted(stand: MakeStand) -> None:
    made = stand("note")
    made.send("one", "two", "three")
    assert sorted(made.wait_for_notes(3)) == ["one", "three", "two"]
    _wait_until_empty(made)


def test_an_event_looks_as_lambda_makes_it(stand: MakeStand) -> None:
    made = stand("note_event")
    attributes = {"kind": {"DataType": "String", "StringValue": "test"}}
    sent = aws_client("sqs").send_message(QueueUrl=made.queue_url, MessageBody="hello", MessageAttributes=attributes)
    (record,) = json.loads(made.wait_for_notes(1)[0])["Records"]
    assert record["messageId"] == sent["MessageId"]
    assert record["md5OfBody"] == sent["MD5OfMessageBody"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == f"arn:aws:sqs:{REGION_1}:{ACCOUNT_1}:work"
    assert record["awsRegion"] == REGION_1
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"].keys() >= {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"}
    assert record["messageAttributes"]["kind"] == {
        "stringValue": "test",
        "dataType": "String",
        "stringListValues": [],
        "binaryListValues": [],
    }
    assert record["receiptHandle"]


def test_only_what_failed_comes_again_and_then_to_the_dead_letters(stand: MakeStand) -> None:
    made = stand("fail_some", **SOON)
    made.send("good", "bad", "fine")
    assert _wait_for_dead_letters(made, 1) == ["bad"]
    assert sorted(made.notes()) == ["bad", "bad", "fine", "good"]
    assert made.left() == 0


@pytest.mark.parametrize("handler", ["fail", "fail_unknown"])
def test_an_error_or_a_malformed_answer_fails_the_whole_batch(stand: MakeStand, handler: str) -> None:
    made = stand(handler, **SOON)
    made.send("one", "two")
    assert sorted(_wait_for_dead_letters(made, 2)) == ["one", "two"]
    assert sorted(made.notes()) == ["one", "one", "two", "two"]


def test_no_more_batches_than_the_maximum_are_worked_on_at_once(stand: MakeStand) -> None:
    made = stand("note_and_hold", batch=1, source="ScalingConfig: {MaximumConcurrency: 2}")
    made.send("a", "b", "c")
    first, second = (note.removeprefix("begin ") for note in made.wait_for_notes(2))
    (third,) = {"a", "b", "c"} - {first, second}
    names = ["ApproximateNumberOfMessages"]
    waiting = aws_client("sqs").get_queue_attributes(QueueUrl=made.queue_url, AttributeNames=names)["Attributes"]
    assert waiting == {"ApproximateNumberOfMessages": "1"}
    (made.folder / f"let-{first}").touch()
    assert made.wait_for_notes(4)[3] == f"begin {third}"
    for body in (second, third):
        (made.folder / f"let-{body}").touch()
    _wait_until_empty(made)


def test_a_message_that_a_filter_does_not_admit_is_dropped(stand: MakeStand) -> None:
    pattern = '\'{"body": {"kind": ["wanted"]}}\''
    made = stand("note", source=f"FilterCriteria: {{Filters: [{{Pattern: {pattern}}}]}}")
    made.send('{"kind": "other"}', "no json", '{"kind": "wanted"}')
    _wait_until_empty(made)
    assert made.wait_for_notes(1) == ['{"kind": "wanted"}']


def test_one_group_is_worked_on_in_order_while_another_goes_on(stand: MakeStand) -> None:
    made = stand("note_and_hold", fifo=True, batch=1)
    made.send("a1", "a2", group="a")
    made.wait_for_notes(1)
    made.send("b1", group="b")
    assert made.wait_for_notes(2) == ["begin a1", "begin b1"]
    for body in ("b1", "a1", "a2"):
        (made.folder / f"let-{body}").touch()
    notes = made.wait_for_notes(6)
    assert notes.index("end a1") < notes.index("begin a2")
    _wait_until_empty(made)


def test_a_failure_holds_its_group_back_until_it_is_a_dead_letter(stand: MakeStand) -> None:
    made = stand("fail_some", fifo=True, batch=1, **SOON)
    made.send("bad1", "next", group="a")
    assert _wait_for_dead_letters(made, 1) == ["bad1"]
    assert made.wait_for_notes(3) == ["bad1", "bad1", "next"]
    _wait_until_empty(made)


def test_a_message_comes_again_after_its_function_timed_out(stand: MakeStand) -> None:
    made = stand("sleep", timeout=1, visibility=2)
    made.send("one")
    assert _wait_for_dead_letters(made, 1) == ["one"]
    assert [invocation.error for invocation in made.invocations] == [
        "Sandbox.Timedout: Task timed out after 1 seconds"
    ] * 2


def test_a_function_goes_on_after_the_queue_could_not_be_read(stand: MakeStand) -> None:
    made = stand("note")
    sqs = aws_client("sqs")
    attributes = {"VisibilityTimeout": "30"}
    sqs.delete_queue(QueueUrl=made.queue_url)
    sqs.create_queue(QueueName="work", Attributes=attributes)
    made.send("after")
    assert made.wait_for_notes(1) == ["after"]
