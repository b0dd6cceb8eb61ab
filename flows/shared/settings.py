"""Settings of a flow run, read from the environment that Terraform gives its task."""

from typing import ClassVar, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from flows.shared import own_copy
from flows.shared.dbt_cloud_account import read_account_id, read_host, read_token
from flows.shared.errors import DataFlowsError
from flows.shared.snowflake_account import read_account


class SettingsError(DataFlowsError):
    """Variables are missing or wrong; the message names them and holds no value."""


class _Settings(BaseSettings):
    # Pydantic's own messages quote the input, which here can be a private key.
    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True, extra="ignore", env_ignore_empty=True)

    # The parameter that flow files declare to get these settings, and those that come along with it.
    secrets: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def load(cls) -> Self:
        """Read the environment. Raises SettingsError with one sentence that names every missing or wrong variable."""
        try:
            return cls()
        except ValidationError as error:
            problems = [(str(e["loc"][0]).upper(), e["type"], e["msg"]) for e in error.errors(include_input=False)]
        missing = [name for name, kind, _ in problems if kind == "missing"]
        wrong = [f"{name} ({message})" for name, kind, message in problems if kind != "missing"]
        parts = [f"{', '.join(missing)} not set" if missing else "", f"{', '.join(wrong)} not usable" if wrong else ""]
        # Only files that ask for them get secrets; what comes along with one is not written.
        asked = [name for name in missing if name in cls.secrets]
        remedy = f' The flow\'s file asks for it by `secrets = ["{cls.secrets[0]}"]`.' if asked else ""
        raise SettingsError(
            f"Environment: got {' and '.join(filter(None, parts))}; expected what terraform/ sets in the flow task "
            f"definition (see .env.example).{remedy}"
        )


class SnowflakeSettings(_Settings):
    """Where Snowflake is, who connects and in which database, schema, warehouse and role."""

    secrets: ClassVar[tuple[str, ...]] = ("SNOWFLAKE_PRIVATE_KEY", "SNOWFLAKE_ACCOUNT", "SNOWFLAKE_USER")

    account: str = Field(validation_alias="SNOWFLAKE_ACCOUNT")
    user: str = Field(validation_alias="SNOWFLAKE_USER")
    private_key: SecretStr = Field(validation_alias="SNOWFLAKE_PRIVATE_KEY")
    private_key_passphrase: SecretStr | None = Field(None, validation_alias="SNOWFLAKE_PRIVATE_KEY_PASSPHRASE")
    database: str = Field(validation_alias="SNOWFLAKE_DATABASE")
    schema_name: str = Field(validation_alias="SNOWFLAKE_SCHEMA")
    warehouse: str = Field(validation_alias="SNOWFLAKE_WAREHOUSE")
    role: str = Field(validation_alias="SNOWFLAKE_ROLE")
    # In the environment for the embedded Snowflake only. After `load` it is the host name of the account's address.
    host: str | None = Field(None, validation_alias="SNOWFLAKE_HOST")
    port: int | None = Field(None, validation_alias="SNOWFLAKE_PORT")
    protocol: str = Field("https", validation_alias="SNOWFLAKE_PROTOCOL")

    @classmethod
    def load(cls) -> Self:
        """Read the environment, and the account from any form in which it is copied.

        In a try as somebody, the schema is theirs. An account beside a SNOWFLAKE_HOST is taken as it is. Raises
        SettingsError, and AccountError before anything is sent.
        """
        settings = super().load()
        settings = settings.model_copy(update={"schema_name": own_copy.schema(settings.schema_name)})
        if settings.host:
            return settings
        account = read_account(settings.account)
        return settings.model_copy(update={"account": account.name, "host": account.host})


class DbtCloudSettings(_Settings):
    """Where dbt Cloud is, and which account it is by which token. After `load` all three have one form."""

    host: str = Field(validation_alias="DBT_CLOUD_HOST")
    account_id: str = Field(validation_alias="DBT_CLOUD_ACCOUNT_ID")
    token: SecretStr = Field(validation_alias="DBT_CLOUD_TOKEN")

    @classmethod
    def load(cls) -> Self:
        """Read the environment. Raises SettingsError, and DbtCloudAccountError before anything is sent."""
        settings = super().load()
        return settings.model_copy(
            update={
                "host": read_host(settings.host),
                "account_id": str(read_account_id(settings.account_id)),
                "token": SecretStr(read_token(settings.token.get_secret_value())),
            }
        )


class StoreSettings(_Settings):
    """The bucket with the prefixes landing/, quarantine/ and export/."""

    results_bucket: str = Field(validation_alias="RESULTS_BUCKET")


class RunSettings(_Settings):
    """The environment a run belongs to: local, dev or prod."""

    environment: str = Field("local", validation_alias="DATA_FLOWS_ENVIRONMENT")
