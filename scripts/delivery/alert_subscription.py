"""What `make alerts` does: PagerDuty's address from SSM becomes the one https subscription of the alerts topic."""

from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from scripts.shared.environments import Environment
from scripts.shared.refusal import Refusal

PARAMETER = "PAGERDUTY_ENDPOINT"
CONFIRMED_WITHIN_SECONDS = 60
REMEDY = "see docs/runbook.md#choosing-who-is-told"


def read_endpoint(ssm: Any, name: str) -> str:
    """PagerDuty's address out of SSM; no message holds any part of it.

    Raises:
        Refusal: there is none, it is not encrypted, or it is not an https address.
    """
    try:
        parameter = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    except ssm.exceptions.ParameterNotFound:
        raise Refusal(f"{name}: no such parameter; expected PagerDuty's address in it: {REMEDY}.") from None
    if parameter["Type"] != "SecureString":
        raise Refusal(
            f"{name}: got a {parameter['Type']}; expected a SecureString, because the address holds a key: {REMEDY}."
        )
    endpoint = str(parameter["Value"]).strip()
    try:
        address = urlsplit(endpoint)
        is_https = address.scheme == "https" and bool(address.hostname) and not set(endpoint) & set(" \t\n")
    except ValueError:
        is_https = False
    if not is_https:
        raise Refusal(f"{name}: got a value that is not an https address; expected https://…: {REMEDY}.")
    return endpoint


def find_topic(environment: Environment, sns: Any) -> str:
    """ARN of the environment's topic.

    Raises:
        Refusal: it was not applied yet.
    """
    name = f"{environment.title}-alerts"
    for page in sns.get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            if topic["TopicArn"].endswith(f":{name}"):
                return str(topic["TopicArn"])
    raise Refusal(
        f"{name}: no such topic; expected an applied environment: run `make apply ENV={environment.name}` first."
    )


def https_subscriptions(sns: Any, topic: str) -> dict[str, str]:
    """Subscription ARN by address; the ARN of one that is not confirmed is no ARN but a word."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [each for page in pages for each in page["Subscriptions"] if each["Protocol"] == "https"]
    return {each["Endpoint"]: each["SubscriptionArn"] for each in found}


def is_confirmed(arn: str | None) -> bool:
    """Whether a listed subscription's ARN is one."""
    return arn is not None and arn.startswith("arn:")


def subscribe(sns: Any, topic: str, endpoint: str, within_seconds: float) -> str:
    """Make `endpoint` the topic's one https subscription; returns what was done, in words.

    Raises:
        Refusal: PagerDuty did not confirm it in time; what was subscribed before still is.
    """
    before = https_subscriptions(sns, topic)
    if not is_confirmed(before.get(endpoint)):
        # Once more for one that was never confirmed: SNS then asks PagerDuty again.
        sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=endpoint)
        until_confirmed = Retrying(
            retry=retry_if_result(lambda arn: not is_confirmed(arn)),
            stop=stop_after_delay(within_seconds),
            wait=wait_fixed(1),
        )
        try:
            until_confirmed(lambda: https_subscriptions(sns, topic).get(endpoint))
        except RetryError:
            raise Refusal(
                f"{topic}: PagerDuty has not confirmed the subscription within {within_seconds:.0f} s. Existing "
                "subscriptions are unchanged. Check that the integration's type is Amazon CloudWatch, then run again.",
                1,
            ) from None
    old = [arn for address, arn in before.items() if address != endpoint and is_confirmed(arn)]
    for arn in old:
        sns.unsubscribe(SubscriptionArn=arn)
    done = "already subscribed" if is_confirmed(before.get(endpoint)) else "subscribed"
    return done + (f", {len(old)} older subscription(s) ended" if old else "")


def subscribe_pagerduty(environment: Environment) -> str:
    """Read the address, subscribe it; returns what was done, without the address.

    Raises:
        Refusal: there is no usable address or no topic, or AWS or PagerDuty refused.
    """
    name = f"{environment.names.path}/{PARAMETER}"
    sns = environment.client("sns")
    try:
        endpoint = read_endpoint(environment.client("ssm"), name)
        topic = find_topic(environment, sns)
        return f"{topic}: {subscribe(sns, topic, endpoint, CONFIRMED_WITHIN_SECONDS)}"
    except ClientError as error:
        # SNS repeats a wrong address in its message; the code alone says enough.
        raise Refusal(
            f"{name}: AWS refused {error.operation_name} with {error.response['Error']['Code']}.", 1
        ) from None
