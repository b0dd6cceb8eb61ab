"""Objects whose time is over go, oldest first, and no younger one does, whatever happens meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from rules import count, keys, objects_rule, put, run

from flows.shared import own_copy
from flows.shared.retention import prefixes
from flows.shared.retention import run as running
from flows.shared.retention.refused import RetentionRefusedError

DAYS = [f"2024-05-{day:02}.csv" for day in range(12, 32)]
KEPT = DAYS[10:]  # The day in which the cut-off lies is not over.


def fill(world):
    put(world, *(f"export/reports/{name}" for name in [*DAYS, "README"]), "export/reports_too/2013-01-01.csv")


def test_objects_that_are_over_are_deleted_by_the_date_in_their_key(world):
    fill(world)
    found, deleted = run(objects_rule())
    assert (found.before, found.expired, deleted, found.without_time) == (21, 10, 10, 1)
    assert [each.key[-14:] for each in found.over] == DAYS[:10]
    assert keys(world) == [*KEPT, "README"]
    assert keys(world, "export/reports_too/") == ["2013-01-01.csv"]


def test_without_a_date_the_time_counts_at_which_s3_took_them(world):
    fill(world)
    rule = objects_rule(date_in_key="")
    now = datetime.now(UTC)
    found = count(rule, cutoff=now - timedelta(hours=1))
    assert (found.before, found.expired, found.without_time) == (21, 0, 0)
    assert count(rule, cutoff=now + timedelta(hours=1)).expired == 21


def test_a_prefix_that_is_not_there_is_refused(world):
    fill(world)
    with pytest.raises(RetentionRefusedError, match=r"Retention reports: got no object below s3://\w+/export/report/"):
        count(objects_rule(prefix="export/report/"))


def test_an_object_that_is_put_again_meanwhile_stays(world):
    fill(world)
    found = count(objects_rule())
    put(world, f"export/reports/{DAYS[3]}", body=b"anew")
    assert running.delete_objects.fn(objects_rule(), found.over) == 9
    assert keys(world) == [DAYS[3], *KEPT, "README"]


def test_a_batch_that_is_tried_again_counts_what_is_gone_already(world, monkeypatch):
    fill(world)
    found = count(objects_rule())
    running.delete_objects.fn(objects_rule(), found.over[:4])
    assert running.delete_objects.fn(objects_rule(), found.over) == 10


class Refusing:
    """A client that may not delete."""

    def __init__(self, code):
        self.code = code

    def delete_object(self, **_):
        raise ClientError({"Error": {"Code": self.code}}, "DeleteObject")


def test_a_run_that_may_not_delete_says_what_its_file_must_declare(world):
    fill(world)
    found = count(objects_rule())
    with pytest.raises(RetentionRefusedError, match=r"got AccessDenied for .*expected the permission s3:DeleteObject"):
        prefixes.delete(Refusing("AccessDenied"), world.bucket, objects_rule(), found.over)
    with pytest.raises(ClientError):
        prefixes.delete(Refusing("InternalError"), world.bucket, objects_rule(), found.over)


def test_in_a_try_as_somebody_only_what_is_theirs_is_deleted(world, monkeypatch):
    fill(world)
    put(world, *(f"export/as_me/reports/{name}" for name in DAYS))
    monkeypatch.setenv(own_copy.VARIABLE, "me")
    assert run(objects_rule())[1] == 10
    put(world, *(f"landing/reports/{name}" for name in DAYS))
    with pytest.raises(own_copy.OthersDataError):
        run(objects_rule(prefix="landing/reports/"))
    assert keys(world, "export/as_me/reports/") == KEPT
    assert keys(world, "export/reports/") == [*DAYS, "README"]
    assert keys(world, "landing/reports/") == DAYS
