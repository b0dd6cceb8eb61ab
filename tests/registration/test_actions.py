"""Writes go as wide as the server makes faster, and an error ends them without losing count."""

import asyncio
from types import SimpleNamespace

import pytest

from scripts.registration.actions import Action, carry_out


class Server:
    """Takes `seconds` a write, `lanes` at a time; `widest` is the most that were sent at once."""

    def __init__(self, lanes, seconds=0.005, busy_beyond=99):
        self.lanes, self.seconds, self.busy_beyond = asyncio.Semaphore(lanes), seconds, busy_beyond
        self.under_way = self.widest = self.written = 0
        self.client = SimpleNamespace(busy=0)

    async def write(self):
        self.under_way += 1
        self.widest = max(self.widest, self.under_way)
        if self.under_way > self.busy_beyond:
            self.client.busy += 1
            await asyncio.sleep(5 * self.seconds)
        async with self.lanes:
            await asyncio.sleep(self.seconds)
        self.under_way -= 1
        self.written += 1

    def carry_out(self, count):
        done = []
        actions = [Action(str(number), "create", write=self.write) for number in range(count)]
        asyncio.run(carry_out(actions, self.client, done))
        assert len(done) == self.written == count


def test_a_server_that_takes_many_writes_at_once_gets_many():
    server = Server(lanes=32)
    server.carry_out(200)
    assert server.widest >= 8


def test_a_server_that_takes_one_at_a_time_is_asked_for_two_once_and_then_for_one():
    server = Server(lanes=1)
    server.carry_out(100)
    assert server.widest <= 4


def test_a_busy_server_is_left_with_one_write_at_a_time():
    server = Server(lanes=32, busy_beyond=2)
    server.carry_out(100)
    assert server.widest in (3, 4)
    assert 1 <= server.client.busy <= 3


def test_the_first_error_ends_it_and_what_is_done_is_known():
    done, asked = [], []

    async def write(number):
        asked.append(number)
        if number == 5:
            raise ValueError("five")

    actions = [Action(str(number), "create", write=lambda number=number: write(number)) for number in range(100)]
    with pytest.raises(ValueError, match="five"):
        asyncio.run(carry_out(actions, SimpleNamespace(busy=0), done))
    assert len(asked) <= 7  # 5 itself, and what was under way beside it.
    assert {action.what for action in done} == {str(number) for number in asked} - {"5"}
