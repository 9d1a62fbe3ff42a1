"""How schedules and groups look in the scheduler's answers."""

from datetime import datetime

from deploy.local.scheduler.schedules import Group, Schedule
from deploy.local.scheduler.service_model import Members


def describe_schedule(schedule: Schedule) -> Members:
    """Return a schedule as GetSchedule shows it."""
    return {"Arn": schedule.arn, **schedule.definition, **_dates(schedule.created_at, schedule.modified_at)}


def schedule_summary(schedule: Schedule) -> Members:
    """Return a schedule as ListSchedules shows it."""
    definition = schedule.definition
    return {
        "Arn": schedule.arn,
        "Name": definition["Name"],
        "GroupName": schedule.group_name,
        "State": definition["State"],
        "Target": {"Arn": definition["Target"]["Arn"]},
        **_dates(schedule.created_at, schedule.modified_at),
    }


def group_summary(group: Group) -> Members:
    """Return a group as GetScheduleGroup and ListScheduleGroups show it."""
    return {
        "Arn": group.arn,
        "Name": group.name,
        "State": "ACTIVE",
        **_dates(group.created_at, group.created_at),
    }


def _dates(created_at: datetime, modified_at: datetime) -> dict[str, float]:
    return {"CreationDate": created_at.timestamp(), "LastModificationDate": modified_at.timestamp()}
