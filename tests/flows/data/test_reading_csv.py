"""CSV rows are told apart as written, whatever they hold; a bad row costs itself, a bad file is refused in words."""

import csv
import gzip
import io
import zlib

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landing_columns import columns, read

from flows.shared.data import csv_records, csv_rows, slices, text_streams
from flows.shared.data.formats import Csv
from flows.shared.data.refused import FileRefusedError

PLAIN = Csv()
TEXTS = st.text(
    st.one_of(st.sampled_from("ab ,;\"'\n\r\t\\#\0é航\u2028\ufeff"), st.characters(codec="utf-8")), max_size=8
)


def rows_of(tmp_path, content, dialect=PLAIN, key="x.csv", names=("a", "b"), **kind):
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, columns(*names, **kind), dialect, key)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), max_size=12), block=st.integers(1, 40), quoting=st.booleans())
def test_what_pythons_writer_writes_is_read_back(tmp_path, rows, block, quoting):
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL if quoting else csv.QUOTE_MINIMAL)
    writer.writerows([("a", "b"), *rows])
    path = tmp_path / "x.csv"
    path.write_bytes(text.getvalue().encode())
    whole = read(path, columns("a", "b"), Csv(null=()))
    assert whole == (rows, {})
    with pytest.MonkeyPatch.context() as patch:
        # Blocks of a few bytes, slices of a few rows.
        real = text_streams.text_blocks
        patch.setattr(csv_rows, "text_blocks", lambda p, k, e: real(p, k, e, block))
        patch.setattr(slices, "SLICE_ROWS", 3)
        assert read(path, columns("a", "b"), Csv(null=())) == whole


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.text(st.sampled_from('ab,"\n\r é#'), max_size=40), block=st.integers(1, 9))
def test_any_text_gives_the_same_rows_fast_slowly_and_in_blocks(tmp_path, content, block):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + content, encoding="utf-8", newline="")
    whole = read(path, columns("a", "b"), Csv())
    with pytest.MonkeyPatch.context() as patch:
        real = text_streams.text_blocks
        patch.setattr(csv_rows, "text_blocks", lambda p, k, e: real(p, k, e, block))
        assert read(path, columns("a", "b"), Csv()) == whole
        patch.setattr(csv_rows._Reader, "_is_plain", lambda *_: False)
        assert read(path, columns("a", "b"), Csv()) == whole


def test_values_are_kept_as_written(tmp_path):
    content = '\ufeffa,b\r\n1.10,5" pipe\r\n\r\n"",\rx\0y,"l\n""q"""\n007, \n'
    expected = [("1.10", '5" pipe'), ("", None), ("x\0y", 'l\n"q"'), ("007", " ")]
    assert rows_of(tmp_path, content) == (expected, {})


def test_a_bad_row_is_a_problem_and_the_others_keep_their_numbers(tmp_path):
    rows, problems = rows_of(tmp_path, b'a,b\n1,2\n3\n\n4,5,6\n7,8\n\xff,9\n"x"y,1\n9,0')
    assert rows == [("1", "2"), (None, None), (None, None), ("7", "8"), (None, None), (None, None), ("9", "0")]
    assert problems == {
        1: "got 1 field; expected 2: 3",
        2: "got 3 fields; expected 2: 4,5,6",
        4: "column a: got bytes that are not utf-8 at place 1; expected text in it: �,9",
        5: "got 'y' after a closing quote; expected the delimiter: \"x\"y,1",
    }
    # The fast way numbers them alike.
    assert rows_of(tmp_path, "a,b\n1,2\n3\n\n4,5,6\n7,8") == (rows[:4], {1: problems[1], 2: problems[2]})


def test_bad_bytes_of_a_column_that_is_not_declared_do_not_matter(tmp_path):
    assert rows_of(tmp_path, b"a,other,b\n1,\xff,2\n") == ([("1", "2")], {})


def test_every_line_after_a_quote_without_end_is_a_problem(tmp_path, monkeypatch):
    rows, problems = rows_of(tmp_path, 'a,b\n1,2\n3,"x\n4,5\n6,7\n')
    assert rows == [("1", "2")] + [(None, None)] * 3
    assert set(problems) == {1, 2, 3}
    assert problems[1] == 'got a quote that is opened and not closed in the rest of the file: 3,"x'
    monkeypatch.setattr(csv_records, "SLICE_BYTES", 20)
    with pytest.raises(FileRefusedError, match="a quote that is not closed within"):
        rows_of(tmp_path, 'a,b\n1,"' + "2\n" * 20)


def test_a_row_without_end_refuses_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_records, "LONGEST_ROW_BYTES", 20)
    with pytest.raises(FileRefusedError, match="expected a line end before"):
        rows_of(tmp_path, "a,b\n1," + "2" * 40)


@pytest.mark.parametrize(
    ("dialect", "content", "expected"),
    [
        (Csv(delimiter=";", null=("", "NA")), 'a;b\nNA;"NA"\n;x', [(None, "NA"), (None, "x")]),
        (Csv(quote=""), 'a,b\n"1,2"\n', [('"1', '2"')]),
        (Csv(escape="\\"), 'a,b\n"x\\"y","c:\\\\d\\e"\n', [('x"y', "c:\\d\\e")]),
        (Csv(escape="\\"), "a,b\nc:\\d,2\n", [("c:\\d", "2")]),
        (Csv(comment="#"), "# x,y,z\na,b\n#1,2\n1,#2\n", [("1", "#2")]),
        (Csv(trim=True), "a , b\n 1 ,  \n", [("1", None)]),
        (Csv(trim=True), 'a,b\n "1 " ," x, y"\n  z ,""\n', [("1 ", " x, y"), ("z", "")]),
        (Csv(trim=True, delimiter="\t"), "a\tb\n 1 \t\n", [("1", None)]),
        (Csv(delimiter="§"), 'a§b\n1§"2§"\n', [("1", "2§")]),
        (Csv(), '"a","b"\n"1","2"\n', [("1", "2")]),
        (Csv(), "a,b", []),
    ],
    ids=str,
)
def test_a_dialect_is_honoured(tmp_path, dialect, content, expected):
    assert rows_of(tmp_path, content, dialect) == (expected, {})


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-8-sig", "iso8859-15"])
def test_an_encoding_is_honoured(tmp_path, encoding):
    content = "a,b\nZürich,€\n".encode(encoding)
    assert rows_of(tmp_path, content, Csv(encoding=encoding)) == ([("Zürich", "€")], {})


def test_a_byte_that_the_encoding_lacks_costs_its_row(tmp_path):
    rows, problems = rows_of(tmp_path, b"a,b\n\x80,1\n\x81,2\n", Csv(encoding="cp1252"))
    assert rows == [("€", "1"), (None, None)]
    assert problems[1].startswith("column a: got bytes that are not cp1252 at place 1; expected text in it")


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_compressed_files_of_several_members_are_read_and_damaged_ones_refused(tmp_path, codec):
    key = {"gzip": "x.csv.GZ", "zstd": "x.csv.zst"}[codec]
    compress = gzip.compress if codec == "gzip" else lambda text: pa.Codec("zstd").compress(text, asbytes=True)
    whole = compress(b"a,b\n1,2\n") + compress(b"3,4\n")
    assert rows_of(tmp_path, whole, key=key) == ([("1", "2"), ("3", "4")], {})
    damaged = bytearray(whole)
    damaged[-6] ^= 64
    for content in (whole[:-3], bytes(damaged)) if codec == "gzip" else (whole[:-3],):
        with pytest.raises(FileRefusedError, match=rf"got {codec} data that is truncated or damaged after \d+ bytes"):
            rows_of(tmp_path, content, key=key)


@pytest.mark.parametrize(
    ("content", "key", "message"),
    [
        (b"", "x.csv", "got 0 bytes; expected rows"),
        (b"\n\n", "x.csv", "got no line; expected one with the columns' names"),
        (b"PAR1abc", "x.csv", "got a Parquet file; expected plain text"),
        (gzip.compress(b"a,b\n", mtime=0), "x.csv", "got gzip data; expected plain text"),
        (b"a,b\n1,2\n", "x.csv.gz", "expected gzip data, as the name says"),
        (b"a;b\n1;2\n", "x.csv", "without any declared column, 'a;b'; ';' may be the delimiter; expected 'a', 'b'"),
        (b"a,c\n1,2\n", "x.csv", "got the columns 'a', 'c'; expected 'a', 'b'; write the file again with 'b'"),
        (b"a,b,a\n1,2,3\n", "x.csv", "got 'a' twice among the columns"),
        (b'a,"b\n1,2\n', "x.csv", "a quote that is not closed in the header"),
        (b"a,\xff,b\n1,2,3\n", "x.csv", "a header that is not in the declared encoding"),
    ],
)
def test_a_file_that_is_no_such_csv_is_refused_in_words(tmp_path, content, key, message):
    with pytest.raises(FileRefusedError) as refused:
        rows_of(tmp_path, content, key=key)
    assert message in str(refused.value)


def test_an_optional_column_may_be_missing(tmp_path):
    assert rows_of(tmp_path, "a\n1\n", optional="b") == ([("1",)], {})


def test_nothing_but_zlib_decides_what_gzip_is(tmp_path):
    """Zeros behind the last member, as tapes pad them, are no damage; other bytes are."""
    assert rows_of(tmp_path, gzip.compress(b"a,b\n1,2\n", mtime=0) + b"\0" * 9, key="x.gz") == ([("1", "2")], {})
    with pytest.raises(FileRefusedError, match="damaged"):
        rows_of(tmp_path, gzip.compress(b"a,b\n1,2\n", mtime=0) + zlib.compress(b"x"), key="x.gz")
