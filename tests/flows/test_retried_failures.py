"""What libraries really raise when a connection fails is told apart from what another attempt cannot mend."""

import json
import os
import socket
import threading
from contextlib import contextmanager

import boto3
import httpx
import pytest
import requests
import urllib3
from botocore.config import Config
from snowflake.connector import errors

from flows.shared import snowflake
from flows.shared.errors import is_transient
from flows.shared.settings import SnowflakeSettings


@contextmanager
def port_that(answer):
    """A port of 127.0.0.1 that sends each caller some bytes and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return
                with caller:
                    caller.recv(65536)
                    caller.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def get_by_boto(url):
    s3 = boto3.client("s3", endpoint_url=url, config=Config(retries={"max_attempts": 0}))
    s3.get_object(Bucket="bucket", Key="key")["Body"].read()


def upload_by_boto(url):
    s3 = boto3.client("s3", endpoint_url=url)
    s3.upload_file(__file__, "bucket", "key")


def get_by_requests(url):
    return requests.get(url, timeout=60)


def get_by_urllib3(url):
    urllib3.PoolManager(retries=0).request("GET", url)


CUT_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
GETS = {"boto": get_by_boto, "requests": get_by_requests, "httpx": httpx.get, "urllib3": get_by_urllib3}
REAL = [
    *[(get, scheme, answer, True) for get in GETS.values() for scheme, answer in (("http", b""), ("http", CUT_OFF))],
    *[(get, "https", b"", True) for get in GETS.values()],
    *[(get, "https", NOT_FOUND, False) for get in (get_by_boto, get_by_requests)],
    (lambda url: get_by_requests(url).raise_for_status(), "http", NOT_FOUND, False),
    (lambda url: httpx.get(url).raise_for_status(), "http", NOT_FOUND, False),
    (get_by_boto, "http", NOT_FOUND, False),
    (upload_by_boto, "http", FORBIDDEN, False),
]


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch):
    for variable in [v for v in os.environ if v.startswith(("AWS_", "SNOWFLAKE_"))]:
        monkeypatch.delenv(variable)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.mark.parametrize(("get", "scheme", "answer", "is_retried"), REAL)
def test_what_libraries_really_raise_is_told_apart(get, scheme, answer, is_retried):
    with port_that(answer) as port, pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the library's.
        get(f"{scheme}://127.0.0.1:{port}/x")
    assert is_transient(caught.value) is is_retried, repr(caught.value)


@pytest.mark.parametrize("get", GETS.values(), ids=GETS)
def test_a_server_that_is_not_there_is_tried_again(get):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the library's.
        get(f"http://127.0.0.1:{port}/x")
    assert is_transient(caught.value), repr(caught.value)


def login_answer(status, **body):
    text = json.dumps({"data": None, "success": False, **body})
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


LOGINS = {
    "a wrong account (403)": (login_answer("403 Forbidden"), False),
    "a wrong account (404)": (login_answer("404 Not Found"), False),
    "a refused key": (login_answer("200 OK", code="390144", message="JWT token is invalid."), False),
    "a refused address": (login_answer("200 OK", code="390422", message="IP is not allowed."), False),
    "a server that fails": (login_answer("503 Service Unavailable"), True),
    "a throttle": (login_answer("429 Too Many Requests"), True),
    "a dropped connection": (b"", True),
}


@pytest.mark.parametrize("what", LOGINS)
def test_a_login_that_snowflake_refuses_is_not_tried_again_but_one_that_did_not_reach_it_is(
    what, private_key, monkeypatch
):
    answer, is_retried = LOGINS[what]
    monkeypatch.setattr(snowflake, "LOGIN_TIMEOUT_SECONDS", 1)
    with port_that(answer) as port:
        environment = {"HOST": "127.0.0.1", "PORT": str(port), "PROTOCOL": "http", "PRIVATE_KEY": private_key}
        for name in ("ACCOUNT", "USER", "DATABASE", "SCHEMA", "WAREHOUSE", "ROLE"):
            environment.setdefault(name, "x")
        for name, value in environment.items():
            monkeypatch.setenv(f"SNOWFLAKE_{name}", value)
        with (
            pytest.raises(errors.Error) as caught,
            snowflake.connect(SnowflakeSettings.load(), "test", "test"),
        ):
            pass
    assert is_transient(caught.value) is is_retried, repr(caught.value)
