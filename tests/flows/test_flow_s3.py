"""Listings carry S3's own clock from before their first page; a file that is no Parquet is named."""

from datetime import UTC, datetime

import pytest

from flows.shared import s3


class Pages:
    """An S3 client whose listing has two pages, the second answered a minute later."""

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        for minute, keys in ((0, ["b.parquet", "folder/"]), (1, ["a.parquet"])):
            yield {
                "ResponseMetadata": {"HTTPHeaders": {"date": f"Tue, 01 Jan 2013 12:0{minute}:00 GMT"}},
                "Contents": [
                    {"Key": key, "Size": 1, "LastModified": datetime(2013, 1, 1, 11 - minute, 0, 0, 500, tzinfo=UTC)}
                    for key in keys
                ],
            }


def test_the_clock_is_that_of_the_first_page_and_files_are_oldest_first():
    listing = s3.list_files(Pages(), "b", "")
    assert listing.began_at == datetime(2013, 1, 1, 12, tzinfo=UTC)
    assert [file.key for file in listing.files] == ["a.parquet", "b.parquet"]
    assert listing.files[0].last_modified == datetime(2013, 1, 1, 10, tzinfo=UTC)


def test_a_real_listing_is_not_older_than_what_it_lists(world):
    world.s3.put_object(Bucket=world.bucket, Key="x/1.parquet", Body=b"no parquet")
    listing = s3.list_files(world.s3, world.bucket, "x/")
    [file] = listing.files
    assert file.last_modified <= listing.began_at
    assert file.size_bytes == 10
    assert s3.list_files(world.s3, world.bucket, "empty/").files == []


def test_a_file_that_is_no_parquet_is_named(world):
    world.s3.put_object(Bucket=world.bucket, Key="x/1.parquet", Body=b"no parquet")
    with pytest.raises(s3.UnreadableFileError, match=r"x/1.parquet: got 10 bytes that do not read as Parquet"):
        s3.read_parquet(world.s3, world.bucket, "x/1.parquet")
