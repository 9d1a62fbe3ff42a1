"""The rig's queue: each dead letter is sent once more, also one that becomes one after others were sent."""

from random import Random

from tests.faults.loading.messages import MAX_RECEIVES, Message, Messages
from tests.faults.loading.plan import Arrival


def test_each_dead_letter_is_sent_once_more_whenever_it_dies() -> None:
    messages = Messages([Arrival(0.0, 0, "sent"), Arrival(1.0, 1, "sent")], Random(5))
    first, second = (Message(arrival, MAX_RECEIVES) for arrival in (Arrival(0.0, 2, "sent"), Arrival(1.0, 3, "sent")))
    while messages.receive():
        pass

    messages.give_back(first)
    assert messages.receive() == [first]
    messages.give_back(second)  # it was in somebody's hands meanwhile
    assert messages.receive() == [second]
    for message in (first, second):
        message.received = 2 * MAX_RECEIVES
        messages.give_back(message)

    assert messages.receive() == []
    assert messages.lost == [first, second]
