"""The warehouse does not answer, or does again: one trouble that every data flow's page and timeline shows."""

from uuid import uuid5

from dataflows.contracts.events import DataFlowState, Station
from dataflows.contracts.incidents import OutageState, WarehouseOutageChanged
from dataflows.models import DataFlow, TimelineEntry, WarehouseOutage

_WORDS = {OutageState.BEGUN: "warehouse_away", OutageState.OVER: "warehouse_back"}


def outage_record(answer: WarehouseOutageChanged) -> bool:
    """Write the news of an outage down, for each data flow that is wanted active; False when it was there already.

    The same news comes often, and the two of one outage in any order: it stays over once it was. Runs in the caller's
    transaction.
    """
    is_over = answer.state is OutageState.OVER
    outage, is_first = WarehouseOutage.objects.select_for_update().get_or_create(
        outage_id=answer.outage_id,
        defaults={"since": answer.since, "message": answer.message, "remedy": answer.remedy, "is_over": is_over},
    )
    if is_over and not outage.is_over:
        outage.is_over = True
        outage.save(update_fields=("is_over",))
    return _add_to_timelines(answer) or is_first


def _add_to_timelines(answer: WarehouseOutageChanged) -> bool:
    ids = DataFlow.objects.filter(desired_state=DataFlowState.ACTIVE).values_list("id", flat=True)
    entries = [
        TimelineEntry(
            event_id=uuid5(answer.event_id, str(data_flow_id)),
            data_flow_id=data_flow_id,
            correlation_id=answer.outage_id,
            station=Station.INGEST,
            status=_WORDS[answer.state],
            message=answer.message,
            occurred_at=answer.occurred_at,
        )
        for data_flow_id in ids
    ]
    ids_of_entries = [entry.event_id for entry in entries]
    known = set(TimelineEntry.objects.filter(event_id__in=ids_of_entries).values_list("event_id", flat=True))
    TimelineEntry.objects.bulk_create([entry for entry in entries if entry.event_id not in known])
    return len(known) < len(entries)
