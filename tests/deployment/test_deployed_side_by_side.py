"""Two environments in one account, of two stacks, share nothing and know nothing of each other."""

import re
from collections import Counter

from deployment import AMBER
from inventory import of, tagged


def test_each_has_the_same_things_under_names_of_its_own(full):
    blue, green = of("blue", full), of("green", full)
    assert {line.split()[0] for line in blue} > {"list_roles", "list_queues", "describe_vpcs", "list_clusters"}

    def kinds(lines):
        return Counter(line.split()[0] for line in lines)

    assert kinds(blue) == kinds(green)


def test_nothing_new_in_the_account_belongs_to_neither(applying, full):
    new = full - applying.before
    assert new == of("blue", new) | of("green", new) | of("bootstrap", new)


def test_everything_bears_the_tags_of_its_environment(deployed, aws):
    expected = {"owner": AMBER["owner"], "repository": "data-flows"}
    found = {name: tagged(aws, environment.names) for name, environment in deployed.items()}
    for name, resources in found.items():
        assert len(resources) > 20
        for arn, tags in resources.items():
            assert tags.items() >= (expected | {"environment": name}).items(), arn
    assert not set(found["blue"]) & set(found["green"])


def test_circlecis_role_may_start_the_pipeline_of_each_and_no_other(deployed, aws):
    role = f"{AMBER['name']}-Bootstrap-circleci"
    document = aws["iam"].get_role_policy(RoleName=role, PolicyName="circleci")["PolicyDocument"]
    (start,) = [each for each in document["Statement"] if each["Action"] == "codepipeline:StartPipelineExecution"]
    assert set(start["Resource"]) == {each.arn("codepipeline", each.title) for each in deployed.values()}
    assert {each["name"] for each in aws["codepipeline"].list_pipelines()["pipelines"]} == {
        each.title for each in deployed.values()
    }


def test_no_role_of_one_knows_of_the_other(environment):
    other = {"blue": "green", "green": "blue"}[environment.name]
    found = environment["iam"].get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    own = [role for role in found if role["RoleName"].startswith(f"{environment.title}-")]
    assert own
    assert not re.search(other, str(own), re.IGNORECASE)
