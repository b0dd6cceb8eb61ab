"""What `make sql` sends without WRITE=1 only reads, and is exactly what the parser read."""

import pytest

from scripts.shared.refusal import Refusal
from scripts.sql.statement import without_comments


@pytest.mark.parametrize(
    "sql",
    [
        "select a, count(*) from t group by all",
        "with x as (select 1 a) select * from x union all select 2",
        "values (1), (2)",
        "select $1, t.$2 from @stage/a.csv t",
        "select * from t at(offset => -60) qualify row_number() over (order by a) = 1",
        "select 'a;b', $$ ; delete $$, '->>', \"x;y\"",
        "select system$typeof(1)",
        "show tables",
        "show grants to role x",
        "show terse objects in schema a.b",
        "desc table t",
        "describe view v",
        "list @%t pattern = '.*csv'",
        "ls @s",
        "explain using text delete from t",
    ],
)
def test_what_only_reads_is_sent_as_it_is(sql):
    assert without_comments(sql) == sql


@pytest.mark.parametrize(
    ("sql", "got"),
    [
        ("delete from t", "DELETE"),
        ("with x as (select 1) insert into t select * from x", "INSERT"),
        ("with x as (delete from t returning *) select * from x", "DELETE"),
        ("insert into t select 1", "INSERT"),
        ("merge into t using u on t.a = u.a when matched then delete", "MERGE"),
        ("create table t as select 1", "CREATE"),
        ("drop table t", "DROP"),
        ("alter session set timezone = 'UTC'", "ALTER"),
        ("grant select on t to role r", "GRANT"),
        ("truncate table t", "TRUNCATE"),
        ("copy into @s from t", "COPY"),
        ("copy into t from @s", "COPY"),
        ("put file:///tmp/a @s", "PUT"),
        ("get @s file:///tmp", "GET"),
        ("rm @s", "RM"),
        ("call p()", "CALL"),
        ("use role accountadmin", "USE"),
        ("set x = 1", "SET"),
        ("execute immediate 'drop table t'", "EXECUTE"),
        ("begin", "BEGIN"),
        ("undrop table t", "UNDROP"),
        ("select 1 into :x", "INTO"),
        ("select * from t for update", "LOCK"),
        ("select s.nextval", "NEXTVAL"),
        ("select system$cancel_query('a')", "SYSTEM$CANCEL_QUERY"),
        ("show tables ->> select * from $1", None),
        ("select a ->> b from t", "->>"),
        ("show grants to role x ->> delete from t", None),
        ("explain select 1 ->> delete from t", "->>"),
        ("/* /* */ delete from t --*/ select 1", "DELETE"),
    ],
)
def test_what_may_write_is_refused_and_named(sql, got):
    with pytest.raises(Refusal) as refused:
        without_comments(sql)
    assert refused.value.exit_code == 2
    assert "WRITE=1" in str(refused.value)
    if got:
        assert str(refused.value).startswith(f"SQL: got {got}; expected a statement that only reads (select, with")


@pytest.mark.parametrize(("sql", "count"), [("", 0), (" ;-- nothing\n", 0), ("select 1; select 2", 2), ("x; y; z", 3)])
def test_it_is_one_statement(sql, count):
    with pytest.raises(Refusal, match=f"SQL: got {count} statements; expected one, such as SQL='select"):
        without_comments(sql)


def test_an_error_is_told_with_its_line_and_position():
    with pytest.raises(Refusal) as refused:
        without_comments("select a\nfrom t wher where")
    assert str(refused.value) == (
        'SQL: line 2, position 13: got "where", which no statement has there; correct it, or let Snowflake itself read '
        "it with WRITE=1."
    )


def test_a_text_without_end_is_told():
    with pytest.raises(Refusal, match="SQL: got a text in quotes that does not end"):
        without_comments("select 'a")


def test_comments_are_not_sent_and_all_else_stays_in_its_place():
    """What is a comment to the parser must not be a statement to Snowflake."""
    sent = without_comments("select /* one */ 'it\\'s -- one' -- two\n, b // three\nfrom t ; -- four")
    assert sent == f"select {' ' * 9} 'it\\'s -- one'{' ' * 7}\n, b{' ' * 9}\nfrom t"
