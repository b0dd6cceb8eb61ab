"""What is destroyed is gone; what stands beside it is untouched."""

from inventory import inventory, is_only_remembered, of, tagged


def revisions(environment):
    """What stays on purpose (skip_destroy): one that is replaced may still be started from, or rolled back to."""
    kinds = ("agent", "flow", "flow-with-snowflake_private_key", "flow-fixture_rights")
    return {environment.arn("ecs", f"task-definition/{environment.title}-{kind}:1") for kind in kinds}


def test_nothing_is_left_of_blue_but_revisions_of_its_tasks(applying, deployed, blue_gone, aws):
    new = inventory(aws) - applying.before
    assert new - of("green", new) - of("bootstrap", new) == {
        f"list_task_definitions {arn}" for arn in revisions(deployed["blue"])
    }


def test_and_nothing_bears_its_tags_but_those_and_what_aws_remembers_of_the_deleted(deployed, blue_gone, aws):
    left = tagged(aws, deployed["blue"].names)
    assert {arn for arn in left if not is_only_remembered(aws, arn)} == revisions(deployed["blue"])
    assert any(":key/" in arn for arn in left)  # Its deletion is pending.


def test_green_stands_where_it_stood(deployed, blue_gone, full, aws):
    assert of("green", inventory(aws)) == of("green", full)
    assert not [
        arn for arn in tagged(aws, deployed["green"].names) if ":task/" not in arn and is_only_remembered(aws, arn)
    ]


def test_and_a_second_plan_of_it_finds_nothing_to_do(blue_gone, deployed):
    code, output = deployed["green"].second_plan()
    assert (code, "No changes." in output) == (0, True), output
