"""`make new-environment` writes files that pass as they are, and refuses what is not usable and writes nothing."""

import shutil
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from scripts import new_environment
from scripts.shared import environments, facts_file
from scripts.shared.environment_template import PLANNED_IN_CIRCLECI, write_environment
from scripts.shared.environments import ROOT
from scripts.shared.facts_file import read_account, read_environment
from scripts.shared.refusal import Refusal

GIVEN = {"name": "staging", "account": "333344445555", "region": "eu-central-1", "owner": "sales"}


@pytest.fixture
def root(tmp_path):
    """A repository with the environments and accounts of tests/fixtures."""
    for folder in ("environments", "bootstrap/accounts"):
        shutil.copytree(ROOT / "tests" / "fixtures" / Path(folder).name, tmp_path / "terraform" / folder)
    (tmp_path / ".circleci").mkdir()
    (tmp_path / ".circleci" / "config.yml").write_text("planned: &planned [amber, violet] # all\nreleased: [amber]\n")
    return tmp_path


def everything(root):
    return {path: path.read_text() for path in root.rglob("*") if path.is_file()}


def facts_of(root, name):
    return read_environment(root / "terraform" / "environments" / f"{name}.tfvars")


def accounts_of(root):
    return [read_account(path) for path in sorted((root / "terraform" / "bootstrap" / "accounts").glob("*.tfvars"))]


def test_what_is_written_is_read_strictly_and_says_what_was_given(root):
    said = write_environment(**GIVEN, root=root)
    assert said == [
        "wrote terraform/environments/staging.tfvars",
        "wrote terraform/environments/staging.s3.tfbackend",
        "wrote terraform/bootstrap/accounts/staging.tfvars",
        "added staging to the environments that CircleCI plans, in .circleci/config.yml",
    ]
    facts = facts_of(root, "staging")
    assert {"environment": "staging", "account_id": "333344445555", "owner": "sales"}.items() <= facts.items()
    assert facts["network"]["availability_zones"] == ["eu-central-1a", "eu-central-1b"]
    assert (facts["schedules"], facts["guarded"]) == ("inactive", True)
    (account,) = [each for each in accounts_of(root) if each["account_id"] == "333344445555"]
    assert account["stacks"] == {facts["name"]: ["staging"]}


def test_its_range_overlaps_no_other_and_it_reserves_theirs(root):
    for number in range(4):
        write_environment(f"more{number}", f"33334444555{number}", "eu-west-1", "", root=root)
    names = [path.stem for path in sorted((root / "terraform" / "environments").glob("*.tfvars"))]
    ranges = {name: IPv4Network(facts_of(root, name)["network"]["cidr"]) for name in names}
    assert not [(a, b) for a in names for b in names if a < b and ranges[a].overlaps(ranges[b])]
    assert facts_of(root, "more3")["network"]["reserved_ranges"] == {
        name: str(ranges[name]) for name in names if name != "more3"
    }


def test_without_an_owner_it_is_that_of_local(root):
    write_environment(**GIVEN | {"owner": ""}, root=root)
    assert facts_of(root, "staging")["owner"] == facts_of(root, "local")["owner"]


def test_in_an_account_that_is_prepared_the_line_to_add_is_told(root):
    first = accounts_of(root)[0]
    given = GIVEN | {"account": first["account_id"], "region": first["region"]}
    said = write_environment(**given, root=root)
    stack = facts_of(root, "local")["name"]
    assert said[-1] == f'Next: in {said[-1].split()[2]} add "staging" to {stack} in `stacks`.'
    assert said[-1].split()[2].endswith(".tfvars,")
    assert len(accounts_of(root)) == 2


def test_circleci_plans_it_and_does_not_release_it_yet(root):
    file = root / ".circleci" / "config.yml"
    write_environment(**GIVEN, root=root)
    assert file.read_text() == "planned: &planned [amber, violet, staging] # all\nreleased: [amber]\n"


def test_where_circleci_lists_environments_otherwise_that_is_told_and_without_circleci_nothing_is(root):
    file = root / ".circleci" / "config.yml"
    file.write_text("jobs: {}\n")
    said = write_environment(**GIVEN, root=root)
    assert said[-1] == "Next: add staging to the environments that CircleCI plans, in .circleci/config.yml"
    assert file.read_text() == "jobs: {}\n"
    file.unlink()
    assert "CircleCI" not in str(write_environment(**GIVEN | {"name": "more", "account": "333344445556"}, root=root))


def test_the_list_is_found_in_the_file_that_comes_along():
    assert PLANNED_IN_CIRCLECI.search((ROOT / ".circleci" / "config.yml").read_text())


def test_the_account_of_another_stack_keeps_its_bootstrap(root):
    (root / "terraform" / "bootstrap" / "accounts" / "theirs.tfvars").write_text(
        'name = "OrderFlows"\naccount_id = "333344445555"\nregion = "eu-central-1"\nowner = "them"\n'
        'stacks = { OrderFlows = ["prod"] }\n'
        'circleci = { organization_id = "0", project_id = "0", origin = "github.com/a/b", branches = ["main"] }\n'
    )
    write_environment(**GIVEN, root=root)
    facts = facts_of(root, "staging")
    assert facts["bootstrap"] == "OrderFlows"
    backend = (root / "terraform" / "environments" / "staging.s3.tfbackend").read_text()
    assert 'kms_key_id   = "alias/OrderFlows-Bootstrap"' in backend


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"name": "amber"},
            'NAME is "amber"; expected a new name, because terraform/environments/amber.tfvars exists.',
        ),
        ({"name": "local"}, 'NAME is "local"; expected a new name, because terraform/environments/local.tfvars'),
        ({"name": "Staging"}, 'NAME is "Staging"; expected 2 to 15 lower-case letters and digits'),
        ({"name": "eu-amber"}, 'NAME is "eu-amber"; expected 2 to 15 lower-case letters and digits'),
        ({"name": "../amber"}, 'NAME is "../amber"; expected 2 to 15 lower-case letters and digits'),
        ({"name": "bootstrap"}, 'NAME is "bootstrap"; expected 2 to 15 lower-case letters and digits'),
        ({"name": ""}, 'NAME is ""; expected 2 to 15 lower-case letters and digits'),
        ({"account": ""}, 'ACCOUNT is ""; expected the 12 digits of an AWS account.'),
        ({"account": "1234"}, 'ACCOUNT is "1234"; expected the 12 digits of an AWS account.'),
        ({"region": "eu-west"}, 'REGION is "eu-west"; expected an AWS region, such as eu-west-1.'),
        ({"region": ""}, 'REGION is ""; expected an AWS region, such as eu-west-1.'),
        ({"owner": "{}"}, 'OWNER is "{}"; expected a team'),
    ],
    ids=str,
)
def test_what_is_not_usable_is_refused_in_one_sentence_and_nothing_is_written(root, changed, said):
    before = everything(root)
    with pytest.raises(Refusal) as refused:
        write_environment(**GIVEN | changed, root=root)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)
    assert everything(root) == before


def test_all_that_is_wrong_is_told_at_once(root):
    with pytest.raises(Refusal) as refused:
        write_environment("X", "1", "nowhere", "", root=root)
    assert [line.split()[0] for line in str(refused.value).splitlines()] == ["NAME", "ACCOUNT", "REGION"]


def test_another_region_than_the_accounts_is_refused(root):
    first = accounts_of(root)[0]
    with pytest.raises(Refusal, match=f"expected {first['region']}, as in terraform/bootstrap/accounts/"):
        write_environment(**GIVEN | {"account": first["account_id"], "region": "us-east-2"}, root=root)


def test_the_command_says_what_is_next(root, monkeypatch, capsys):
    monkeypatch.setattr(new_environment, "write_environment", lambda *given: [" ".join(given)])
    monkeypatch.setattr(
        "sys.argv", ["new_environment", "staging", "--account", "3", "--region", "eu-west-1", "--owner", "sales"]
    )
    new_environment.main()
    assert capsys.readouterr().out == (
        "staging 3 eu-west-1 sales\n"
        "Next: replace what is marked `Change` in these files, then `make plan ENV=staging OFFLINE=1`.\n"
    )


def test_lint_finds_nothing_in_what_is_written(root, monkeypatch):
    write_environment(**GIVEN, root=root)
    monkeypatch.setattr(environments, "FACTS", root / "terraform" / "environments")
    monkeypatch.setattr(facts_file, "ACCOUNTS", root / "terraform" / "bootstrap" / "accounts")
    assert facts_file.check_all() == []
