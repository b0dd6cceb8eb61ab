"""JSON lines become texts: numbers as spelled, JSON as JSON; a bad line costs itself."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landing_columns import columns, read

from flows.shared.data import json_rows, slices, text_streams
from flows.shared.data.formats import JsonLines
from flows.shared.data.refused import FileRefusedError


def rows_of(tmp_path, content, names=("a",), key="x.jsonl", **kind):
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, columns(*names, **kind), JsonLines(), key)


@pytest.mark.parametrize(
    ("written", "plain", "as_json"),
    [
        ("1.10", "1.10", "1.10"),
        ("12345678901234567890123", "12345678901234567890123", "12345678901234567890123"),
        ("-0", "-0", "-0"),
        ("1E5", "1E5", "1E5"),
        ('"1.10"', "1.10", '"1.10"'),
        ('"é\\n\\u0000\\ud83d\\ude00"', "é\n\0😀", '"é\\n\\u0000😀"'),
        ('"\\\\ud800"', "\\ud800", '"\\\\ud800"'),
        ("true", "true", "true"),
        ("false", "false", "false"),
        ("null", None, None),
    ],
)
def test_a_value_is_its_text(tmp_path, written, plain, as_json):
    assert rows_of(tmp_path, f'{{"a": {written}}}') == ([(plain,)], {})
    assert rows_of(tmp_path, f'{{"a": {written}}}', json="a") == ([(as_json,)], {})


def test_nested_values_are_kept_where_json_is_declared(tmp_path):
    content = '{"a": {"x": [1.50, null, true, {"é": "\\""}], "y": 10000000000000000001}, "b": 1.0}'
    expected = '{"x": [1.50, null, true, {"é": "\\""}], "y": 10000000000000000001}'
    assert rows_of(tmp_path, content, ("a", "b"), json="a") == ([(expected, "1.0")], {})
    rows, problems = rows_of(tmp_path, content, ("a", "b"))
    assert rows == [(None, None)]
    assert problems[0].startswith('column a: got an object; expected one value: {"a": {"x": [1.50, null')


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1]", "got no object"),
        (b"1", "got no object"),
        (b'{"a": }', "got no valid JSON"),
        (b'{"a": 1} x', "got no valid JSON"),
        (b'{"a": NaN}', "got NaN; expected a number that JSON has"),
        (b'{"a": 1, "a": 1}', "got the key 'a' twice in one object"),
        (b'{"b": {"c": 1, "c": 2}}', "got the key 'c' twice in one object"),
        (b'{"a": "\xff"}', "got a character that is no Unicode at byte 8; expected UTF-8"),
        (b'{"a": "\\ud800"}', "got a character that is no Unicode"),
        (b'{"a": "\\udc00\\ud800"}', "got a character that is no Unicode"),
        (b'{"\\uDBFF": 1}', "got a character that is no Unicode"),
        (b"[" * 100_000, "got no valid JSON"),
    ],
)
def test_a_bad_line_is_a_problem_and_the_others_keep_their_numbers(tmp_path, line, reason):
    rows, problems = rows_of(tmp_path, b'\xef\xbb\xbf{"a": 1}\r\n\n  \n' + line + b'\n{"b": 2}\n{"a": 3}')
    assert rows == [("1",), (None,), (None,), ("3",)]
    assert list(problems) == [1]
    assert problems[1].startswith(reason)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b' \n[{"a": 1}]', "got a JSON array; expected one object a line"),
        (b'{\n"a": 1\n}', "got a JSON object over several lines"),
        (b"", "got 0 bytes"),
        (b'<html>{"a": 1}', "got an HTML page; expected plain text"),
    ],
)
def test_a_file_that_is_no_json_lines_is_refused_in_words(tmp_path, content, message):
    with pytest.raises(FileRefusedError) as refused:
        rows_of(tmp_path, content)
    assert message in str(refused.value)


def test_a_column_that_no_line_has_refuses_the_file_unless_it_may_be_null(tmp_path):
    assert rows_of(tmp_path, '{"b": 1}') == ([(None,)], {})
    with pytest.raises(FileRefusedError, match="got no line with 'a'; expected 'a', 'b'"):
        rows_of(tmp_path, '{"b": 1}\n{"b": 2}', ("a", "b"), required="a")
    assert rows_of(tmp_path, '{"b": 1}\n{"a": 2}', ("a",), required="a") == ([(None,), ("2",)], {})
    assert rows_of(tmp_path, "\n", ("a",), required="a") == ([], {})


def test_a_line_without_end_refuses_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(json_rows, "LONGEST_ROW_BYTES", 20)
    with pytest.raises(FileRefusedError, match="expected a line end before"):
        rows_of(tmp_path, '{"a": "' + "x" * 40)


VALUES = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=6)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.recursive(VALUES, lambda v: st.lists(v) | st.dictionaries(st.text("ab"), v)), max_size=8))
def test_json_is_kept_whatever_it_is_and_however_the_file_is_cut(tmp_path, rows):
    content = "\n".join(json.dumps({"a": row}) for row in rows) + "\n"
    with pytest.MonkeyPatch.context() as patch:
        real = text_streams.text_blocks
        patch.setattr(json_rows, "text_blocks", lambda p, k, **_: real(p, k, "utf-8", 7))
        patch.setattr(slices, "SLICE_ROWS", 3)
        kept, problems = rows_of(tmp_path, content, json="a")
    assert problems == {}
    assert [None if text is None else json.loads(text) for (text,) in kept] == rows
