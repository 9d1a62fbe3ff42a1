import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from moto.logs.utils import FilterPattern, UnsupportedFilterPattern

from deploy.stacks.declared import declared_stacks
from deploy.stacks.deploying import Deployment
from deploy.stacks.smoke import dead_letter_queues, health_problems, load_problems, queue_problems
from tests.aws import aws_client, aws_endpoint, clean_aws

__all__ = ["aws_endpoint", "clean_aws"]

LOG_GROUP = "/aws/lambda/try-upsert-report"
QUEUES = """
Parameters:
  NamePrefix: {Type: String}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub ${NamePrefix}-watch
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${NamePrefix}-watch-dead-letters"}}
  Fifo:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: try-refresh.fifo
      FifoQueue: true
      RedrivePolicy: {deadLetterTargetArn: !GetAtt FifoDead.Arn, maxReceiveCount: 3}
  FifoDead: {Type: AWS::SQS::Queue, Properties: {QueueName: try-refresh-dead-letters.fifo, FifoQueue: true}}
  RuleDead: {Type: AWS::SQS::Queue, Properties: {QueueName: try-rules-are-unhappy}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [try]}
      Targets: [{Id: queue, Arn: !GetAtt Queue.Arn, DeadLetterConfig: {Arn: !GetAtt RuleDead.Arn}}]
Outputs:
  WatchQueueUrl: {Value: !Ref Queue}
  RefreshQueueUrl: {Value: !Ref Fifo}
"""


@contextmanager
def _myapp(status: int) -> Iterator[str]:
    """Serve a health page with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/" else 404)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_application_that_is_well_is_no_problem() -> None:
    with _myapp(200) as url:
        assert list(health_problems(url)) == []


def test_an_application_that_is_not_well_is_found() -> None:
    with _myapp(503) as url:
        assert ["answers 503" in problem for problem in health_problems(url)] == [True]


def test_an_application_that_does_not_answer_is_found() -> None:
    with _myapp(200) as url:
        pass

    assert ["does not answer" in problem for problem in health_problems(url)] == [True]


@pytest.mark.parametrize("url", [None, "file:///etc/passwd"])
def test_no_web_address_is_said(url: str | None) -> None:
    assert len(list(health_problems(url))) == 1


@pytest.fixture
def deployed(deployment: Callable[..., Deployment]) -> Deployment:
    made = deployment(queues=QUEUES)
    made.deploy("account1", lambda _stack: True)
    return made


def _url(name: str) -> str:
    return str(aws_client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def test_queues_with_work_in_them_are_no_problem(deployed: Deployment) -> None:
    aws_client("sqs").send_message(QueueUrl=_url("try-watch"), MessageBody="work")

    assert list(queue_problems(deployed, deployed.outputs())) == []


def test_dead_letters_are_found(deployed: Deployment) -> None:
    aws_client("sqs").send_message(QueueUrl=_url("try-watch-dead-letters"), MessageBody="dead")
    fifo = {"MessageGroupId": "one", "MessageDeduplicationId": "one"}
    aws_client("sqs").send_message(QueueUrl=_url("try-refresh-dead-letters.fifo"), MessageBody="dead", **fifo)

    aws_client("sqs").send_message(QueueUrl=_url("try-rules-are-unhappy"), MessageBody="dead")

    assert [problem.split(". ")[0] for problem in queue_problems(deployed, deployed.outputs())] == [
        "try-watch-dead-letters holds 1 messages",
        "try-refresh-dead-letters.fifo holds 1 messages",
        "try-rules-are-unhappy holds 1 messages",
    ]


def test_every_dead_letter_queue_that_ships_is_looked_at() -> None:
    for stack in (one for one in declared_stacks() if one.has_code):
        queues = [one for one in stack.document["Resources"].values() if one["Type"] == "AWS::SQS::Queue"]
        names = {one["Properties"]["QueueName"]["Fn::Sub"].replace("${NamePrefix}", "try") for one in queues}

        assert set(dead_letter_queues(stack.document["Resources"], "try")) == {
            name for name in names if "dead-letters" in name
        }


def test_a_queue_that_is_gone_is_found(deployed: Deployment) -> None:
    aws_client("sqs").delete_queue(QueueUrl=_url("try-watch-dead-letters"))

    assert list(queue_problems(deployed, deployed.outputs())) == ["try-watch-dead-letters does not exist."]


@pytest.fixture
def _patterns_of_json_as_cloudwatch_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mend moto 5.2.5, for which every line matches a pattern of JSON."""

    def matches(pattern: FilterPattern, message: str) -> bool:
        condition = re.fullmatch(r'\{ \$\.(\w+) = "([^"]*)" \}', pattern.term)
        assert condition, f"a pattern that this test can't read: {pattern.term}"
        return bool(json.loads(message).get(condition[1]) == condition[2])

    monkeypatch.setattr(UnsupportedFilterPattern, "matches", matches)


def _log(message: str, hours_ago: float) -> None:
    logs = aws_client("logs")
    logs.create_log_group(logGroupName=LOG_GROUP)
    logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName="one")
    line = {"timestamp": int((time.time() - hours_ago * 3600) * 1000), "message": json.dumps({"message": message})}
    logs.put_log_events(logGroupName=LOG_GROUP, logStreamName="one", logEvents=[line])


@pytest.mark.usefixtures("_patterns_of_json_as_cloudwatch_reads_them")
@pytest.mark.parametrize(
    ("message", "hours_ago", "is_well"),
    [("loaded", 1, True), ("loaded", 30, False), ("other", 1, False), ("not loaded for now", 1, False)],
)
def test_a_load_within_a_day_is_looked_for(clean_aws: str, message: str, hours_ago: float, is_well: bool) -> None:
    _log(message, hours_ago)

    assert (list(load_problems(aws_client("logs"), LOG_GROUP)) == []) is is_well


def test_a_function_that_never_ran_is_found(clean_aws: str) -> None:
    assert ["has never run" in problem for problem in load_problems(aws_client("logs"), LOG_GROUP)] == [True]
