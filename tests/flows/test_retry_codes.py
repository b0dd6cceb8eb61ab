"""What a network task tries again goes by the code of its failure, as the tables and their page say."""

import errno
import http.client
import socket
import ssl
from pathlib import Path
from types import SimpleNamespace

import botocore.exceptions
import httpx
import pytest
import requests
import snowflake.connector.errors as snowflake_errors
import urllib3
from botocore.exceptions import ClientError

from flows.shared import retry_codes
from flows.shared.errors import DataFlowsError, is_transient, is_worth_retrying

PAGE = Path(__file__).resolve().parents[2] / "docs" / "retries.md"


def aws(code, status=400):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")


def snowflake(code, sqlstate="08001", kind="ProgrammingError"):
    return getattr(snowflake_errors, kind)(msg="what it says", errno=code, sqlstate=sqlstate)


# Errors as Snowflake, its connector and S3 give them, and whether another attempt can succeed.
CASES = [
    (snowflake(625, "57014"), True),
    (snowflake(390114), True),
    (snowflake(390112), True),
    (snowflake(90232, "25000"), True),
    (snowflake(603, "XX000"), True),
    (snowflake(2003, "02000"), False),
    (snowflake(904, "42000"), False),
    (snowflake(1003, "42000"), False),
    (snowflake(3001, "42501"), False),
    (snowflake(606, "57P03"), False),
    (snowflake(250001, kind="DatabaseError"), False),
    (snowflake(390144, kind="DatabaseError"), False),
    (snowflake(390100, kind="DatabaseError"), False),
    (snowflake(390422, kind="DatabaseError"), False),
    (snowflake(290404, kind="HttpError"), False),
    (snowflake(250001, kind="OperationalError"), True),
    (snowflake(290429, kind="OperationalError"), True),
    (snowflake(290503, kind="OperationalError"), True),
    (ConnectionResetError("connection reset by peer"), True),
    (aws("NoSuchKey", 404), False),
    (aws("NoSuchBucket", 404), False),
    (aws("AccessDenied", 403), False),
    (aws("InvalidObjectState", 403), False),
    (aws("SlowDown", 503), True),
    (aws("TooManyRequestsException", 429), True),
    (aws("ExpiredToken", 400), True),
]
# What the tables say by status, class or number, and what no table names.
MORE = [
    (snowflake(1, "40001"), True),
    (snowflake(1, "42000"), False),
    (snowflake(250003, kind="OperationalError"), True),
    (snowflake(250003, kind="NonRetryableTlsError"), False),
    (snowflake_errors.ForbiddenError(msg="403", errno=250001, sqlstate="08001"), False),
    (snowflake_errors.ServiceUnavailableError(msg="503", errno=250001, sqlstate="08001"), True),
    (snowflake_errors.InternalServerError(errno=500), True),
    (snowflake_errors.BadRequest(errno=400), False),
    (snowflake_errors.RequestExceedMaxRetryError(), True),
    (snowflake_errors.ProgrammingError("without a code"), False),
    (snowflake_errors.InterfaceError("without a code"), False),
    (aws("500", 500), True),
    (aws("404", 404), False),
    (aws("SomethingNew", 400), False),
    (aws("RequestTimeout", 400), True),
    (botocore.exceptions.EndpointConnectionError(endpoint_url="u"), True),
    (botocore.exceptions.ReadTimeoutError(endpoint_url="u"), True),
    (botocore.exceptions.ConnectTimeoutError(endpoint_url="u"), True),
    (botocore.exceptions.ConnectionClosedError(endpoint_url="u"), True),
    (botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), True),
    (botocore.exceptions.SSLError(endpoint_url="u", error="certificate verify failed"), False),
    (botocore.exceptions.NoCredentialsError(), False),
    (botocore.exceptions.ParamValidationError(report="x"), False),
    (requests.ConnectionError(), True),
    (requests.ReadTimeout(), True),
    (requests.exceptions.ChunkedEncodingError(), True),
    (requests.exceptions.SSLError("certificate verify failed"), False),
    (requests.exceptions.InvalidURL(), False),
    (requests.HTTPError(response=SimpleNamespace(status_code=502)), True),
    (requests.HTTPError(response=SimpleNamespace(status_code=401)), False),
    (urllib3.exceptions.ProtocolError(), True),
    (httpx.ConnectError(""), True),
    (httpx.ReadTimeout(""), True),
    (httpx.UnsupportedProtocol(""), False),
    (httpx.HTTPStatusError("", request=httpx.Request("GET", "http://x"), response=httpx.Response(429)), True),
    (httpx.HTTPStatusError("", request=httpx.Request("GET", "http://x"), response=httpx.Response(404)), False),
    (http.client.IncompleteRead(b""), True),
    (http.client.RemoteDisconnected(), True),
    (TimeoutError(), True),
    (BrokenPipeError(), True),
    (socket.gaierror(socket.EAI_AGAIN, ""), True),
    (OSError(errno.EHOSTUNREACH, ""), True),
    (OSError(errno.ENETUNREACH, ""), True),
    (OSError(errno.ENOSPC, ""), False),
    (FileNotFoundError(), False),
    (PermissionError(), False),
    (ssl.SSLEOFError(), True),
    (ssl.SSLCertVerificationError(), False),
    (KeyError("column"), False),
    (ValueError(), False),
    (MemoryError(), False),
    (RuntimeError("of nobody knows what"), False),
    (DataFlowsError("got 1; expected 2"), False),
    (ExceptionGroup("both", [TimeoutError(), aws("SlowDown")]), True),
    (ExceptionGroup("both", [TimeoutError(), KeyError()]), False),
    (None, False),
]


def name(value):
    return None if isinstance(value, bool) else f"{type(value).__name__}: {value}"


@pytest.mark.parametrize(("failure", "is_retried"), [*CASES, *MORE], ids=name)
def test_a_failure_is_tried_again_if_it_passes_by_itself(failure, is_retried):
    assert is_transient(failure) is is_retried
    assert is_worth_retrying(None, None, SimpleNamespace(data=failure, result=lambda **_: failure)) is is_retried


ROWS = {
    "Snowflake": (retry_codes.SNOWFLAKE, lambda code: snowflake(int(code), kind="DatabaseError")),
    "AWS": (retry_codes.AWS, aws),
    "HTTP": (retry_codes.HTTP, lambda code: aws("other", int(code.replace("xx", "07")))),
    "Classes": (retry_codes.CLASSES, lambda code: type(code, (Exception,), {})()),
}


@pytest.mark.parametrize("table", ROWS)
def test_each_row_of_a_table_is_what_is_done(table):
    rows, failure = ROWS[table]
    assert {row.code: is_transient(failure(row.code)) for row in rows} == {row.code: row.is_retried for row in rows}
    assert len({row.code for row in rows}) == len(rows)


@pytest.mark.parametrize("table", ROWS)
def test_the_page_shows_the_table(table):
    section = PAGE.read_text().partition(f"\n## {table}\n")[2].partition("\n## ")[0]
    shown = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| code")]
    rows, _ = ROWS[table]
    assert shown == [f"| `{row.code}` | {'yes' if row.is_retried else 'no'} | {row.meaning} |" for row in rows]


def raised(*steps):
    """The error that is left when each step is raised while the one before is handled; `from` if it is a tuple."""
    error = None
    for step in steps:
        try:
            try:
                if error:
                    raise error
            except BaseException as before:
                if isinstance(step, tuple):
                    raise step[0] from before
                raise step  # noqa: B904 - it is the case that code forgets it.
            raise step
        except BaseException as after:
            error = after
    return error


def test_what_an_error_wraps_decides_if_the_error_itself_does_not_tell():
    assert is_transient(raised(ConnectionResetError(), (RuntimeError("load failed"),)))
    assert is_transient(raised(ConnectionResetError(), RuntimeError("load failed")))
    assert is_transient(raised(ConnectionResetError(), OSError("wrapped"), (ValueError("bad answer"),)))
    assert not is_transient(raised(aws("AccessDenied", 403), (RuntimeError("load failed"),)))


def test_the_outermost_error_that_tells_decides():
    assert not is_transient(raised(ConnectionResetError(), snowflake(904, "42000")))
    assert not is_transient(raised(ConnectionResetError(), (DataFlowsError("got 1; expected 2"),)))
    assert is_transient(raised(DataFlowsError("got 1; expected 2"), ConnectionResetError()))


def test_a_mistake_in_code_is_not_excused_by_the_failure_during_which_it_happened():
    assert not is_transient(raised(ConnectionResetError(), KeyError("column")))
    assert is_transient(raised(ConnectionResetError(), (KeyError("column"),))), "raised from it, it is a wrapper"


def test_an_error_raised_from_none_stands_alone():
    error = raised(ConnectionResetError(), RuntimeError())
    error.__suppress_context__ = True
    assert not is_transient(error)


def test_errors_that_wrap_each_other_in_a_circle_end():
    one, other = RuntimeError(), RuntimeError()
    one.__cause__, other.__cause__ = other, one
    assert not is_transient(one)
