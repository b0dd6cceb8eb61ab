"""A schedule stays as a person switched it, through any number of registrations."""

import pytest

from scripts.registration import schedules


def cron(expression, *, active=True, **more):
    kind = {"cron": expression, "timezone": "UTC", "day_or": True}
    return {"schedule": kind, "parameters": {}, "active": active, "slug": None, **more}


def written(wanted, held=(), coded=None):
    """What is written, and so what Prefect then holds, with the code's switches that go with it."""
    return schedules.as_switched_by_hand(wanted, list(held), coded or {}), schedules.switches(wanted)


def states(held):
    return [each["active"] for each in held]


@pytest.mark.parametrize("on", [True, False])
def test_what_was_switched_by_hand_stays_so(on):
    wanted = [cron("5 * * * *", active=on), cron("6 * * * *", active=on)]
    held, coded = written(wanted)
    held[0]["active"] = not on
    for _ in range(3):
        held, coded = written(wanted, held, coded)
        assert states(held) == [not on, on]


def test_a_switch_in_code_takes_effect_where_nobody_switched():
    held, coded = written([cron("5 * * * *", active=False)])
    held, coded = written([cron("5 * * * *", active=True)], held, coded)
    assert states(held) == [True]
    held, coded = written([cron("5 * * * *", active=False)], held, coded)
    assert states(held) == [False]


def test_a_paused_schedule_whose_time_changes_in_code_stays_paused():
    held, coded = written([cron("5 * * * *"), cron("0 1 * * *")])
    held[0]["active"] = False
    held, _ = written([cron("30 * * * *"), cron("0 1 * * *")], held, coded)
    assert states(held) == [False, True]


def test_a_slug_says_which_schedule_it_was():
    held, coded = written([cron("5 * * * *", slug="a"), cron("6 * * * *", slug="b")])
    held[1]["active"] = False
    held, _ = written(
        [cron("0 * * * *", slug="b"), cron("1 * * * *", slug="c"), cron("2 * * * *", slug="d")], held, coded
    )
    assert states(held) == [False, True, True]


def test_of_another_number_of_schedules_new_ones_are_as_the_code_says():
    held, coded = written([cron("5 * * * *")])
    held[0]["active"] = False
    held, _ = written([cron("6 * * * *"), cron("7 * * * *")], held, coded)
    assert states(held) == [True, True]


def test_what_something_else_registered_keeps_its_pauses_and_nothing_more():
    """Active is what it is by itself: in dev that is nobody's wish. Paused is somebody's."""
    held = [cron("5 * * * *", active=True), cron("6 * * * *", active=False)]
    assert states(written([cron("5 * * * *", active=False), cron("6 * * * *", active=False)], held)[0]) == [
        False,
        False,
    ]
    assert states(written([cron("5 * * * *"), cron("6 * * * *")], held)[0]) == [True, False]


def test_order_and_switches_are_no_difference_and_everything_else_is():
    one, other = cron("5 * * * *"), cron("6 * * * *")
    assert schedules.are_same([one, other], [other | {"active": False}, one])
    assert not schedules.are_same([one], [other])
    assert not schedules.are_same([one], [one, one])
    assert not schedules.are_same([one], [one | {"parameters": {"days": 1}}])
    assert not schedules.are_same([one], [one | {"schedule": one["schedule"] | {"timezone": "Europe/Dublin"}}])
    assert not schedules.are_same([one], [])


def interval(**anchor):
    return {"schedule": {"interval": 60.0, "timezone": "UTC"} | anchor, "parameters": {}, "active": True, "slug": None}


def test_an_anchor_that_nobody_gave_is_the_one_it_began_with():
    wanted, held = interval(), interval(anchor_date="2026-01-01T00:00:00Z")
    assert schedules.are_same([wanted], [held])
    [again] = schedules.as_switched_by_hand([wanted], [held], {})
    assert again["schedule"]["anchor_date"] == "2026-01-01T00:00:00Z"
    moved = interval(anchor_date="2026-02-01T00:00:00Z")
    assert not schedules.are_same([moved], [held])
    assert schedules.as_switched_by_hand([moved], [held], {})[0]["schedule"] == moved["schedule"]


def test_the_start_that_prefect_writes_into_a_frequent_rule_is_no_difference():
    rule = {"parameters": {}, "active": True, "slug": None}
    one, other = (
        rule | {"schedule": {"rrule": f"DTSTART:20260101T00000{second}\nFREQ=MINUTELY;INTERVAL=5", "timezone": "UTC"}}
        for second in (0, 5)
    )
    assert schedules.are_same([one], [other])
    daily = [rule | {"schedule": {"rrule": f"DTSTART:2026010{day}T000000\nFREQ=DAILY"}} for day in (1, 2)]
    assert not schedules.are_same(daily[:1], daily[1:])
