"""Count what a client's channels do, in a memory-mapped file and a log of shell messages.

The order of ``NAMES`` is a contract with harness/model/client.ts (CLIENT_COUNTERS). The log has one
line an event, ``NANOSECONDS WHAT REQUEST TYPE``: ``sent``, ``taken`` (read by the client; REQUEST is the
number of the request that it answers, 0: of none) and ``late`` (taken, but found only when the client's
own poll had timed out). It is written without buffering, so that it survives a kill.
"""

import os
import time

from soak_counters import ELSEWHERE, IN_CALLBACK, Counters
from soak_counters import IN_REPLY as IN_SEND

NAMES = ("sends", "shellSends", "executes", "taken", "late", "timeouts", "callbacks", "rearms")
SENDS, SHELL_SENDS, EXECUTES, TAKEN, LATE, TIMEOUTS, CALLBACKS, REARMS = range(len(NAMES))

# A poll that ended on its timer is found out by its length; timers never fire early by more than this.
TIMER_SLACK_S = 0.005


class Tracker:
    """Counters, log, and the client's shell channels, newest last."""

    def __init__(self, counters, events):
        self.counters = Counters(counters, NAMES)
        # In Windows' text mode each line would end in a carriage return, which belongs to no event.
        binary = getattr(os, "O_BINARY", 0)
        self._log = os.open(events, os.O_WRONLY | os.O_APPEND | os.O_CREAT | binary, 0o600)
        self._numbers = {}
        self.shell_channels = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave_to_parent)

    def _leave_to_parent(self):
        # As the counters do: what a forked child sends and takes is not the client's.
        self._log = os.open(os.devnull, os.O_WRONLY)

    def is_shell(self, channel):
        return any(known is channel for known in self.shell_channels)

    def log(self, what, number, msg_type):
        os.write(self._log, f"{time.monotonic_ns()} {what} {number} {msg_type}\n".encode())

    def sent(self, msg):
        header = msg["header"]
        number = self._numbers[header["msg_id"]] = len(self._numbers) + 1
        # Logged first: a counter that is ahead of the log would be a request without a name.
        self.log("sent", number, header["msg_type"])
        if header["msg_type"] == "execute_request":
            self.counters.add(EXECUTES)
        self.counters.add(SHELL_SENDS)

    def taken(self, msg, late):
        number = self._numbers.get(msg["parent_header"].get("msg_id"), 0)
        self.log("late" if late else "taken", number, msg["header"]["msg_type"])
        if late:
            self.counters.add(LATE)
        self.counters.add(TAKEN)


def instrument(counters_path, events_path):
    """Wrap what every client of jupyter_client sends and reads with, before it is used."""
    from queue import Empty

    import zmq.asyncio
    from jupyter_client import channels, client

    tracker = Tracker(counters_path, events_path)
    counters = tracker.counters
    shell_channel = client.KernelClient.shell_channel.fget

    def shell_channel_known(self):
        channel = shell_channel(self)
        if not tracker.is_shell(channel):
            tracker.shell_channels.append(channel)
        return channel

    client.KernelClient.shell_channel = property(shell_channel_known)

    send = channels.AsyncZMQSocketChannel.send

    def send_counted(self, msg):
        # Before the send: the kernel may have the request, and have counted it, when the send returns.
        if tracker.is_shell(self):
            tracker.sent(msg)
        result = counters.call_in(IN_SEND, send, self, msg)
        counters.add(SENDS)
        return result

    channels.AsyncZMQSocketChannel.send = send_counted

    get_msg = channels.AsyncZMQSocketChannel.get_msg

    async def get_msg_counted(self, timeout=None):
        if not tracker.is_shell(self):
            return await get_msg(self, timeout)
        began = time.monotonic()
        try:
            msg = await get_msg(self, timeout)
        except Empty:
            counters.add(TIMEOUTS)
            raise
        elapsed = time.monotonic() - began
        tracker.taken(msg, bool(timeout) and elapsed >= timeout - TIMER_SLACK_S)
        return msg

    channels.AsyncZMQSocketChannel.get_msg = get_msg_counted
    instrument_blocking(channels, tracker)

    call_later = zmq.asyncio.Socket._call_later

    def call_later_counted(self, delay, callback):
        if counters.place != IN_SEND:
            return call_later(self, delay, callback)
        counters.add(CALLBACKS)
        return call_later(self, delay, lambda: counters.call_in(IN_CALLBACK, callback))

    zmq.asyncio.Socket._call_later = call_later_counted

    schedule = zmq.asyncio.Socket._schedule_remaining_events

    def schedule_counted(self, events=None):
        if counters.place != ELSEWHERE:
            counters.add(REARMS)
        # What a re-arm schedules in its turn is the socket's own work.
        return counters.call_in(ELSEWHERE, schedule, self, events)

    zmq.asyncio.Socket._schedule_remaining_events = schedule_counted
    return tracker


def instrument_blocking(channels, tracker):
    """The same for a blocking client, whose channels are the base class of the asynchronous ones."""
    from queue import Empty

    counters = tracker.counters
    send = channels.ZMQSocketChannel.send

    def send_counted(self, msg):
        # An asynchronous channel that sends with this is counted by its own wrapper.
        if isinstance(self, channels.AsyncZMQSocketChannel):
            return send(self, msg)
        if tracker.is_shell(self):
            tracker.sent(msg)
        result = send(self, msg)
        counters.add(SENDS)
        return result

    channels.ZMQSocketChannel.send = send_counted

    get_msg = channels.ZMQSocketChannel.get_msg

    def get_msg_counted(self, timeout=None):
        if not tracker.is_shell(self):
            return get_msg(self, timeout)
        try:
            msg = get_msg(self, timeout)
        except Empty:
            counters.add(TIMEOUTS)
            raise
        # Never late: the socket's own poll, without a loop, finds what has come.
        tracker.taken(msg, False)
        return msg

    channels.ZMQSocketChannel.get_msg = get_msg_counted
