"""What `make alert-test` does: one harmless message through each channel of an environment, and what is known of it."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
from botocore.exceptions import ClientError

from scripts.gate import applied_state
from scripts.registration.alerts import BLOCK_TYPE
from scripts.registration.api import Prefect
from scripts.registration.blocks import read_block
from scripts.registration.channels import KINDS
from scripts.shared.environments import Environment

SAID = "Test of the alerts: nothing is wrong and nobody has to do anything."


@dataclass(frozen=True)
class Sent:
    """What became of one message. `arrived`: whether whoever is nearest to the person has taken it."""

    channel: str
    arrived: bool
    said: str


async def send_all(environment: Environment) -> list[Sent]:
    """Send through the topic of AWS's alarms, and through each block that registration wrote.

    Raises:
        Refusal: nothing is applied, or Prefect does not answer.
    """
    [facts] = applied_state.read_outputs(environment, "facts")
    sent = send_on_topic(environment, facts["title"])
    async with Prefect() as prefect:
        for name in [name for name in KINDS if name in facts["alerts"]]:
            block = await read_block(prefect, BLOCK_TYPE, f"{facts['title'].lower()}-{name}")
            if block is None:
                variable = KINDS[name].variable
                sent.append(Sent(name, False, f"Prefect has no block for it: register with {variable} set"))
            else:
                sent += [await _post(name, block["data"], body) for body in bodies(name, facts["title"])]
    return sent


def send_on_topic(environment: Environment, title: str) -> list[Sent]:
    """Publish on the topic; one answer for each subscription, which SNS alone delivers."""
    sns = environment.client("sns")
    region, account = environment.facts["region"], environment.facts["account_id"]
    topic = f"arn:aws:sns:{region}:{account}:{title}-alerts"
    try:
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        there = [each for page in pages for each in page["Subscriptions"]]
        sns.publish(TopicArn=topic, Subject=f"{environment.name}: test of the alerts", Message=SAID)
    except ClientError as error:
        return [Sent("topic", False, f"AWS refused {error.operation_name} with {error.response['Error']['Code']}")]
    if not there:
        return [Sent("topic", False, "nobody is subscribed: see docs/runbook.md#choosing-who-is-told")]
    return [
        Sent(
            # The address of an https subscription holds a key.
            each["Endpoint"] if each["Protocol"] == "email" else each["Protocol"],
            is_confirmed := each["SubscriptionArn"].startswith("arn:"),
            "published; SNS delivers it"
            if is_confirmed
            else "not confirmed: its owner has to follow the link in AWS's mail",
        )
        for each in there
    ]


def bodies(name: str, title: str) -> list[str]:
    """The messages of one channel, as its block takes them: without what the block adds."""
    if name == "pagerduty":
        key = f"{title}/test"
        payload = {"summary": f"{title}: {SAID}", "source": title, "severity": "info"}
        events = [
            {"event_action": "trigger", "dedup_key": key, "payload": payload},
            {"event_action": "resolve", "dedup_key": key},
        ]
        return [json.dumps(event)[1:-1] for event in events]
    if name == "slack":
        return [json.dumps({"text": f"*{title}*: {SAID}"})[1:-1]]
    card = {
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "wrap": True, "text": f"{title}: {SAID}"}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return [json.dumps({"type": "message", "attachments": [attachment]})[1:-1]]


async def _post(name: str, block: dict[str, Any], body: str) -> Sent:
    """Send as Prefect would; nothing of the address is ever shown."""
    secret = block["secrets"]["secret"]
    url = block["url"].replace("{{ secret }}", secret)
    content = block["form_data"].replace("{{ secret }}", secret).replace("{{ body }}", body)
    try:
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.post(url, content=content, headers=block["headers"])
    except httpx.HTTPError as error:
        return Sent(name, False, f"not reached: {type(error).__name__}")
    return Sent(name, answer.is_success, f"answered {answer.status_code}")
