"""Puts into a new local stack what administrators make: state bucket, SSM parameters, Snowflake schema, dbt account."""

import os
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import snowflake.connector

from scripts.shared import embedded_clients, local_secrets
from scripts.shared.container_variables import SSM_BATCH
from scripts.shared.environments import Environment
from scripts.shared.key_pair import new_key_pair
from scripts.shared.local_settings import HOST, LocalSettings, no_proxy_here
from scripts.shared.parameters import environment_parameters

ACCOUNT, USER = "fakesnow", "LOADER"
DBT_ACCOUNT_ID, DBT_SCHEMA = "4711", "ANALYTICS"


def seed_platform(settings: LocalSettings, environment: Environment) -> None:
    """Make what the environment's facts name: versioned state bucket, SSM parameters, Snowflake schema, dbt account.
    What is there stays, unless `.secrets.env` has another value for it."""
    os.environ |= no_proxy_here()  # The connector asks the environment only.
    aws = partial(embedded_clients.client, settings.aws_endpoint_url, region=environment.facts["region"])
    _make_state_bucket(aws("s3"), str(environment.backend["bucket"]))
    _put_parameters(aws("ssm"), settings, environment)
    _set_dbt_account(aws("ssm"), settings, environment)
    with snowflake.connector.connect(
        account=ACCOUNT,
        user=USER,
        password="not-checked",  # noqa: S106 - the embedded Snowflake asks for one and looks at none.
        host=HOST,
        port=settings.snowflake_port,
        protocol="http",
        network_timeout=30,
    ) as connection:
        database, schema = (environment.facts["snowflake"][name] for name in ("database", "schema"))
        connection.cursor().execute(f"CREATE DATABASE IF NOT EXISTS {database}")
        connection.cursor().execute(f"CREATE SCHEMA IF NOT EXISTS {database}.{schema}")


def _make_state_bucket(s3: Any, name: str) -> None:
    if name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        region = s3.meta.region_name  # us-east-1 is where S3 makes buckets unasked, and it refuses to be asked.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **place)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def _put_parameters(ssm: Any, settings: LocalSettings, environment: Environment) -> None:
    own = local_secrets.read(settings.secrets_file, environment)
    wanted = environment_parameters(environment)
    known: dict[str, Callable[[], str]] = {
        "PREFECT_API_AUTH_STRING": settings.prefect_auth_string,
        "SNOWFLAKE_ACCOUNT": lambda: ACCOUNT,
        "SNOWFLAKE_USER": lambda: USER,
        "SNOWFLAKE_PRIVATE_KEY": lambda: new_key_pair()[0],
        "DBT_CLOUD_ACCOUNT_ID": lambda: DBT_ACCOUNT_ID,
        "DBT_CLOUD_TOKEN": lambda: f"dbtc_{secrets.token_urlsafe(32)}",
    }
    names = list(wanted)
    for start in range(0, len(names), SSM_BATCH):
        paths = [f"{environment.names.path}/{name}" for name in names[start : start + SSM_BATCH]]
        answer = ssm.get_parameters(Names=paths, WithDecryption=True)
        there = {each["Name"]: each["Value"] for each in answer["Parameters"]}
        for path in paths:
            name = path.rpartition("/")[2]
            if path not in there or there[path] != own.get(name, there[path]):
                value = own.get(name) or known.get(name, lambda: secrets.token_urlsafe(32))()
                ssm.put_parameter(Name=path, Type=wanted[name], Value=value, Overwrite=True)


def _set_dbt_account(ssm: Any, settings: LocalSettings, environment: Environment) -> None:
    """Tell the embedded dbt Cloud, which forgets it with its process, whose token it takes and where it builds."""
    names = {f"{environment.names.path}/{name}": name for name in ("DBT_CLOUD_ACCOUNT_ID", "DBT_CLOUD_TOKEN")}
    found = ssm.get_parameters(Names=list(names), WithDecryption=True)["Parameters"]
    values = {names[each["Name"]]: each["Value"] for each in found}
    if len(values) < len(names):
        return  # The environment's facts leave dbt Cloud out.
    facts = environment.facts["snowflake"]
    account = {"snowflake_account": ACCOUNT, "database": facts["database"], "schema_name": DBT_SCHEMA}
    identity = {"id": values["DBT_CLOUD_ACCOUNT_ID"], "token": values["DBT_CLOUD_TOKEN"]}
    url = f"{settings.dbt_url}/_embedded/account"
    httpx.put(url, json=identity | account, trust_env=False, timeout=60).raise_for_status()
