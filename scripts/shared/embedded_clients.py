"""boto3 clients of the embedded AWS, which ignore profile, CA bundle and endpoint of the developer's shell."""

import os
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.config import Config

ADMINISTRATOR = "administrator"
CONFIG = Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=60, max_pool_connections=32, proxies={})


@lru_cache
def session() -> botocore.session.Session:
    """Return the session whose loaded service models all clients of this process share."""
    unset = (None, None, None, None)
    nowhere = (None, None, os.devnull, None)
    variables = {"profile": unset, "ca_bundle": unset, "config_file": nowhere, "credentials_file": nowhere}
    return botocore.session.Session(session_vars=variables)


def client(endpoint_url: str, service: str, region: str, access_key: str = ADMINISTRATOR, **credentials: str) -> Any:
    """Return a client of `service`; without credentials the calls are an administrator's."""
    secret = credentials.get("secret_key", "not-checked")
    return session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        aws_session_token=credentials.get("token"),
        config=CONFIG,
    )
