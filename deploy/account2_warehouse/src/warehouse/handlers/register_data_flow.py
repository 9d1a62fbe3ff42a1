"""Wakes for what MyApp publishes: registers a data flow, takes a request for runs, or what was counted of days."""

from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataflows.contracts.counts import DataFlowDaysCounted
from dataflows.contracts.errors import TerminalError, TransientError
from dataflows.contracts.events import (
    MYAPP_SOURCE,
    RegisterDataFlow,
    RunDataFlow,
    parse_days_counted,
    parse_register_data_flow,
    parse_run_data_flow,
)
from message_batches.taking import take_each
from warehouse.answers import Answers, Asked, refused
from warehouse.appflow import Flows
from warehouse.config import RegisterConfig
from warehouse.deadline import Deadline
from warehouse.errors import aws_errors, defects_end
from warehouse.incidents import Incidents
from warehouse.moments import Moment
from warehouse.presses import Presses
from warehouse.queues import WatchQueue
from warehouse.reconciling import Reconciler
from warehouse.redshift import WarehouseAddress
from warehouse.registration import Registrar
from warehouse.registry import Registry
from warehouse.requested import RunRequests
from warehouse.retrying import Retrier
from warehouse.runs import Runs
from warehouse.schema import Schema
from warehouse.sessions import ops_warehouse
from warehouse.statements import Warehouse

logger = Logger(service="register_data_flow")


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Carry out the requests in a batch, in their order; the first that must wait holds up those behind it."""
    config = RegisterConfig.from_environment()
    return take_each(event, context, config.queue_url, partial(_take, config, Deadline.of(context)))


def _take(config: RegisterConfig, deadline: Deadline, envelope: dict[str, Any]) -> None:
    logger.append_keys(station="register", event_id=envelope["id"])
    if envelope["account"] != config.app_account_id or envelope["source"] != MYAPP_SOURCE:
        logger.error("refused: not from the application's account", sender=envelope["account"])
        return
    detail, moment = envelope["detail"], Moment.parse(envelope["time"])
    logger.append_keys(correlation_id=detail.get("correlation_id"), data_flow_id=detail.get("data_flow_id"))
    kind = envelope["detail-type"]
    if kind == RegisterDataFlow.__name__:
        _register(config, detail, moment)
    elif kind == RunDataFlow.__name__:
        _request_runs(config, deadline, detail, moment)
    elif kind == DataFlowDaysCounted.__name__:
        _compare(config, detail, moment)
    else:
        logger.error("refused: no request that is known here", kind=kind)


def _register(config: RegisterConfig, detail: dict[str, Any], moment: Moment) -> None:
    answers = _answers(config)
    try:
        with defects_end():
            event = parse_register_data_flow(detail)
            _registrar(config, answers).register(event, moment)
    except TerminalError as error:
        logger.warning("failed", reason=error.reason, error=str(error))
        _answer(answers, detail, error, moment)
    else:
        logger.info("registered", property_id=event.property.property_id, revision=event.revision, state=event.state)


def _answer(answers: Answers, detail: dict[str, Any], error: TerminalError, moment: Moment) -> None:
    try:
        asked = Asked.by(detail)
    except (KeyError, ValueError, TypeError, OverflowError):
        # Trying again would hold up every other registration and end the same way.
        logger.exception("refused, and it does not say who asked")
        return
    answers.put([refused(asked, error, moment.now)])


def _request_runs(config: RegisterConfig, deadline: Deadline, detail: dict[str, Any], moment: Moment) -> None:
    try:
        request = parse_run_data_flow(detail)
    except TerminalError:
        logger.exception("refused: no request for runs")
        return
    requests = _run_requests(config, deadline)
    try:
        with defects_end():
            requests.take(request, moment)
    except TerminalError as error:
        logger.warning("failed", reason=error.reason, error=str(error))
        requests.refuse(request, error, moment)
    else:
        logger.info("runs requested", start_date=str(request.start_date), end_date=str(request.end_date))


def _compare(config: RegisterConfig, detail: dict[str, Any], moment: Moment) -> None:
    """Take what MyApp counted. What fails is not tried again: registrations wait behind it, the next count does not."""
    try:
        with defects_end():
            _compare_counted(config, parse_days_counted(detail), moment)
    except (TerminalError, TransientError):
        logger.exception("counts of days were not compared")


def _compare_counted(config: RegisterConfig, counted: DataFlowDaysCounted, moment: Moment) -> None:
    ops = _ops(config)
    if Reconciler(Registry(ops), Incidents(ops)).take(counted, moment.now):
        _watch_queue(config).start_waiting_runs(moment.now, str(counted.data_flow_id))  # the watch function tells it


def _registrar(config: RegisterConfig, answers: Answers) -> Registrar:
    address = _address(config)
    ops = ops_warehouse(address)
    return Registrar(
        config=config,
        answers=answers,
        schema=Schema(address, config.ddl_role_arn, config.database_users),
        registry=Registry(ops),
        runs=Runs(ops),
        flows=Flows(boto3.client("appflow")),
        watch_queue=_watch_queue(config),
    )


def _run_requests(config: RegisterConfig, deadline: Deadline) -> RunRequests:
    ops, answers, watch_queue = _ops(config), _answers(config), _watch_queue(config)
    retrier = Retrier.of(ops, answers, watch_queue, Flows(boto3.client("appflow")), deadline)
    return RunRequests(answers, Registry(ops), Runs(ops), watch_queue, Presses(answers, retrier))


def _ops(config: RegisterConfig) -> Warehouse:
    return ops_warehouse(_address(config))


def _address(config: RegisterConfig) -> WarehouseAddress:
    with aws_errors("read the warehouse's secret"):
        secret = boto3.client("secretsmanager").get_secret_value(SecretId=config.warehouse_secret_arn)
    return WarehouseAddress.model_validate_json(secret["SecretString"])


def _answers(config: RegisterConfig) -> Answers:
    return Answers(boto3.client("events"), config.warehouse_bus_name)


def _watch_queue(config: RegisterConfig) -> WatchQueue:
    return WatchQueue(boto3.client("sqs"), config.watch_queue_url)
