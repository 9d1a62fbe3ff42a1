from typing import Any

import pytest

from deploy.local.aws.event_pattern import check_pattern, matches
from deploy.local.aws.service import ServiceError

EVENT = {
    "source": "myapp.dataflows",
    "detail-type": "RegisterDataFlow",
    "resources": ["arn:aws:s3:::unloads/daily", "arn:aws:sqs:us-east-1:222222222222:registrations"],
    "detail": {
        "state": "active",
        "revision": 7,
        "share": 0.5,
        "is_backfill": True,
        "error": None,
        "note": "",
        "reports": ["pages", "devices"],
        "address": "10.1.2.3",
        "file": "daily/Part_0.PARQUET",
        "property": {"site": {"time_zone": "Asia/Singapore"}},
        "runs": [{"report": "pages", "rows": 3}, {"report": "events", "rows": 9}],
        "nested": [["inner"]],
        "nothing": [],
    },
}


def in_detail(**wanted: Any) -> dict[str, Any]:
    return {"detail": wanted}


MATCHING = {
    "the exact text": {"source": ["other", "myapp.dataflows"]},
    "a member deep inside": in_detail(property={"site": {"time_zone": ["Asia/Singapore"]}}),
    "one element of an array": in_detail(reports=["devices"]),
    "an element of an array within an array": in_detail(nested=["inner"]),
    "a member of an object in an array": in_detail(runs={"report": ["events"]}),
    "two members of the same object in an array": in_detail(runs={"report": ["events"], "rows": [9]}),
    "a prefix": in_detail(state=[{"prefix": "act"}]),
    "a prefix in another case": in_detail(file=[{"prefix": {"equals-ignore-case": "DAILY/"}}]),
    "a suffix": in_detail(file=[{"suffix": ".PARQUET"}]),
    "a suffix in another case": in_detail(file=[{"suffix": {"equals-ignore-case": ".parquet"}}]),
    "text in another case": in_detail(state=[{"equals-ignore-case": "ACTIVE"}]),
    "a number": in_detail(revision=[7]),
    "a fraction": in_detail(share=[0.5]),
    "a range": in_detail(revision=[{"numeric": [">", 6, "<=", 7]}]),
    "a number written as a fraction": in_detail(revision=[{"numeric": ["=", 7.0]}]),
    "anything but another text": in_detail(state=[{"anything-but": "removed"}]),
    "anything but a list": in_detail(state=[{"anything-but": ["removed", "paused"]}]),
    "anything but a prefix": in_detail(state=[{"anything-but": {"prefix": "re"}}]),
    "a member that is there": in_detail(error=[{"exists": True}]),
    "a member that is not there": in_detail(reason=[{"exists": False}]),
    "a member not there in an object that is": in_detail(property={"site": {"name": [{"exists": False}]}}),
    "an object is no value": in_detail(property=[{"exists": False}]),
    "an empty array has no value": in_detail(nothing=[{"exists": False}]),
    "null": in_detail(error=[None]),
    "empty text": in_detail(note=[""]),
    "true": in_detail(is_backfill=[True]),
    "an address in a network": in_detail(address=[{"cidr": "10.1.0.0/16"}]),
    "a wildcard": in_detail(file=[{"wildcard": "daily/*_0.PARQUET"}]),
    "one of two patterns": {"$or": [{"source": ["other"]}, in_detail(state=["active"])]},
    "one of two patterns beside another member": in_detail(**{"$or": [{"state": ["x"]}, {"revision": [7]}]}, note=[""]),
    "one of the resources": {"resources": [{"prefix": "arn:aws:sqs:"}]},
}

OTHER = {
    "one member differs": {"source": ["myapp.dataflows"], "detail-type": ["RunDataFlow"]},
    "members of two objects in an array": in_detail(runs={"report": ["events"], "rows": [3]}),
    "one is not true": in_detail(is_backfill=[1]),
    "one is not true for anything-but": in_detail(is_backfill=[{"anything-but": True}]),
    "true is no number": in_detail(is_backfill=[{"numeric": ["=", 1]}]),
    "text is no number": in_detail(revision=["7"]),
    "another case": in_detail(state=["Active"]),
    "outside the range": in_detail(revision=[{"numeric": [">", 7]}]),
    "in the list of anything-but": in_detail(state=[{"anything-but": ["active", "paused"]}]),
    "the suffix of anything-but": in_detail(state=[{"anything-but": {"suffix": ["ive", "x"]}}]),
    "the wildcard of anything-but": in_detail(state=[{"anything-but": {"wildcard": "a*e"}}]),
    "anything-but of a member that is not there": in_detail(reason=[{"anything-but": "x"}]),
    "outside the network": in_detail(address=[{"cidr": "192.168.0.0/16"}]),
    "no address": in_detail(state=[{"cidr": "10.0.0.0/8"}]),
    "a wildcard that is an asterisk": in_detail(file=[{"wildcard": "daily/\\*"}]),
    "a path through a text": in_detail(state={"name": ["x"]}),
    "none of two patterns": {"$or": [{"source": ["other"]}, in_detail(revision=[8])]},
    "null is not absent": in_detail(error=[{"exists": False}]),
    "absent is not null": in_detail(reason=[None]),
}


@pytest.mark.parametrize("pattern", MATCHING.values(), ids=MATCHING.keys())
def test_an_event_matches(pattern: Any) -> None:
    check_pattern(pattern)
    assert matches(pattern, EVENT)


@pytest.mark.parametrize("pattern", OTHER.values(), ids=OTHER.keys())
def test_an_event_does_not_match(pattern: Any) -> None:
    check_pattern(pattern)
    assert not matches(pattern, EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        [],
        "text",
        {"source": "text"},
        {"source": []},
        {"source": [["text"]]},
        {"source": [{"begins": "my"}]},
        {"source": [{"prefix": ""}]},
        {"source": [{"prefix": "a", "suffix": "b"}]},
        {"source": [{"exists": "yes"}]},
        {"detail": {"n": [{"numeric": ["=<", 3]}]}},
        {"detail": {"n": [{"numeric": [">", "3"]}]}},
        {"detail": {"n": [{"anything-but": {"begins": "x"}}]}},
        {"$or": [{"source": "text"}, {"source": ["a"]}]},
    ],
)
def test_a_pattern_that_is_not_valid_is_refused(pattern: Any) -> None:
    with pytest.raises(ServiceError, match="Event pattern is not valid"):
        check_pattern(pattern)
