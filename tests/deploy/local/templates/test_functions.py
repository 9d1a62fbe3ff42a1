from pathlib import Path

import pytest

from deploy.local.templates.errors import TemplateError
from tests.aws import ACCOUNT_1, REGION_1
from tests.deploy.local.templates.conftest import Deploy

FUNCTION = """
Globals:
  Function: {Runtime: python3.13, CodeUri: src, Environment: {Variables: {LEVEL: INFO}}}
Resources:
  Layer:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: makefile}
    Properties: {LayerName: shared, ContentUri: layer, CompatibleRuntimes: [python3.13]}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: work, VisibilityTimeout: 60}}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: worker
      Handler: app.handle
      Timeout: 10
      MemorySize: 256
      Layers: [!Ref Layer]
      Environment: {Variables: {PORT: 3306, URL: !Ref Queue}}
      Events:
        Work:
          Type: SQS
          Properties:
            Queue: !GetAtt Queue.Arn
            BatchSize: 5
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 3}
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> None:
    for folder in ("src", "layer"):
        (tmp_path / folder).mkdir()
    makefile = (
        'build-Layer:\n\tmkdir -p "$(ARTIFACTS_DIR)/python"\n\techo built > "$(ARTIFACTS_DIR)/python/shared.py"\n'
    )
    (tmp_path / "layer/Makefile").write_text(makefile)


def test_a_function_is_told_with_all_the_template_says_of_it(deploy: Deploy, tmp_path: Path) -> None:
    deployed = deploy(FUNCTION)
    (function,) = deployed.functions
    assert function.arn == f"arn:aws:lambda:{REGION_1}:{ACCOUNT_1}:function:worker"
    assert (function.handler, function.runtime) == ("app.handle", "python3.13")
    assert (function.timeout_seconds, function.memory_mb) == (10, 256)
    assert function.environment == {"LEVEL": "INFO", "PORT": "3306", "URL": deployed.physical_ids["Queue"]}
    assert function.code_dir == tmp_path / "src"
    assert function.role_arn.startswith(f"arn:aws:iam::{ACCOUNT_1}:role/myapp-WorkerRole")


def test_a_layer_is_built_by_its_makefile_at_each_deployment(deploy: Deploy) -> None:
    for _ in range(2):
        (function,) = deploy(FUNCTION).functions
        (layer,) = function.layer_dirs
        assert (layer / "python/shared.py").read_text() == "built\n"
        assert [path.name for path in layer.parent.iterdir()] == ["Layer"]


def test_a_layer_that_cannot_be_built_says_what_make_said(deploy: Deploy, tmp_path: Path) -> None:
    (tmp_path / "layer/Makefile").write_text("build-Layer:\n\t@echo no source >&2; exit 1\n")
    with pytest.raises(TemplateError, match="no source"):
        deploy(FUNCTION)


def test_an_event_source_is_told_with_all_the_template_says_of_it(deploy: Deploy) -> None:
    deployed = deploy(FUNCTION)
    (source,) = deployed.event_sources
    assert source.queue_arn == f"arn:aws:sqs:{REGION_1}:{ACCOUNT_1}:work"
    assert source.function_arn == deployed.functions[0].arn
    assert (source.batch_size, source.maximum_concurrency, source.reports_failed_items) == (5, 3, True)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("VisibilityTimeout: 60", "VisibilityTimeout: 5", "VisibilityTimeout of 5 s is less than the function's 10 s"),
        ("MaximumConcurrency: 3", "MaximumConcurrency: 1", "it must be 2 to 1000"),
        ("BatchSize: 5", "BatchSize: 50", "need a batching window"),
        ("PORT: 3306", "AWS_REGION: x", "Lambda reserves AWS_REGION"),
        ("python3.13, CodeUri: src", "nodejs22.x, CodeUri: src", "only Python runs here"),
        ("CodeUri: src", "CodeUri: missing", "missing is no folder"),
        ("Handler: app.handle", "Handler: app.handle\n      SnapStart: {ApplyOn: PublishedVersions}", "SnapStart"),
    ],
)
def test_what_lambda_would_refuse_or_cannot_run_here_is_refused(
    deploy: Deploy, old: str, new: str, reason: str
) -> None:
    assert old in FUNCTION
    with pytest.raises(TemplateError, match=reason):
        deploy(FUNCTION.replace(old, new))
