"""The configuration runs nothing and reads nothing from elsewhere: one provider, own modules, no provisioner."""

from collections.abc import Iterator
from typing import Any

from scripts.gate.reading.plan import Finding, Plan

OURS = True
# They compute; every other one asks somebody, so that a plan would need an account, or runs something.
DATA = {"aws_iam_policy_document", "aws_partition"}
PROVIDERS = {"registry.terraform.io/hashicorp/aws", "terraform.io/builtin/terraform"}
# What may configure the provider. `make plan OFFLINE=1` adds keys that are none, and the skips.
SETTINGS = {"region", "allowed_account_ids", "default_tags", "max_retries", "access_key", "secret_key"}
SKIPS = (
    "skip_credentials_validation",
    "skip_metadata_api_check",
    "skip_region_validation",
    "skip_requesting_account_id",
)
OFFLINE = {"constant_value": "offline"}


def check(plan: Plan) -> Iterator[Finding]:
    configuration = plan.data.get("configuration") or {}
    for address, provider in (configuration.get("provider_config") or {}).items():
        yield from _provider(address.rpartition(":")[2], provider)
    yield from _module("", configuration.get("root_module") or {})


def _provider(name: str, provider: dict[str, Any]) -> Iterator[Finding]:
    source, settings = provider.get("full_name"), provider.get("expressions") or {}
    if source not in PROVIDERS or "." in name:
        yield Finding(f"provider {name}", f"provider {source}", "the one provider aws, without an alias")
    is_offline = settings.get("access_key") == settings.get("secret_key") == OFFLINE
    known = SETTINGS | set(SKIPS) if is_offline else SETTINGS - {"access_key", "secret_key"}
    for setting in sorted(set(settings) - known):
        yield Finding(f"provider {name}", setting, "credentials, account and addresses from the caller's environment")
    if name == "aws" and not is_offline:
        accounts = settings.get("allowed_account_ids") or {}
        if "var.account_id" not in (accounts.get("references") or []):
            yield Finding("provider aws", "no allowed_account_ids", "allowed_account_ids = [var.account_id]")


def _module(address: str, module: dict[str, Any]) -> Iterator[Finding]:
    for resource in module.get("resources") or []:
        where = f"{address}{resource['address']}"
        for provisioner in resource.get("provisioners") or []:
            yield Finding(where, f'provisioner "{provisioner.get("type")}"', "no provisioner: a plan does not show it")
        if resource.get("mode") == "data" and resource["type"] not in DATA:
            yield Finding(where, f"data source {resource['type']}", f"one that asks nobody: {', '.join(sorted(DATA))}")
    for name, call in (module.get("module_calls") or {}).items():
        source = call.get("source", "")
        if not source.startswith("../modules/") or ".." in source[3:]:
            yield Finding(f"{address}module.{name}", f"source = {source}", "a folder of modules/")
        yield from _module(f"{address}module.{name}.", call.get("module") or {})
