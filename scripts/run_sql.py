"""Run one SQL statement in an environment's warehouse, as its flows' user and role. It may only read, unless --write.

    python -m scripts.run_sql "select carrier, count(*) from flights group by all"
    python -m scripts.run_sql "select * from flights" --env dev --format csv > flights.csv
    python -m scripts.run_sql "drop table old_flights" --env dev --write

Exit code 0 when it ran, 1 when Snowflake refused it, 2 when it was not sent.
"""

import os
import sys
from itertools import islice

from scripts.local_stack.running import require_running
from scripts.shared.command import command_parser, run_command
from scripts.shared.environments import find_environment
from scripts.shared.guard import guard
from scripts.shared.refusal import Refusal

ROWS = 100


def main() -> int:
    """Look what the statement does, send it, print its rows."""
    parser = command_parser(__doc__)
    parser.add_argument("sql")
    parser.add_argument("--env", type=find_environment, default="local", metavar="ENV")
    parser.add_argument("--write", action="store_true", help="let it change something")
    parser.add_argument("--format", default="table", help="table, csv or json (an object a line)")
    parser.add_argument("--limit", help=f"most rows that are printed; {ROWS} in a table, all in CSV and JSON")
    given = parser.parse_args()
    from scripts.sql import output, session, statement

    if given.format not in output.PRINTERS:
        raise Refusal(f'FORMAT is "{given.format}"; expected one of {", ".join(output.PRINTERS)}.')
    if given.limit and not (given.limit.isascii() and given.limit.isdigit() and int(given.limit)):
        raise Refusal(f'LIMIT is "{given.limit}"; expected a number of rows, such as 1000.')
    limit = int(given.limit) if given.limit else ROWS if given.format == "table" else None
    sql = given.sql if given.write else statement.without_comments(given.sql)
    require_running(given.env)
    if given.write:
        guard(given.env, "run SQL that may write")
    settings = session.read_settings(given.env)
    with session.answer(settings, sql) as cursor:
        names = [column.name for column in cursor.description]
        output.PRINTERS[given.format](names, islice(cursor, limit))
        if limit is not None and limit < cursor.rowcount:
            print(f"{limit:,} of {cursor.rowcount:,} rows; LIMIT={cursor.rowcount} shows all.", file=sys.stderr)
        elif given.format == "table":
            print(f"{cursor.rowcount:,} row{'' if cursor.rowcount == 1 else 's'}", file=sys.stderr)
    return 0


def main_to_a_pipe() -> int:
    """The same; who reads may stop, as `head` does."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    run_command(main_to_a_pipe)
