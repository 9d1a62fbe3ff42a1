"""Tells that the warehouse does not answer, and that it does again, without the warehouse: noted in DynamoDB.

Incidents are kept in the warehouse itself, so none can begin while it is away. It is one trouble of all data flows,
told once, whatever fails meanwhile. What failed is found by the first sweep after it, and read again by itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID, uuid4, uuid5

from aws_lambda_powertools import Logger

from dataflows.contracts.incidents import OutageState, WarehouseOutageChanged
from warehouse.answers import Answers
from warehouse.causes import OUTAGE_REMEDY
from warehouse.errors import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

logger = Logger(child=True)

_KEY: "Final[dict[str, AttributeValueTypeDef]]" = {
    "id": {"S": "warehouse-outage"}
}  # what is remembered of news has other ids in this table
_LONG_ENOUGH: Final = timedelta(minutes=10)  # from one sweep to the next: a restart is over by then
_LONGEST_ERROR: Final = 1900


@dataclass(frozen=True)
class _Outage:
    """An outage under way, since a sweep first met it."""

    outage_id: str
    since: datetime
    message: str
    is_told: bool

    @classmethod
    def of(cls, item: "dict[str, AttributeValueTypeDef]") -> Self:
        since = datetime.fromisoformat(item["since"]["S"])
        return cls(item["outage_id"]["S"], since, item["message"]["S"], item["is_told"]["BOOL"])


class Outages:
    """The outage that is under way, if one is. Every method raises TransientError when AWS does not answer either."""

    def __init__(self, client: "DynamoDBClient", table_name: str, answers: Answers) -> None:
        self._client = client
        self._table = table_name
        self._answers = answers

    def note(self, error: Exception, at: datetime) -> bool:
        """Note that a sweep got no answer from the warehouse; return whether that has lasted, and is told."""
        outage = self._find() or self._begin(error, at)
        if at - outage.since < _LONG_ENOUGH:
            return False
        if not outage.is_told:
            self._mark_told()  # first, or nobody would be told of its end
        self._answers.put([_changed(outage, OutageState.BEGUN, outage.message, outage.since)])
        logger.error("the warehouse does not answer", extra={"outage_id": outage.outage_id, "error": str(error)})
        return True

    def is_told(self) -> bool:
        """Return whether an outage is under way that was told."""
        outage = self._find()
        return outage is not None and outage.is_told

    def end(self, at: datetime) -> bool:
        """Tell that the outage is over, if one was told; return whether one was under way."""
        outage = self._find()
        if outage is None:
            return False
        if outage.is_told:
            words = "The warehouse answers again. What failed meanwhile is read again by itself."
            self._answers.put([_changed(outage, OutageState.OVER, words, at)])
        with aws_errors("forget the outage"):
            self._client.delete_item(TableName=self._table, Key=_KEY)
        logger.info("the warehouse answers again", extra={"outage_id": outage.outage_id})
        return True

    def _find(self) -> _Outage | None:
        with aws_errors("look for an outage"):
            answer = self._client.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True)
        return _Outage.of(answer["Item"]) if "Item" in answer else None

    def _begin(self, error: Exception, at: datetime) -> _Outage:
        """Note a new outage. Two sweeps that do so at once note the later one's, before anybody is told."""
        message = f"The warehouse does not answer: {str(error)[:_LONGEST_ERROR]}"
        outage = _Outage(str(uuid4()), at, message, is_told=False)
        item: dict[str, AttributeValueTypeDef] = {
            **_KEY,
            "outage_id": {"S": outage.outage_id},
            "since": {"S": at.isoformat()},
            "message": {"S": message},
            "is_told": {"BOOL": False},
        }
        with aws_errors("note an outage"):
            self._client.put_item(TableName=self._table, Item=item)
        return outage

    def _mark_told(self) -> None:
        with aws_errors("note that an outage is told"):
            self._client.update_item(
                TableName=self._table,
                Key=_KEY,
                UpdateExpression="SET is_told = :told",
                ExpressionAttributeValues={":told": {"BOOL": True}},
            )


def _changed(outage: _Outage, state: OutageState, message: str, at: datetime) -> WarehouseOutageChanged:
    """Return the news of an outage; told again, it has the same event id."""
    outage_id = UUID(outage.outage_id)
    return WarehouseOutageChanged(
        event_id=uuid5(outage_id, state),
        outage_id=outage_id,
        state=state,
        since=outage.since,
        message=message,
        remedy=OUTAGE_REMEDY if state is OutageState.BEGUN else "",
        occurred_at=at,
    )
