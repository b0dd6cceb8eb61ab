# ruff: noqa: S608 - names in statements are constants of the tests.
"""What SQL files make and read is taken from their statements, and what cannot be run is told by file and line."""

import pytest
from sql_folder import DAILY, SOURCE, write

from flows.shared.sql.files import SqlFilesError, read_folder
from flows.shared.sql.order import in_words, ordered


def read(folder, **files):
    return read_folder(write(folder, **files), "db", "main")


def steps(folder, **files):
    return [[file.table.removeprefix("DB.MAIN.") for file in step] for step in ordered(read(folder, **files))]


def make(table, *reads, kind="TABLE"):
    return f"CREATE OR REPLACE {kind} {table} AS SELECT 1 AS X" + "".join(f", (SELECT 1 FROM {each})" for each in reads)


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("SELECT * FROM A JOIN b USING (ID)", ["DB.MAIN.A", "DB.MAIN.B"]),
        ("SELECT * FROM OTHER.A, THIRD.OTHER.A x", ["DB.OTHER.A", "THIRD.OTHER.A"]),
        ('SELECT * FROM "a", "Other"."A b"', ["DB.Other.A b", "a"]),
        ("WITH a AS (SELECT * FROM RAW.A) SELECT * FROM a", ["DB.RAW.A"]),
        ("WITH RECURSIVE n AS (SELECT 1 AS X UNION ALL SELECT X + 1 FROM n) SELECT * FROM n", []),
        ("SELECT * FROM A WHERE EXISTS (SELECT 1 FROM B) AND X IN (SELECT X FROM C)", ["A", "B", "C"]),
        ("SELECT * FROM A UNION ALL (SELECT * FROM B EXCEPT SELECT * FROM C)", ["A", "B", "C"]),
        ("SELECT F.VALUE:a::INT FROM A, LATERAL FLATTEN(INPUT => A.X) F", ["DB.MAIN.A"]),
        ("SELECT SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 3))", []),
        ("SELECT $1 FROM @stage/file.csv", []),
        ("SELECT * FROM VALUES (1), (2)", []),
        ("SELECT * FROM A PIVOT (MAX(X) FOR Y IN ('p', 'q'))", ["DB.MAIN.A"]),
    ],
)
def test_what_a_query_reads_are_tables_and_views_in_full(tmp_path, query, reads):
    [file] = read(tmp_path, made=f"CREATE OR REPLACE TABLE MADE AS {query}")
    assert sorted(each.removeprefix("DB.MAIN.") for each in file.reads) == [
        each.removeprefix("DB.MAIN.") for each in reads
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE OR REPLACE TABLE X COPY GRANTS AS SELECT 1 AS A",
        "create or replace transient table X cluster by (A) as select 1 as A",
        "CREATE OR REPLACE TABLE X (A INT) AS SELECT 1;",
        "CREATE OR REPLACE SECURE VIEW X (A COMMENT 'one') AS WITH y AS (SELECT 1) SELECT * FROM y;;",
        "CREATE OR REPLACE TABLE X AS (SELECT 1 AS A UNION ALL SELECT 2)",
        DAILY.replace("DAILY", "X").replace("SALES", "S"),
        "DELETE FROM x WHERE A >= :START AND A < :End; INSERT INTO main.X SELECT A FROM S WHERE A>=:start AND A<:end",
    ],
)
def test_these_forms_make_a_table_or_view(tmp_path, statement):
    [file] = read(tmp_path, x=f"-- a note;\n{statement}")
    assert file.table == "DB.MAIN.X"


def test_statements_run_as_they_are_written_with_a_place_for_each_parameter(tmp_path):
    [file] = read(tmp_path, daily=DAILY)
    create, delete, insert = file.statements
    assert create.template == create.text == DAILY.split(";")[1].partition("\n")[2]
    moment = "%s::TIMESTAMP_NTZ"
    assert delete.template == f"DELETE FROM DAILY WHERE DAY >= {moment} AND DAY < {moment}"
    assert file.counted.template == f"SELECT COUNT(*)  FROM DAILY WHERE DAY >= {moment} AND DAY < {moment}"
    assert insert.template % ("'a'", "'b'") == insert.text.replace("= :start", "= 'a'::TIMESTAMP_NTZ").replace(
        "< :end", "< 'b'::TIMESTAMP_NTZ"
    )
    assert insert.parameters == ("start", "end")


def test_a_path_into_a_value_is_no_parameter(tmp_path):
    sql = DAILY.replace("AMOUNT)", 'AMOUNT:end + F(X):start + A[0]:end + "Q":start)')
    [file] = read(tmp_path, daily=sql)
    assert file.statements[-1].parameters == ("start", "end")


def test_each_file_comes_after_what_it_reads_and_side_by_side_with_what_it_does_not(tmp_path):
    found = steps(
        tmp_path, a=make("TOP", "LEFT_ONE", "right_one"), b=make("LEFT_ONE", "BASE"), c=make("MAIN.RIGHT_ONE", "BASE"),
        d=make("BASE", "ELSEWHERE"), e=make("ALONE", kind="VIEW"),
    )  # fmt: skip
    assert found == [["ALONE", "BASE"], ["LEFT_ONE", "RIGHT_ONE"], ["TOP"]]


def test_files_of_folders_below_belong_to_it(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    write(tmp_path / "deep" / "er", b=make("B"))
    assert steps(tmp_path, a=make("A", "B")) == [["B"], ["A"]]


def test_the_order_is_told_with_what_is_made_and_read(tmp_path):
    words = in_words(ordered(read(tmp_path, sales=SOURCE, daily=DAILY)))
    assert words.replace(f"{tmp_path}/", "") == (
        "1. sales.sql makes DB.MAIN.SALES\n2. daily.sql makes DB.MAIN.DAILY from DB.MAIN.SALES"
    )


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "got no statement; expected `CREATE OR REPLACE TABLE"),
        ("-- only a note", 1, "got no statement"),
        ("SELECT 1", 1, "got `SELECT 1`; expected `CREATE OR REPLACE TABLE"),
        ("\n\nCREATE TABLE X AS SELECT 1", 3, "got `CREATE TABLE X AS SELECT 1`; expected `CREATE OR REPLACE"),
        ("CREATE OR REPLACE TABLE X (A INT)", 1, "got `CREATE OR REPLACE TABLE X (A INT)`; expected"),
        ("CREATE OR REPLACE TABLE X CLONE Y", 1, "got `CREATE OR REPLACE TABLE X CLONE Y`; expected"),
        ("CREATE OR REPLACE TEMPORARY TABLE X AS SELECT 1", 1, "got `CREATE OR REPLACE TEMPORARY"),
        ("CREATE OR REPLACE DYNAMIC TABLE X TARGET_LAG = '1 hour' WAREHOUSE = W AS SELECT 1", 1, "got `CREATE"),
        ("CREATE OR REPLACE FUNCTION F() RETURNS INT AS 'SELECT 1'", 1, "got `CREATE OR REPLACE FUNCTION"),
        (f"{make('X')};\n{make('Y')}", 1, "got `CREATE OR REPLACE TABLE X AS SELECT 1 AS X` and 1 more; expected"),
        ("DROP TABLE X", 1, "got `DROP TABLE X`; expected"),
        ("INSERT INTO X SELECT 1", 1, "got `INSERT INTO X SELECT 1`; expected"),
        (DAILY.replace("INSERT INTO", "INSERT OVERWRITE INTO"), 2, "got `CREATE TABLE IF NOT EXISTS DAILY"),
        (DAILY.replace(" IF NOT EXISTS", ""), 2, "got `CREATE TABLE DAILY"),
        (DAILY.replace(">= :start AND DAY", "> :start AND DAY"), 3, "got another DELETE; expected `WHERE c >= :start"),
        (DAILY.replace("DAY < :end", "DAY <= :end"), 3, "got another DELETE; expected"),
        (DAILY.replace("DAY < :end", "AMOUNT < :end"), 3, "got another DELETE; expected"),
        (DAILY.replace("DAY < :end", "DAY < :start"), 3, "got another DELETE; expected"),
        (DAILY.replace("DAY < :end", "DAY < :end OR AMOUNT = 1"), 3, "got another DELETE; expected"),
        (DAILY.replace(" WHERE DAY >= :start AND DAY < :end", ""), 3, "got another DELETE; expected"),
        (DAILY.replace("INSERT INTO DAILY", "INSERT INTO OTHER"), 4, "got statements about DB.MAIN.DAILY and DB"),
        (DAILY.replace("SOLD_AT < :end", "SOLD_AT < :until"), 7, "got the parameter :until, which nothing binds"),
        (DAILY.replace("SOLD_AT < :end", "SOLD_AT < $until"), 4, "got the parameter $until, which nothing binds"),
        (make("X").replace("1", ":start"), 1, "got :start in a CREATE; expected it in DELETE and INSERT only"),
        (make("X", "MAIN.x"), 1, "got DB.MAIN.X, which is made here, among what is read; expected other tables only"),
        ("\nCREATE OR REPLACE TABLE X AS\nSELECT SUM(A FROM Y", 3, "got a syntax error near `FROM`; expected SQL"),
        ("CREATE OR REPLACE TABLE X AS SELECT 'open", 1, "got a quote or a comment without an end"),
    ],
)  # fmt: skip
def test_what_is_no_such_form_is_told_with_its_line(tmp_path, text, line, message):
    with pytest.raises(SqlFilesError) as error:
        read(tmp_path, x=text)
    assert str(error.value).startswith(f"{tmp_path}/x.sql:{line}: {message}")


def test_all_problems_are_told_at_once(tmp_path):
    with pytest.raises(SqlFilesError, match=r"(?s)a\.sql:1: .*\n.*c\.sql:1: "):
        read(tmp_path, a="SELECT 1", b=make("B"), c="SELECT 2")


def test_a_folder_without_sql_is_refused(tmp_path):
    with pytest.raises(SqlFilesError, match=r"got no file that ends with \.sql"):
        read(tmp_path)


def test_two_files_that_make_one_table_are_refused(tmp_path):
    with pytest.raises(SqlFilesError, match=r"b\.sql:2: got DB\.MAIN\.ONE, which \S+a\.sql:1 makes; expected one file"):
        ordered(read(tmp_path, a=make("one"), b="\n" + make("Main.ONE", kind="VIEW")))


def test_tables_that_are_made_from_each_other_are_refused(tmp_path):
    with pytest.raises(SqlFilesError) as error:
        ordered(read(tmp_path, a=make("A", "C"), b=make("B", "A"), c="\n" + make("C", "B"), d=make("D", "A")))
    message = str(error.value).replace(f"{tmp_path}/", "")
    assert "got a circle of tables that are made from each other" in message
    assert all(each in message for each in ("A (a.sql:1)", ".B (b.sql:1)", ".C (c.sql:2)"))
    assert "d.sql" not in message
