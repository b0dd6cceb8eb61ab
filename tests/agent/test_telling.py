"""Where only e-mail reaches people, the agent publishes one message for each incident, and one when it is over."""

import asyncio
from uuid import uuid4

import pytest
from pools import Pool, as_test
from prefect.client.orchestration import get_client
from prefect.states import Completed, Crashed, Failed, Late, Running

from scripts.agent import telling
from scripts.agent.telling import Place, Teller

pytestmark = pytest.mark.usefixtures("prefect_server")
RUNBOOK = "https://example.com/docs/flows"


class Mail:
    """What was published, as subject and text; `fails` makes the next message fail."""

    def __init__(self):
        self.messages, self.fails = [], False

    def publish(self, subject, text):
        if self.fails:
            self.fails = False
            raise ConnectionError("SNS is gone")
        assert len(subject) <= 100
        self.messages.append((subject, text))

    @property
    def subjects(self):
        """Without the times at their ends."""
        return [subject.rpartition(", ")[0] for subject, _ in self.messages]


def with_agents(scenario):
    """Run the scenario with a pool, its mail, and a function that lets one agent, or another one, tell."""

    async def whole():
        async with get_client() as client:
            pool, mail = Pool(client, f"pool-{uuid4()}"), Mail()
            await pool.make()
            place = Place(
                "prod", pool.name, "https://prefect.example.com", RUNBOOK, "eu-west-1", "/DataFlows/Prod/flow"
            )
            agents = [Teller(client, place, mail.publish) for _ in range(2)]

            async def tell(agent=0):
                return await agents[agent].tell()

            await scenario(pool, tell, mail)

    return as_test(scenario, whole)


@with_agents
async def test_a_run_that_fails_is_told_with_what_a_person_needs(pool, tell, mail):
    task = "arn:aws:ecs:eu-west-1:1:task/c/42"
    run = await pool.run(Failed(message="ValueError: no such table"), noted=task)
    await tell()
    [(subject, text)] = mail.messages
    title = f"work/of-{pool.name}"
    assert subject.startswith(f"prod: {title} ended as Failed"[:100])
    first, *lines = text.splitlines()
    assert first.startswith(f"prod: {title} ended as Failed, 20")
    assert first.endswith(" UTC")
    group = "log-group/$252FDataFlows$252FProd$252Fflow/log-events/flow$252Fprefect$252F42"
    assert lines == [
        "",
        "ValueError: no such table",
        "",
        f"Run: https://prefect.example.com/runs/flow-run/{run.id}",
        f"Log: https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/{group}",
        f"What to do first: {RUNBOOK}#work",
        f"Again: make run ENV=prod FLOW={title}",
    ]


@with_agents
async def test_a_storm_is_one_message_and_its_end_another(pool, tell, mail):
    await pool.run(Completed())
    for state in (Failed(), Crashed(), Failed(name="TimedOut"), Failed()):
        await pool.run(state)
    await tell()
    assert len(mail.messages) == 1
    await pool.run(Failed())
    await tell()
    assert len(mail.messages) == 1
    await pool.run(Completed())
    await pool.run(Completed())
    await tell()
    await pool.run(Failed())
    await tell()
    texts = [text.splitlines()[0] for _, text in mail.messages]
    assert ["works again" in each for each in texts] == [False, True, False]


@with_agents
async def test_of_two_agents_and_one_that_starts_again_each_incident_is_told_once(pool, tell, mail):
    await pool.run(Failed())
    await asyncio.gather(tell(0), tell(1))
    await asyncio.gather(tell(0), tell(1))
    assert len(mail.messages) == 1


@with_agents
async def test_a_message_that_could_not_be_sent_is_sent_the_next_time(pool, tell, mail):
    await pool.run(Failed())
    mail.fails = True
    with pytest.raises(ConnectionError):
        await tell()
    await tell()
    assert len(mail.messages) == 1


@with_agents
async def test_what_goes_well_and_what_another_pool_does_is_not_told(pool, tell, mail):
    other = Pool(pool.client, f"other-{uuid4()}")
    await other.make()
    await other.run(Failed())
    await pool.run(Completed())
    await pool.run(Running())
    await tell()
    assert mail.messages == []


@with_agents
async def test_runs_that_nobody_takes_are_told_once_for_their_deployment(pool, tell, mail):
    for _ in range(3):
        run = await pool.client.create_flow_run_from_deployment(pool.deployment)
        await pool.client.set_flow_run_state(run.id, Late(), force=True)
    await tell()
    assert mail.messages == []
    patience = telling.LATE
    telling.LATE = -patience
    try:
        await tell()
        await tell()
    finally:
        telling.LATE = patience
    assert ["is late: no agent takes it" in text for _, text in mail.messages] == [True]
