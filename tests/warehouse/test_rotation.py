"""`make rotate-key`: at each moment the key in SSM is in one of the slots, whenever a rotation ends."""

import re
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import cycle
from types import SimpleNamespace

import pytest
from amber_cloud import client
from botocore.client import BaseClient
from snowflake_account import SLOTS, login_refused

from scripts import rotate_key
from scripts.registration.flow_import import Imported
from scripts.shared.environments import ROOT, find_environment
from scripts.shared.key_pair import fingerprint, new_key_pair
from scripts.shared.refusal import Refusal
from scripts.warehouse import login, rotation, stored_keys
from scripts.warehouse.rotation import SETTLING, Rotation
from scripts.warehouse.stored_keys import StoredKeys
from scripts.warehouse.wanted import identity, public_of

LONGEST = timedelta(hours=12)
WRITES = {"PutParameter", "AddTagsToResource"}


# Reading a key takes a processor longer than anything else here.
KNOWN = cache(public_of)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def turn(cloud, account, monkeypatch):
    """`turn(finish=…, later=…, holders=…)` does what one `make rotate-key` does, and returns what it said."""

    environment = find_environment("amber")
    monkeypatch.setattr(stored_keys, "public_of", KNOWN)
    who = identity(environment)

    def run(*, finish=False, later=timedelta(0), holders=0):
        keys = StoredKeys(environment, who)
        with login.own_session(who.account) as session:
            step = Rotation(
                who.user, session.ask, keys.read, keys.write, keys.connects, lambda _: holders, LONGEST,
                lambda: datetime.now(UTC) + later,
            )  # fmt: skip
            return list(step.finish() if finish else step.rotate())

    return run


@pytest.fixture
def effects(monkeypatch, account):
    """Calls `before(what)` and `after(what)` around each thing that is changed, in Snowflake or in AWS."""
    hooks = SimpleNamespace(before=lambda _: None, after=lambda _: None)
    call = BaseClient._make_api_call

    def hooked(client, operation, parameters):
        if operation not in WRITES:
            return call(client, operation, parameters)
        hooks.before(operation)
        answer = call(client, operation, parameters)
        hooks.after(operation)
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", hooked)
    account.before, account.after = lambda sql: hooks.before(sql), lambda sql: hooks.after(sql)
    return hooks


@pytest.fixture
def moments(effects, cloud, account):
    """Holds the rule at each change: the key that SSM has, if it has one, is in a slot."""
    seen = []

    def hold(what):
        assert not cloud.key() or cloud.key() in account.fingerprints(), what
        seen.append(what)

    effects.after = hold
    return seen


def test_the_first_key_is_made_where_there_is_none(turn, moments, cloud, account):
    said = turn()
    assert account.keys["RSA_PUBLIC_KEY"]
    assert account.keys["RSA_PUBLIC_KEY_2"] == ""
    assert {cloud.key()} == account.fingerprints()
    assert said == [f"RSA_PUBLIC_KEY: put {cloud.key()}, a new key.", "The user connects with it.",
                    "It is written to SSM. Tasks read it when they start."]  # fmt: skip
    (described,) = cloud.ssm.describe_parameters(
        ParameterFilters=[{"Key": "Name", "Values": [f"{cloud.path}/SNOWFLAKE_PRIVATE_KEY"]}]
    )["Parameters"]
    assert (described["Type"], described["KeyId"]) == ("SecureString", "alias/HarborFlows-Amber")


def test_a_new_key_goes_through_the_second_slot_and_the_former_one_stays(turn, first_key, moments, cloud, account):
    said = turn()
    assert account.keys["RSA_PUBLIC_KEY_2"]
    assert account.fingerprints() == {first_key, cloud.key()}
    assert cloud.key() != first_key
    assert said[-1] == f"RSA_PUBLIC_KEY holds the former key, {first_key}, for runs under way. FINISH=1 ends it."
    assert len(moments) == 3  # The slot, the tags and the value.


def test_while_runs_may_hold_the_former_key_nothing_is_changed(turn, first_key, moments, cloud, account):
    turn()
    before, now = dict(account.keys), cloud.key()
    moments.clear()
    assert turn(later=LONGEST)[-1].endswith("FINISH=1 ends it. No change.")
    assert (account.keys, cloud.key(), moments) == (before, now, [])


def test_when_no_run_can_hold_it_any_more_the_former_key_is_replaced(turn, first_key, moments, cloud, account):
    turn()
    second = cloud.key()
    turn(later=LONGEST + 2 * SETTLING)
    assert first_key not in account.fingerprints()
    assert account.fingerprints() == {second, cloud.key()}
    assert fingerprint(account.keys["RSA_PUBLIC_KEY"]) == cloud.key()


@pytest.mark.parametrize(("later", "holders"), [(LONGEST + 2 * SETTLING, 3), (2 * SETTLING, 0)])
def test_finish_ends_the_former_key_when_nothing_can_hold_it(turn, first_key, moments, cloud, account, later, holders):
    turn()
    said = turn(finish=True, later=later, holders=holders)
    assert account.keys["RSA_PUBLIC_KEY"] == ""
    assert account.fingerprints() == {cloud.key()}
    assert said == [f"RSA_PUBLIC_KEY: took out {first_key}. RSA_PUBLIC_KEY_2 holds {cloud.key()}, the key in SSM."]
    assert turn(finish=True)[0].startswith("RSA_PUBLIC_KEY is empty;")


@pytest.mark.parametrize(("later", "holders", "told"), [
    (2 * SETTLING, 2, "in use by 2 tasks that started before"), (timedelta(0), 0, "in use by tasks that start before"),
])  # fmt: skip
def test_finish_is_refused_while_a_task_may_hold_the_former_key(turn, account, first_key, later, holders, told):
    turn()
    before = dict(account.keys)
    with pytest.raises(Refusal, match=told) as refused:
        turn(finish=True, later=later, holders=holders)
    assert refused.value.exit_code == 1
    assert account.keys == before


def test_finish_does_not_close_the_way_out_when_the_key_of_ssm_does_not_connect(turn, account, first_key):
    turn()
    before, account.login_error = dict(account.keys), login_refused("User temporarily locked.")
    with pytest.raises(Refusal, match=r"does not let user HARBOUR_FLOWS in: .*User temporarily locked"):
        turn(finish=True, later=2 * LONGEST)
    assert account.keys == before


@pytest.fixture(scope="module")
def pairs():
    return [new_key_pair() for _ in range(8)]


@pytest.mark.parametrize("known", [0, 1, 2], ids=["no key", "a key", "a former key too"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_change_and_run_again_it_comes_to_its_end(
    turn, effects, cloud, account, pairs, known, moment, monkeypatch
):
    """Between any two changes: each is walked to, the process ends there, and the command is run again."""
    later, walked = LONGEST + 2 * SETTLING, 0
    new = cycle(pairs[2:])
    monkeypatch.setattr(rotation, "new_key_pair", lambda: next(new))

    def hold(what=""):
        assert not cloud.key() or cloud.key() in account.fingerprints(), what

    while True:
        effects.before = effects.after = lambda _: None
        account.keys, account.comment = dict.fromkeys(SLOTS, ""), "null"
        if cloud.key():
            cloud.ssm.delete_parameter(Name=f"{cloud.path}/SNOWFLAKE_PRIVATE_KEY")
        for slot, (private, public) in zip(SLOTS, pairs[:known], strict=False):
            account.keys[slot] = public
            cloud.put("SNOWFLAKE_PRIVATE_KEY", private)
        before, changes = cloud.key(), []

        def end(what, changes=changes, last=walked):
            hold(what)
            changes.append(what)
            if len(changes) > last:
                raise Killed(what)

        effects.before = effects.after = hold
        setattr(effects, moment, end)
        try:
            turn(later=later)
            break
        except Killed:
            walked += 1
        effects.before = effects.after = hold
        hold("after the end")
        if before and walked == 1:  # Whatever is beside the key of SSM goes, and that key stays.
            turn(finish=True, later=later)
            assert account.fingerprints() == {cloud.key()}
        turn(later=later)
        assert cloud.key() != before
        turn(finish=True, later=2 * later)
        assert account.fingerprints() == {cloud.key()}
    assert walked == len(changes) == (3 if known else 2)


def test_a_key_of_ssm_that_is_in_no_slot_is_put_into_one(turn, cloud, account):
    private, public = new_key_pair()
    cloud.put("SNOWFLAKE_PRIVATE_KEY", private)
    said = turn()
    assert account.keys["RSA_PUBLIC_KEY"] == public
    assert said[0].endswith(f"{fingerprint(public)}, the key in SSM, which was in neither slot.")


def test_a_key_that_nobody_knows_is_not_replaced(turn, first_key, moments, account):
    account.keys["RSA_PUBLIC_KEY_2"] = new_key_pair()[1]
    unknown = fingerprint(account.keys["RSA_PUBLIC_KEY_2"])
    with pytest.raises(Refusal) as refused:
        turn()
    assert f"holds {unknown}, which was never in SSM and no rotation has put there" in str(refused.value)
    assert 'ALTER USER "HARBOUR_FLOWS" UNSET RSA_PUBLIC_KEY_2;' in str(refused.value)
    assert moments == []


def test_a_key_that_does_not_connect_is_not_written(turn, first_key, moments, cloud, account):
    account.login_error = login_refused(
        "Incoming request with IP/Token 198.51.100.7 is not allowed to access Snowflake."
    )
    with pytest.raises(Refusal, match="a network policy has not its address"):
        turn()
    assert cloud.key() == first_key
    account.login_error = None
    turn()
    assert account.fingerprints() == {first_key, cloud.key()}


def test_two_rotations_at_once_leave_a_key_that_connects(turn, effects, cloud, account, first_key):
    """The other one puts its key into the same slot, right after this one has."""
    other = new_key_pair()[1]

    def interfere(what):
        if "RSA_PUBLIC_KEY_2" in what:
            account.keys["RSA_PUBLIC_KEY_2"] = other

    effects.after = interfere
    with pytest.raises(Refusal):
        turn()
    assert cloud.key() == first_key
    assert first_key in account.fingerprints()


@pytest.mark.parametrize("where", ["slot", "SSM"])
def test_what_another_rotation_has_changed_since_it_looked_is_left_alone(turn, cloud, account, first_key, where):
    connect, (private, public) = account.connect, new_key_pair()

    def interfere(**given):
        session = connect(**given)
        if "private_key" in given and where == "slot":
            account.keys["RSA_PUBLIC_KEY_2"] = public
        elif "private_key" in given:
            cloud.put("SNOWFLAKE_PRIVATE_KEY", private)
        return session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("snowflake.connector.connect", interfere)
        with pytest.raises(Refusal, match="Somebody else changes the keys of this user now; SSM is unchanged"):
            turn()
    assert cloud.key() == (first_key if where == "slot" else fingerprint(public))


def test_a_slot_that_another_rotation_took_as_the_key_was_written_is_taken_back(
    turn, effects, cloud, account, first_key
):
    def interfere(what):
        if what == "PutParameter":
            account.keys["RSA_PUBLIC_KEY_2"] = new_key_pair()[1]

    effects.after = interfere
    turn()
    assert cloud.key() != first_key
    assert account.fingerprints() == {first_key, cloud.key()}


def test_no_private_key_is_in_a_statement_or_a_line(turn, cloud, account, first_key):
    said = turn()
    found = cloud.ssm.get_parameter_history(Name=f"{cloud.path}/SNOWFLAKE_PRIVATE_KEY", WithDecryption=True)
    for each in found["Parameters"]:
        assert each["Value"] not in "\n".join([*account.ran, *said])


def test_tasks_that_may_hold_the_former_key_are_counted(cloud, monkeypatch):
    ec2, ecs = map(client, ("ec2", "ecs"))
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["SecurityGroups"][0]
    ec2.modify_vpc_attribute(VpcId=subnet["VpcId"], EnableDnsHostnames={"Value": True})
    ecs.create_cluster(clusterName="HarborFlows-Amber")
    ecs.register_task_definition(
        family="flow", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[{"name": "prefect", "image": "x", "memory": 512}],
    )  # fmt: skip
    network = {"awsvpcConfiguration": {"subnets": [subnet["SubnetId"]], "securityGroups": [group["GroupId"]]}}
    now, call = datetime.now(UTC), BaseClient._make_api_call

    def with_moments(client, operation, parameters):
        answer = call(client, operation, parameters)
        for each in answer["tasks"] if operation == "DescribeTasks" else ():
            each["createdAt"] = now  # The embedded AWS leaves it out.
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", with_moments)
    for _ in range(2):
        (task,) = ecs.run_task(
            cluster="HarborFlows-Amber", taskDefinition="flow", launchType="FARGATE", networkConfiguration=network
        )["tasks"]
    keys = StoredKeys(find_environment("amber"), identity(find_environment("amber")))
    assert keys.holders(now + timedelta(hours=1)) == 2
    assert keys.holders(now - timedelta(hours=1)) == 0
    ecs.stop_task(cluster="HarborFlows-Amber", task=task["taskArn"])
    assert keys.holders(now + timedelta(hours=1)) == 1


@pytest.fixture
def command(monkeypatch, cloud, account, capsys):
    """The command on an environment, with one deployment that may take a day."""
    imported = Imported([{"tags": ["owner:harbour", "time-limit:1d"]}], [])

    found = SimpleNamespace(sound_result=lambda: imported)
    monkeypatch.setattr(rotate_key, "FlowImport", lambda _: nullcontext(found))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["rotate_key", *arguments])
        rotate_key.main()
        return capsys.readouterr().out

    return run


def test_the_command_waits_as_long_as_the_longest_run(command, cloud, account):
    command("--env", "amber")
    assert "It is written" in command("--env", "amber")
    until = datetime.now(UTC) + timedelta(days=1) + SETTLING
    assert f"{until:%Y-%m-%d}" in command("--env", "amber")
    assert sorted(map(bool, (account.keys[slot] for slot in SLOTS))) == [True, True]


def test_the_time_limit_of_an_environment_that_says_none_is_terraforms():
    declared = (ROOT / "terraform" / "variables.tf").read_text()
    assert re.findall(r"time_limit_minutes += optional\(number, (\d+)\)", declared) == [
        str(rotate_key.TIME_LIMIT_MINUTES)
    ]


def test_the_embedded_snowflake_has_no_key_to_rotate(command):
    with pytest.raises(Refusal, match="looks at no key: got ENV=local"):
        command("--env", "local")
