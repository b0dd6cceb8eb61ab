"""Rows are cut out of an answer as they stand in it, and memory does not grow with pages."""

import json
import tracemalloc

import pytest

from flows.shared.fetch.answer import NoRowsError, rows_of
from flows.shared.fetch.files import land
from flows.shared.fetch.pages import Cursor, Offset


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("[]", "", []),
        (' [ 1 , {"a":1.10,\r\n "b": [1e400, "x\\ny"]} ] ', "", ["1", '{"a":1.10,   "b": [1e400, "x\\ny"]}']),
        ('{"a": [0], "d": {"x": {"r": 1}, "r": [{"k": "}]"}, {"k": "é\\ud83d"}]}}', "d.r",
         ['{"k": "}]"}', '{"k": "é\\ud83d"}']),
        ('{"r": [1], "r" : [2, 3]}', "r", ["2", "3"]),
        (f"[{'9' * 5000}]", "", ["9" * 5000]),
    ],
)  # fmt: skip
def test_rows_are_cut_out_as_they_stand(text, path, expected):
    assert [row.text for row in rows_of(text, path, ["k"])[1]] == expected


@pytest.mark.parametrize("text", ["", "{", '{"r": [1', "[1] 2", "<html>"])
def test_half_an_answer_is_no_answer(text):
    with pytest.raises(ValueError, match=r"Expecting|Extra data"):
        rows_of(text, "", [])


@pytest.mark.parametrize("path", ["r", "r.s", "d"])
def test_a_list_that_is_not_there_is_told(path):
    with pytest.raises(NoRowsError, match=f"at {path}; expected the list of rows"):
        rows_of('{"d": null, "r": {"s": "t"}}', path, [])


def test_a_version_is_told_by_key_and_time_or_by_the_text_where_a_row_lacks_them():
    _, rows = rows_of('[{"k":1,"t":2,"x":3},{"t":2,"k":1,"x":4},{"k":1,"t":3},{"k":1},{"k": 1}]', "", ["k", "t"])
    first, *others = (row.version for row in rows)
    assert [other == first for other in others] == [True, False, False, False]
    assert len(set(others)) == 4


class Bucket:
    """Takes files."""

    def put_object(self, **_):
        pass


@pytest.mark.parametrize("pages", [Cursor("offset", at="next"), Offset(limit=50, overlap=10)])
def test_memory_does_not_grow_with_the_number_of_pages(pages):
    def peak(total):
        def ask(offset="0", **_):
            at = int(offset)
            ids = range(at, min(at + 50, total))
            following = str(at + 50) if at + 50 < total else None
            answer = json.dumps({"data": [{"id": each, "text": "x" * 500} for each in ids], "next": following})
            return None, *rows_of(answer, "data", ["id"])

        tracemalloc.start()
        assert land(Bucket(), "bucket", "key", pages.read(ask, RuntimeError), 2**20)[1] == total
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1000)
    assert peak(10_000) < peak(1000) * 1.5
