"""Parquet is read in small slices, exactly or not at all."""

import json
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landing_columns import columns, read

from flows.shared.data import parquet_rows, slices
from flows.shared.data.formats import Parquet
from flows.shared.data.reading import parquet_schema, read_slices
from flows.shared.data.refused import FileRefusedError

CASES = Path(__file__).parents[2] / "fixtures" / "cases"
SAYS = {
    "csv": "got a file that begins with b'",
    "empty": "got 0 bytes; expected a Parquet file",
    "encrypted_footer": "got an encrypted Parquet file",
    "gzipped": "got gzip data; expected a Parquet file",
    "html_error": "got an XML document; expected a Parquet file",
    "zip": "got an empty zip archive; expected a Parquet file",
    "first_half": "that begin as Parquet and do not end as such",
    "without_last_byte": "that begin as Parquet and do not end as such",
    "pages_zeroed": "got rows that cannot be read after row 0",
}


def case_inputs():
    for folder in ("27-not-what-the-name-says", "37-page-checksum"):
        for found in json.loads((CASES / folder / "expect.json").read_text())["inputs"]:
            yield pytest.param(CASES / folder / found["file"], found, id=f"{folder[:2]}-{found['file']}")


@pytest.mark.parametrize(("path", "found"), case_inputs())
def test_what_is_no_whole_parquet_file_is_refused_in_words(path, found):
    declared = columns(found["column"])
    if found["accept"] == ["kept"]:
        rows, _ = read(path, declared, Parquet())
        assert [str(value) for (value,) in rows] == found["truth"]
        return
    with pytest.raises(FileRefusedError) as refused:
        read(path, declared, Parquet())
    assert SAYS.get(path.stem, "got ") in str(refused.value)
    assert ("\n" in str(refused.value)) is False


def test_a_changed_bit_is_found_by_its_checksum():
    with pytest.raises(FileRefusedError, match=r"got rows that cannot be read after row 0 .*CRC"):
        read(CASES / "37-page-checksum" / "one_bit.parquet", columns("distance"), Parquet())


def write(path, table, **options):
    pq.write_table(table, path, **options)
    return path


def test_columns_are_the_declared_ones_in_their_order(tmp_path):
    path = write(tmp_path / "f", pa.table({"x": [1], "b": [2], "a.b": [3], "a": [{"b": 4}]}))
    rows, problems = read(path, columns("a", "b", "c", optional="c"), Parquet())
    assert (rows, problems) == ([({"b": 4}, 2)], {})
    with pytest.raises(FileRefusedError, match=r"got the columns 'x', 'b', .*; expected 'c', 'b'; .* with 'c'"):
        read(path, columns("c", "b"), Parquet())


def test_a_declared_column_that_is_there_twice_refuses_the_file(tmp_path):
    path = write(tmp_path / "f", pa.table([[1], [2], [3]], names=["a", "a", "b"]))
    with pytest.raises(FileRefusedError, match="got 'a' twice"):
        read(path, columns("a"), Parquet())
    assert read(path, columns("b"), Parquet()) == ([(3,)], {})


def test_a_file_without_rows_is_fine(tmp_path):
    assert read(write(tmp_path / "f", pa.table({"a": pa.array([], pa.string())})), columns("a"), Parquet()) == ([], {})


def test_slices_span_row_groups_and_are_cut_by_rows_and_bytes(tmp_path, monkeypatch):
    texts = pa.array(["x" * 1000] * 300).dictionary_encode()
    path = write(tmp_path / "f", pa.table({"a": list(range(300)), "b": texts}), row_group_size=40)
    monkeypatch.setattr(slices, "SLICE_ROWS", 100)
    sizes = [piece.batch.num_rows for piece in read_slices(path, "f", columns("a"), Parquet())]
    assert all(size <= 100 for size in sizes)
    assert len(sizes) <= 5
    assert [row[0] for row in read(path, columns("a", "b"), Parquet())[0]] == list(range(300))
    monkeypatch.setattr(parquet_rows, "SLICE_BYTES", 40)
    assert max(p.batch.num_rows for p in read_slices(path, "f", columns("a", "b"), Parquet())) <= 100
    wide = write(tmp_path / "g", pa.table({"a": [f"{n}{'x' * 100_000}" for n in range(50)]}), use_dictionary=False)
    monkeypatch.setattr(parquet_rows, "SLICE_BYTES", 2**20)
    found = list(read_slices(wide, "g", columns("a"), Parquet()))
    assert sum(piece.batch.num_rows for piece in found) == 50
    assert all(piece.batch.nbytes < 1.2 * 2**20 for piece in found)


def test_the_schema_comes_with_the_footers_metadata(tmp_path):
    path = write(tmp_path / "f", pa.table({"a": [1]}).replace_schema_metadata({"org.apache.spark.legacyDateTime": ""}))
    schema = parquet_schema(path)
    assert schema.field("a").type == pa.int64()
    assert b"org.apache.spark.legacyDateTime" in schema.metadata


DAY_0 = 2_440_588


@pytest.mark.parametrize(
    ("day", "nanoseconds", "expected"),
    [
        (DAY_0, 1_234_000, 1_234),
        (DAY_0 - 1, 86_399_999_999_000, -1),
        (DAY_0 + 2_932_896, 1_000, 253_402_214_400_000_001),
        (DAY_0 - 719_162, 0, -62_135_596_800_000_000),
        (DAY_0, 1_234_567, None),
        (DAY_0 + 2_932_896, 1_001, None),
        (DAY_0 + 200_000_000, 0, None),
        (2**31 - 1, 0, None),
    ],
)
def test_int96_is_read_exactly_or_is_its_rows_problem(tmp_path, day, nanoseconds, expected):
    times = pa.table({"t": pa.array([1_234_567, None, 5_000], pa.timestamp("ns")), "a": [1, 2, 3]})
    options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    path = write(tmp_path / "f", times, use_deprecated_int96_timestamps=True, **options)
    stored = struct.pack("<qi", 1_234_567, DAY_0)
    assert path.read_bytes().count(stored) == 1
    path.write_bytes(path.read_bytes().replace(stored, struct.pack("<qi", nanoseconds, day)))
    assert parquet_schema(path).field("t").type == pa.timestamp("us")
    [piece] = read_slices(path, "f", columns("t", "a"), Parquet())
    assert piece.batch.column(0).cast(pa.int64()).to_pylist() == [expected, None, 5]
    assert piece.batch.column(1).to_pylist() == [1 if expected is not None else None, 2, 3]
    reason = "column t: got an INT96 timestamp that microseconds cannot hold; expected whole microseconds"
    assert piece.problems == ({} if expected is not None else {0: reason})


def test_int96_inside_another_column_is_refused(tmp_path):
    times = pa.array([[1_000]], pa.list_(pa.timestamp("ns")))
    path = write(tmp_path / "f", pa.table({"a": times, "b": [1]}), use_deprecated_int96_timestamps=True)
    with pytest.raises(FileRefusedError, match="got an INT96 timestamp inside the column a"):
        read(path, columns("a"), Parquet())
    assert read(path, columns("b"), Parquet()) == ([(1,)], {})


def test_a_panic_of_native_code_refuses_the_file_and_an_interruption_does_not():
    panic = type("PanicException", (BaseException,), {})

    def fail(error):
        raise error

    with pytest.raises(FileRefusedError, match=r"got rows \(oh no\); put"):
        slices.attempt(lambda: fail(panic("oh\n no")), "rows", "put")
    for error in (KeyboardInterrupt, SystemExit, MemoryError):
        with pytest.raises(error):
            slices.attempt(lambda error=error: fail(error()), "rows", "put")
