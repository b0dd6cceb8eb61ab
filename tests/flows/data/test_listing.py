"""Every object below a landing prefix is a landing file or ignored with why; downloads are pinned and leave nothing."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import dataframely as dy
import pytest

from flows.shared.data import listing
from flows.shared.data.formats import Csv
from flows.shared.data.landing import Landing
from flows.shared.data.listing import FileChangedError, StoredFile, downloads, list_landing, why_ignored

CASE = json.loads((Path(__file__).parents[2] / "fixtures/cases/17-names/expect.json").read_text())
PREFIX = "landing/flights/"


class Row(dy.Schema):
    a = dy.Int64()


LANDING = Landing("rows", Row, ["a"], PREFIX, "ROWS")


def test_every_key_of_the_case_is_loaded_or_ignored_with_why(world):
    keys = {found["key"]: found["expected"] for found in CASE["keys"]}
    for key in [*keys, PREFIX, "landing/flights-of-others/1.parquet"]:
        world.s3.put_object(Bucket=world.bucket, Key=key, Body=b"" if key.endswith("/") else b"x")
    found = list_landing(world.s3, world.bucket, LANDING)
    loaded = {file.key for file in found.files}
    ignored = {file.key: why for file, why in found.ignored}
    assert loaded | set(ignored) == {*keys, PREFIX}
    assert not loaded & set(ignored)
    assert all(ignored.values())
    # `.pq` is a suffix of Parquet, so it may be loaded.
    assert {key for key, expected in keys.items() if expected == "loaded"} <= loaded
    assert not {key for key, expected in keys.items() if expected.startswith("left aside")} & loaded
    assert {key.rpartition(".")[2] for key in loaded} == {"parquet", "PARQUET", "Parquet", "pq"}
    assert all(file.last_modified <= found.began_at and file.etag and file.size_bytes == 1 for file in found.files)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("1.CSV.Gz", ""),
        ("_day=1/1.tsv", ""),
        ("_day/1.csv", "the folder _day/ is hidden, as those of unfinished writes are"),
        (".day=1/1.csv", "the folder .day=1/ is hidden, as those of unfinished writes are"),
        ("_SUCCESS", "_SUCCESS is a hidden or marker file, by its first character"),
        ("a/", "a folder"),
        ("1.csv.bz2", "1.csv.bz2 does not end with .csv or .csv.gz or .csv.zst or .tsv or .tsv.gz"),
    ],
)
def test_a_name_tells_what_it_is(name, why):
    csv = Landing("rows", Row, ["a"], PREFIX, "ROWS", format=Csv())
    assert why_ignored(PREFIX + name, csv).startswith(why)
    assert bool(why_ignored(PREFIX + name, csv)) == bool(why)


class Pages:
    """An S3 client whose listing has two pages, the second answered a minute later."""

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        for minute, keys in ((0, ["b.parquet", "c.parquet"]), (1, ["a.parquet"])):
            yield {
                "ResponseMetadata": {"HTTPHeaders": {"date": f"Tue, 01 Jan 2013 12:0{minute}:00 GMT"}},
                "Contents": [
                    {
                        "Key": PREFIX + key,
                        "Size": 1,
                        "ETag": '"e"',
                        "LastModified": datetime(2013, 1, 1, 11 - minute, 0, 0, 500, tzinfo=UTC),
                    }
                    for key in keys
                ],
            }


def test_the_clock_is_that_of_the_first_page_and_files_are_oldest_first():
    found = list_landing(Pages(), "b", LANDING)
    assert found.began_at == datetime(2013, 1, 1, 12, tzinfo=UTC)
    assert [file.key.removeprefix(PREFIX) for file in found.files] == ["a.parquet", "b.parquet", "c.parquet"]
    assert found.files[0].last_modified == datetime(2013, 1, 1, 10, tzinfo=UTC)


def landed(world, count):
    for number in range(count):
        body = bytes([number]) * (1000 + number)
        world.s3.put_object(Bucket=world.bucket, Key=f"{PREFIX}{number:02d}.parquet", Body=body)
    return sorted(list_landing(world.s3, world.bucket, LANDING).files, key=lambda file: file.key)


def test_files_come_in_order_and_are_gone_after_their_turn(world, tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "AHEAD_BYTES", 3000)
    files = landed(world, 20)
    earlier = None
    with downloads(world.s3, world.bucket, files, tmp_path) as found:
        for number, (file, path) in enumerate(found):
            assert file == files[number]
            assert path.read_bytes() == bytes([number]) * (1000 + number)
            assert earlier is None or not earlier.exists()
            # The one in hand and those that fit ahead.
            assert len(list(tmp_path.iterdir())) <= 3
            earlier = path
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_changed_comes_with_its_error_and_the_others_follow(world, tmp_path):
    files = landed(world, 3)
    world.s3.put_object(Bucket=world.bucket, Key=files[0].key, Body=b"another")
    world.s3.delete_object(Bucket=world.bucket, Key=files[1].key)
    with downloads(world.s3, world.bucket, files, tmp_path) as found:
        outcomes = [path for _, path in found]
    assert [type(outcome) for outcome in outcomes[:2]] == [FileChangedError, FileChangedError]
    assert f"{files[0].key}: got an object that was replaced or removed" in str(outcomes[0])
    assert isinstance(outcomes[2], Path)
    assert list(tmp_path.iterdir()) == []


def test_leaving_early_ends_threads_and_leaves_no_file(world, tmp_path):
    files = landed(world, 12)
    with downloads(world.s3, world.bucket, files, tmp_path) as found:
        next(found)
    assert list(tmp_path.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("download")]


def test_another_error_is_raised_at_the_files_turn(world, tmp_path):
    files = landed(world, 1)
    other = StoredFile("x", 1, files[0].last_modified, files[0].etag)
    with downloads(world.s3, world.bucket, files, tmp_path) as found:
        assert len(list(found)) == 1
    with pytest.raises(world.s3.exceptions.NoSuchBucket), downloads(world.s3, "none", [other], tmp_path) as found:
        list(found)


class Breaking:
    """An S3 client whose first two bodies break off."""

    def __init__(self, s3):
        self.s3, self.ranges = s3, []

    def get_object(self, **request):
        from botocore.exceptions import ResponseStreamingError

        self.ranges.append(request.get("Range"))
        answer = self.s3.get_object(**request)
        if len(self.ranges) < 3:
            whole = answer["Body"]

            class Body:
                parts = 0

                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    whole.close()

                def read(self, _):
                    self.parts += 1
                    if self.parts > 1:
                        raise ResponseStreamingError(error="connection broken")
                    return whole.read(300)

            answer["Body"] = Body()
        return answer


def test_a_download_goes_on_where_its_connection_broke_off(world, tmp_path):
    s3 = Breaking(world.s3)
    with downloads(s3, world.bucket, landed(world, 1), tmp_path) as found:
        assert next(found)[1].read_bytes() == bytes(1000)
    assert s3.ranges == [None, "bytes=300-", "bytes=600-"]
