"""The REST API: computed metrics, and what there is to ask for."""

from http import HTTPStatus

from django.contrib.auth.models import AbstractUser, AnonymousUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.reports import Report
from dataflows.selectors import DataFlow, readable_data_flows, registered_report
from reports.api.answers import meta_answer, query_answer
from reports.api.parsing import invalid_query, parse_parameters, parse_query
from reports.api.problems import Problem
from reports.grouping import GroupedQuery
from reports.measures import MeasureError
from reports.queries import Query
from reports.selectors import QueryResult, has_data, run_query


class QueryView(APIView):
    """Answers one query, as a JSON body or as parameters."""

    def get(self, request: Request) -> Response:
        """Answer the query in the address."""
        return self._answer(request, parse_parameters(request.query_params))

    def post(self, request: Request) -> Response:
        """Answer the query in the body."""
        return self._answer(request, parse_query(request.data))

    def _answer(self, request: Request, query: Query) -> Response:
        data_flows = _readable(request.user, query)
        report = _report(data_flows, query)
        if not has_data(query.property_ids, report.slug):
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "data-not-ready",
                f"Nothing of {report.slug} has been loaded yet: look at the data flow's timeline.",
            )
        result = _run(query, report)
        _check_currency(result.grouped, data_flows)
        return Response(query_answer(result, data_flows))


class MetaView(APIView):
    """Tells the caller what can be asked: properties, reports, dimensions, metrics."""

    def get(self, request: Request) -> Response:
        """Answer with all that the caller may read."""
        if request.query_params:
            name = sorted(request.query_params)[0]
            raise invalid_query(f"There is no parameter {name!r}.", pointer=f"/{name}")
        return Response(meta_answer(list(readable_data_flows(request.user))))


def _readable(user: AbstractUser | AnonymousUser, query: Query) -> list[DataFlow]:
    """Return the query's data flows in its order; one that may not be read is as unknown as one that is not there."""
    found = {flow.property_id: flow for flow in readable_data_flows(user).filter(property_id__in=query.property_ids)}
    for property_id in query.property_ids:
        if property_id not in found:
            raise Problem(
                HTTPStatus.NOT_FOUND, "unknown-property", f"There is no property {property_id} that you may read."
            )
    return [found[property_id] for property_id in query.property_ids]


def _report(data_flows: list[DataFlow], query: Query) -> Report:
    try:
        return registered_report(data_flows, query.report)
    except InvalidDataFlowError as error:
        raise invalid_query(str(error), pointer="/report") from error


def _run(query: Query, report: Report) -> QueryResult:
    try:
        return run_query(query, report)
    except MeasureError as error:
        if error.reason != "non_additive_metric":
            raise invalid_query(str(error), reason=error.reason) from error
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "non-additive-metric", str(error)) from error


def _check_currency(grouped: GroupedQuery, data_flows: list[DataFlow]) -> None:
    """Refuse to add amounts of different currencies."""
    currencies = sorted({data_flow.currency_code for data_flow in data_flows})
    money = [measure.name for measure in grouped.measures if measure.is_currency]
    if len(currencies) > 1 and money and "property_id" not in grouped.groups:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "mixed-currency",
            f"{', '.join(money)} would add {' and '.join(currencies)}: add the dimension property_id, or ask for "
            "properties of one currency.",
        )
