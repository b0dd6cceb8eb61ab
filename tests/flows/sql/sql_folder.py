"""Folders of SQL files for these tests, and a run of one without Prefect's engine."""

from flows.shared.settings import SnowflakeSettings
from flows.shared.sql import run as running

SOURCE = "CREATE OR REPLACE TABLE SALES AS SELECT '2024-05-01'::TIMESTAMP_NTZ AS SOLD_AT, 1 AS AMOUNT;"
# In the interval's form, with what may stand around it.
DAILY = """-- Sales of each day; a colon: no parameter.
CREATE TABLE IF NOT EXISTS DAILY (DAY DATE, AMOUNT NUMBER(38, 0));
DELETE FROM DAILY WHERE DAY >= :start AND DAY < :end;
INSERT INTO DAILY
SELECT SOLD_AT::DATE, SUM(AMOUNT) /* :start */
FROM SALES
WHERE SOLD_AT >= :start AND SOLD_AT < :end AND '100%' LIKE '%' AND ':end' <> ':x'
GROUP BY 1;
"""


def write(folder, **files):
    """Write files named by what they hold, such as `daily` for daily.sql; return the folder."""
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text)
    return folder


def run(folder, start=None, end=None):
    """Run the folder's files one after another; rows deleted and inserted by each, in order."""
    steps, values = running.prepared(folder, SnowflakeSettings.load(), start, end)
    return [running.run_file.fn(file, values, "test", "test") for step in steps for file in step]
