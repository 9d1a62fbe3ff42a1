"""Keeps moto's queues whole when several threads use them, and quick when they are long.

moto chooses, marks, hides and deletes messages without a lock: two consumers that receive at once may both take a
message, or two messages of one FIFO group (the order registration relies on), and a message sent during a delete may
vanish. When messages of one group become visible again together, it delivers the last of them first.
For every message sent it also asks each message in the queue for the time, several times, by way of calendar dates.
"""

import time
from typing import Any

from moto.sqs import models
from moto.sqs.models import Message, Queue, SQSBackend

# Messages that become visible again wake nobody up: look again this often.
_LONGEST_WAIT_SECONDS = 0.25

_moto_receive = SQSBackend.receive_message
_moto_change_visibility = SQSBackend.change_message_visibility
_moto_delete = Queue.delete_message


def install() -> None:
    """Let moto's queues be read through this module; installing again changes nothing."""
    SQSBackend.receive_message = _receive  # type: ignore[method-assign, assignment]
    SQSBackend.change_message_visibility = _change_visibility  # type: ignore[method-assign, assignment]
    Queue.delete_message = _delete  # type: ignore[method-assign, assignment]
    models.unix_time_millis = _milliseconds  # type: ignore[attr-defined, assignment]


def _receive(
    backend: SQSBackend, queue_name: str, count: int, wait_seconds_timeout: int, *arguments: Any, **more: Any
) -> list[Message]:
    deadline = time.monotonic() + wait_seconds_timeout
    queue = backend.get_queue(queue_name)
    with queue._messages_lock:
        while True:
            _forget_those_visible_again(queue)
            messages = _moto_receive(backend, queue_name, count, 0, *arguments, **more)
            remaining_seconds = deadline - time.monotonic()
            if messages or remaining_seconds <= 0:
                return messages
            # Waiting gives the lock up, so that others send, receive and delete meanwhile.
            queue._messages_lock.wait(min(remaining_seconds, _LONGEST_WAIT_SECONDS))


def _forget_those_visible_again(queue: Queue) -> None:
    """A group is held up by the messages that are hidden, not by those that were."""
    queue.pending_messages.difference_update([message for message in queue.pending_messages if message.visible])


def _change_visibility(backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    with backend.get_queue(queue_name)._messages_lock:
        _moto_change_visibility(backend, queue_name, receipt_handle, visibility_timeout)


def _milliseconds() -> float:
    return time.time() * 1000


def _delete(queue: Queue, receipt_handle: str) -> None:
    with queue._messages_lock:
        _moto_delete(queue, receipt_handle)
