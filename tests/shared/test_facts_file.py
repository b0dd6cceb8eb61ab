"""A file of facts that does not fit what Terraform declares is refused with file, line and the nearest known key."""

import re
import shutil

import pytest

from scripts.shared import facts_file
from scripts.shared.environments import FACTS
from scripts.shared.facts_file import ACCOUNTS, backend_of, read_account, read_environment
from scripts.shared.refusal import Refusal

FACTS_OF_TEAL = """\
environment = "teal"
account_id  = "444444444444"
region      = "us-east-2"
owner       = "a-team"
schedules   = "inactive"

network = {
  cidr               = "10.40.0.0/16"
  availability_zones = ["us-east-2a", "us-east-2b"]
  reserved_ranges    = { other = "10.50.0.0/16" }
}

prefect_api_url = "https://prefect.example.com/api"

agent = {
  cpu       = 1024
  tasks     = { min = 1, max = 2 }
  schedules = { morning = { cron = "0 6 * * ? *", min = 2 } }
}

alerts = {
  email = "a-team@example.com"
}

snowflake = {
  database  = "A"
  schema    = "B"
  warehouse = "C"
  role      = "D"
}

delivery = {
  connection_arn = ""
  approval       = true
}
"""
BACKEND_OF_TEAL = """\
bucket = "dataflows-teal-state-444444444444"
key    = "data-flows/terraform.tfstate"
region = "us-east-2"
"""


@pytest.fixture
def teal(tmp_path):
    """`teal(old, new)` is the file of an environment in which one text is replaced."""

    def write(old="", new="", backend=BACKEND_OF_TEAL, name="teal"):
        assert old in FACTS_OF_TEAL
        path = tmp_path / f"{name}.tfvars"
        path.write_text(FACTS_OF_TEAL.replace(old, new, 1))
        if backend:
            path.with_suffix(".s3.tfbackend").write_text(backend)
        return path

    return write


def refused(path, read=read_environment):
    """The lines of the refusal, without the folder."""
    with pytest.raises(Refusal) as raised:
        read(path)
    assert raised.value.exit_code == 2
    return str(raised.value).replace(f"{path.parent}/", "").splitlines()


def test_facts_that_fit_are_read_with_the_defaults_of_what_they_leave_out(teal):
    facts = read_environment(teal())
    assert (facts["account_id"], facts["agent"]["tasks"]) == ("444444444444", {"min": 1, "max": 2})
    assert facts["image_repository"] == "data-flows"


@pytest.mark.parametrize("path", sorted(FACTS.glob("*.tfvars")), ids=lambda path: path.stem)
def test_each_environment_of_the_repository_fits(path):
    assert read_environment(path)["environment"] == path.stem


@pytest.mark.parametrize("path", sorted(ACCOUNTS.glob("*.tfvars")), ids=lambda path: path.stem)
def test_each_account_of_the_repository_fits(path):
    assert read_account(path)["account_id"]


def test_all_of_the_repository_is_checked_at_once():
    assert facts_file.check_all() == []


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "meant"),
    [
        ("approval ", "aproval ", 34, "delivery.aproval", "; did you mean approval?"),
        ("cidr  ", "cdir  ", 8, "network.cdir", "; did you mean cidr?"),
        ("reserved_ranges ", "nat_per_zones ", 10, "network.nat_per_zones", "; did you mean nat_per_zone?"),
        ("agent =", "agnt =", 15, "agnt", "; did you mean agent?"),
        ("max = 2", "maxi = 2", 17, "agent.tasks.maxi", "; did you mean max?"),
        ("cron = ", "crn = ", 18, "agent.schedules.morning.crn", "; did you mean cron?"),
        ("delivery = {", "zzz = 1\ndelivery = {", 32, "zzz", "."),
    ],
)
def test_an_unknown_key_at_any_depth_is_refused_with_the_nearest_known_one(teal, old, new, line, key, meant):
    (said,) = [each for each in refused(teal(old, new)) if "unknown key" in each]
    assert said.startswith(f"teal.tfvars:{line}: got unknown key {key}; expected one of ")
    assert said.endswith(meant)
    assert ("?" in meant) == ("?" in said)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"444444444444"', "444444444444", "2: got a number for account_id; expected a string."),
        (
            "approval       = true",
            'approval = "true"',
            "34: got a string for delivery.approval; expected true or false.",
        ),
        ("cpu       = 1024", 'cpu = "1024"', "16: got a string for agent.cpu; expected a number."),
        (
            '["us-east-2a", "us-east-2b"]',
            '"us-east-2a"',
            "9: got a string for network.availability_zones; expected a list of strings.",
        ),
        ('"us-east-2b"', "2", "9: got a number for network.availability_zones[1]; expected a string."),
        ("min = 2", 'min = "2"', "18: got a string for agent.schedules.morning.min; expected a number."),
        ('{ other = "10.50.0.0/16" }', "[]", "10: got a list for network.reserved_ranges; expected a map of strings."),
        ('"10.50.0.0/16"', "null", None),
        ("{ min = 1, max = 2 }", "2", "17: got a number for agent.tasks; expected an object with min, max."),
        ('"a-team"', 'upper("a-team")', "4: got an expression for owner; expected a string."),
        ('"a-team"', '"a-${region}"', "4: got an expression for owner; expected a string."),
        ('"a-team"', "null", "4: got owner = null; expected a string."),
        ('"A"', "null", "26: got snowflake.database = null; expected a string."),
        ("agent = {", "agent {", "15: got a block agent; expected `agent = { … }`."),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_a_value_of_another_type_is_refused(teal, old, new, said):
    path = teal(old, new)
    if said is None:
        read_environment(path)
    else:
        assert refused(path) == [f"teal.tfvars:{said}"]


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ('owner       = "a-team"\n', "got no owner; expected a string."),
        ('account_id  = "444444444444"\n', "got no account_id; expected a string."),
        ('environment = "teal"\n', "got no environment; expected a string."),
        ('prefect_api_url = "https://prefect.example.com/api"\n', "got no prefect_api_url; expected a string."),
    ],
)
def test_a_needed_fact_that_is_missing_is_refused(teal, old, said):
    assert refused(teal(old)) == [f"teal.tfvars:1: {said}"]


def test_a_needed_part_of_a_fact_that_is_missing_is_refused(teal):
    assert refused(teal('  role      = "D"\n')) == ["teal.tfvars:25: got no snowflake.role; expected a string."]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"444444444444"',
            '"44444444444"',
            '2: got account_id "44444444444"; expected the 12 digits of an AWS account.',
        ),
        ('"us-east-2"', '"us-east"', '3: got region "us-east"; expected an AWS region, such as eu-west-1.'),
        ('"inactive"', '"off"', '5: got schedules "off"; expected active or inactive'),
        ('"https://prefect.example.com/api"', '"prefect"', '13: got prefect_api_url "prefect"; expected the address'),
    ],
)
def test_a_value_of_the_wrong_form_is_refused_as_terraform_would_say_it(teal, old, new, said):
    (line,) = refused(teal(old, new))
    assert line.startswith(f"teal.tfvars:{said}")


@pytest.mark.parametrize("name", ["Teal", "t", "te-al", "a" * 16, "2teal"])
def test_a_name_of_the_wrong_form_is_refused(teal, name):
    (line,) = refused(teal('"teal"', f'"{name}"', name=name))
    assert line.startswith(f'{name}.tfvars:1: got environment "{name}"; expected 2 to 15 lower-case letters')


def test_a_key_that_stands_there_twice_is_refused(teal):
    assert refused(teal('owner       = "a-team"', 'owner = "me"\nregion = "us-east-2"\nowner = "us"')) == [
        "teal.tfvars:5: got region again; expected it once, as in line 3.",
        "teal.tfvars:6: got owner again; expected it once, as in line 4.",
    ]
    assert refused(teal("approval       = true", "approval = true\napproval = false")) == [
        "teal.tfvars:35: got delivery.approval again; expected it once, as in line 34."
    ]


@pytest.mark.parametrize("given", ['image_digest = "sha256:x"', "flow_permissions = []", "on_call_flows = []"])
def test_what_make_plan_passes_itself_is_no_fact(teal, given):
    key = given.split()[0]
    assert refused(teal('owner       = "a-team"', f'owner = "a-team"\n{given}')) == [
        f"teal.tfvars:5: got {key}; expected no such fact: `make plan` passes it."
    ]


def test_the_environment_in_the_file_is_the_one_that_the_file_is_named_after(teal):
    assert 'teal.tfvars:1: got environment "dev"; expected "teal", the name of the file.' in refused(
        teal('"teal"', '"dev"')
    )


def test_two_environments_with_one_name_and_account_are_refused(teal):
    path = teal()
    copy = shutil.copyfile(path, path.with_name("copy.tfvars"))
    assert refused(path) == [
        "teal.tfvars:1: got the environment and account of copy.tfvars; expected one file for each environment."
    ]
    assert refused(copy)[0].startswith("copy.tfvars:1: got environment")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("teal-state", "dev-state", 'bucket "dataflows-dev-state-444444444444"; expected "dataflows-teal-state-4'),
        ("us-east-2", "eu-west-1", 'region "eu-west-1"; expected "us-east-2"'),
        ("data-flows/", "data-flows-2/", 'key "data-flows-2/terraform.tfstate"; expected "data-flows/terraform'),
    ],
)
def test_the_state_backend_must_belong_to_the_facts(teal, old, new, said):
    (line,) = refused(teal(backend=BACKEND_OF_TEAL.replace(old, new)))
    assert re.match(rf"teal\.s3\.tfbackend:\d: got {said}", line)


def test_a_missing_backend_file_is_told(teal):
    assert refused(teal(backend=None)) == [
        "teal.s3.tfbackend:1: got no such file; expected a file that names the state bucket "
        "dataflows-teal-state-444444444444."
    ]


def test_all_problems_are_told_at_once(teal):
    lines = refused(teal('owner       = "a-team"', "ownr = 1\nregion = 2\nagnt = {}"))
    assert len(lines) == 5


@pytest.mark.parametrize("text", ["owner = ", "owner = {\n", "owner is me\n", 'owner = "a\n'])
def test_what_is_no_hcl_is_one_sentence_with_the_line(teal, text):
    (line,) = refused(teal('owner       = "a-team"\n', text))
    assert re.match(r"teal\.tfvars:\d+: got text that is not HCL; expected, for example", line)


def test_only_a_fact_of_the_right_type_can_have_the_wrong_form(tmp_path):
    path = tmp_path / "a.tfvars"
    path.write_text('account_id = "1"\nregion = "eu-west-1"\nowner = "me and you"\ncircleci = { origin = 1 }\n')
    lines = refused(path, read_account)
    assert 'a.tfvars:1: got account_id "1"; expected the 12 digits of an AWS account.' in lines
    assert "a.tfvars:4: got a number for circleci.origin; expected a string." in lines
    assert "a.tfvars:4: got no circleci.project_id; expected a string." in lines


def test_the_backend_follows_the_name_of_the_stack():
    facts = {"name": "OrderFlows", "environment": "teal", "account_id": "4", "region": "us-east-2"}
    assert backend_of(facts) == {
        "bucket": "orderflows-teal-state-4",
        "key": "order-flows/terraform.tfstate",
        "region": "us-east-2",
        "use_lockfile": True,
        "encrypt": True,
        "kms_key_id": "alias/OrderFlows-Bootstrap",
    }
