"""The landing data are every day's flights, put once."""

import pytest

from flows.examples.flights import _landing


def test_the_files_of_every_day_are_put_once(world):
    told = []
    put = lambda: _landing.put_landing_data(world.s3, world.bucket, told.append)  # noqa: E731
    assert put() == f"365 files put, 336,776 flights in s3://{world.bucket}/landing/flights/"
    assert told == ["100 of 365 landing files", "200 of 365 landing files", "300 of 365 landing files"]
    assert put().startswith("0 files put")
    world.s3.delete_object(Bucket=world.bucket, Key="landing/flights/2013-02-28.parquet")
    assert put().startswith("1 files put")
    assert world.read("landing/flights/").height == 336_776


def test_a_package_that_holds_other_flights_is_refused(monkeypatch):
    monkeypatch.setattr(_landing, "DAYS", 366)
    with pytest.raises(ValueError, match="got 336776 flights of 365 days; expected 336776 of 366"):
        _landing.flights_by_day()
