"""EventBridge Scheduler: its API, and the thread that invokes what is due."""

import threading
from collections import defaultdict
from datetime import datetime
from typing import Final

from werkzeug.wrappers import Request, Response

from deploy.local.aws.service import Caller, ServiceError
from deploy.local.clock import EmulatedClock
from deploy.local.scheduler import client_tokens
from deploy.local.scheduler.answers import describe_schedule, group_summary, schedule_summary
from deploy.local.scheduler.invocation import AssumeRoleAsService, Invocation, InvocationFailedError, Invoker
from deploy.local.scheduler.rest_json import answer, page
from deploy.local.scheduler.schedules import (
    DEFAULT_GROUP,
    Group,
    Schedule,
    SchedulerRegion,
    make_schedule,
    not_found,
)
from deploy.local.scheduler.service_model import Members, RestJsonModel
from deploy.local.scheduler.ticker import Ticker

_PAGE_SIZE: Final = 100


class Scheduler:
    """Schedules of every account and region, in memory; they are made anew when the stack is provisioned."""

    scope = "scheduler"

    def __init__(self, clock: EmulatedClock, endpoint_url: str, assume_role_as_service: AssumeRoleAsService) -> None:
        self._clock = clock
        self._invoker = Invoker(endpoint_url, assume_role_as_service)
        self._model = RestJsonModel("scheduler")
        self._regions: defaultdict[tuple[str, str], SchedulerRegion] = defaultdict(SchedulerRegion)
        self._retries: list[Invocation] = []
        self._lock = threading.Lock()
        self._ticker = Ticker(self.tick, "scheduler")

    def start(self) -> None:
        """Begin to invoke what is due."""
        self._ticker.start()

    def close(self) -> None:
        """Invoke nothing any more."""
        self._ticker.stop()

    def handle(self, request: Request, caller: Caller) -> Response:
        """Answer one API call."""
        operations = {
            "CreateSchedule": self._create_schedule,
            "GetSchedule": self._get_schedule,
            "UpdateSchedule": self._update_schedule,
            "DeleteSchedule": self._delete_schedule,
            "ListSchedules": self._list_schedules,
            "CreateScheduleGroup": self._create_group,
            "GetScheduleGroup": self._get_group,
            "DeleteScheduleGroup": self._delete_group,
            "ListScheduleGroups": self._list_groups,
        }
        return answer(self._model, operations, request, caller)

    def tick(self) -> None:
        """Invoke everything that came due since the last tick, the earliest first, and what is to be tried again."""
        now = self._clock.now()
        with self._lock:
            due = self._take_due(now) + [one for one in self._retries if one.next_attempt_at <= now]
            self._retries = [one for one in self._retries if one.next_attempt_at > now]
        for invocation in sorted(due, key=lambda one: one.next_attempt_at):
            self._invoke(invocation)

    def _take_due(self, now: datetime) -> list[Invocation]:
        due = []
        for region in self._regions.values():
            for key, schedule in list(region.schedules.items()):
                timetable = schedule.timetable
                if timetable is None:
                    continue
                moments = timetable.take_due(now)
                due += [Invocation(schedule.arn, schedule.definition["Target"], at, at) for at in moments]
                if schedule.is_deleted_after_completion and timetable.is_over(now):
                    del region.schedules[key]
        return due

    def _invoke(self, invocation: Invocation) -> None:
        try:
            self._invoker.invoke(invocation)
        except InvocationFailedError as error:
            again = invocation.retry(self._clock.now()) if error.is_retryable else None
            if again is None:
                self._invoker.give_up(invocation, error)
                return
            with self._lock:
                self._retries.append(again)

    def _create_schedule(self, members: Members, caller: Caller) -> Members:
        now = self._clock.now()
        self._invoker.check_role(members["Target"]["RoleArn"])
        schedule = make_schedule(members, caller, now, created_at=now)
        token = members.get("ClientToken")
        with self._lock:
            region = self._region(caller)
            earlier = client_tokens.earlier_answer(region.tokens, "CreateSchedule", token, members, now)
            if earlier is not None:
                return earlier
            _check_group(region, schedule.group_name)
            key = (schedule.group_name, members["Name"])
            if key in region.schedules:
                raise ServiceError("ConflictException", f"Schedule {members['Name']} already exists.", 409)
            region.schedules[key] = schedule
            created = {"ScheduleArn": schedule.arn}
            client_tokens.remember(region.tokens, "CreateSchedule", token, members, schedule.arn, created, now)
        return created

    def _update_schedule(self, members: Members, caller: Caller) -> Members:
        self._invoker.check_role(members["Target"]["RoleArn"])
        with self._lock:
            region = self._region(caller)
            found = _find(region, members)
            changed = make_schedule(members, caller, self._clock.now(), created_at=found.created_at)
            region.schedules[changed.group_name, members["Name"]] = changed
        return {"ScheduleArn": changed.arn}

    def _get_schedule(self, members: Members, caller: Caller) -> Members:
        with self._lock:
            schedule = _find(self._region(caller), members)
        return describe_schedule(schedule)

    def _delete_schedule(self, members: Members, caller: Caller) -> Members:
        with self._lock:
            region = self._region(caller)
            schedule = _find(region, members)
            del region.schedules[schedule.group_name, members["Name"]]
            client_tokens.forget_subject(region.tokens, schedule.arn)
        return {}

    def _list_schedules(self, members: Members, caller: Caller) -> Members:
        with self._lock:
            schedules = list(self._region(caller).schedules.values())
        chosen = sorted((one for one in schedules if _is_wanted(one, members)), key=lambda one: one.arn)
        summaries, more = page(chosen, members.get("NextToken"), members.get("MaxResults", _PAGE_SIZE))
        return {"Schedules": [schedule_summary(one) for one in summaries], **_next_token(more)}

    def _create_group(self, members: Members, caller: Caller) -> Members:
        name = members["Name"]
        with self._lock:
            region = self._region(caller)
            if name in region.groups:
                raise ServiceError("ConflictException", f"Schedule group {name} already exists.", 409)
            region.groups[name] = self._new_group(name, caller)
            return {"ScheduleGroupArn": region.groups[name].arn}

    def _get_group(self, members: Members, caller: Caller) -> Members:
        with self._lock:
            region = self._region(caller)
            _check_group(region, members["Name"])
            return group_summary(region.groups[members["Name"]])

    def _delete_group(self, members: Members, caller: Caller) -> Members:
        name = members["Name"]
        with self._lock:
            region = self._region(caller)
            _check_group(region, name)
            if name == DEFAULT_GROUP:
                raise ServiceError("ValidationException", "The default schedule group can't be deleted.")
            del region.groups[name]
            region.schedules = {key: one for key, one in region.schedules.items() if key[0] != name}
        return {}

    def _list_groups(self, members: Members, caller: Caller) -> Members:
        with self._lock:
            groups = list(self._region(caller).groups.values())
        chosen = [one for one in groups if one.name.startswith(members.get("NamePrefix", ""))]
        listed, more = page(chosen, members.get("NextToken"), members.get("MaxResults", _PAGE_SIZE))
        return {"ScheduleGroups": [group_summary(one) for one in listed], **_next_token(more)}

    def _region(self, caller: Caller) -> SchedulerRegion:
        region = self._regions[caller.account_id, caller.region]
        if DEFAULT_GROUP not in region.groups:
            region.groups[DEFAULT_GROUP] = self._new_group(DEFAULT_GROUP, caller)
        return region

    def _new_group(self, name: str, caller: Caller) -> Group:
        arn = f"arn:aws:scheduler:{caller.region}:{caller.account_id}:schedule-group/{name}"
        return Group(arn, name, self._clock.now())


def _find(region: SchedulerRegion, members: Members) -> Schedule:
    group_name = members.get("GroupName", DEFAULT_GROUP)
    schedule = region.schedules.get((group_name, members["Name"]))
    if schedule is None:
        raise not_found("Schedule", members["Name"])
    return schedule


def _check_group(region: SchedulerRegion, name: str) -> None:
    if name not in region.groups:
        raise not_found("Schedule group", name)


def _is_wanted(schedule: Schedule, members: Members) -> bool:
    definition = schedule.definition
    return (
        members.get("GroupName", schedule.group_name) == schedule.group_name
        and members.get("State", definition["State"]) == definition["State"]
        and str(definition["Name"]).startswith(members.get("NamePrefix", ""))
    )


def _next_token(more: Members) -> Members:
    return {"NextToken": more["nextToken"]} if more else {}
