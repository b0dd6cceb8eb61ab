"""`make up` runs what is tagged for it, in an order that tags give."""

import pytest

from scripts.local_stack import first_runs
from scripts.shared.refusal import Refusal


def test_lower_numbers_run_first_then_names_count():
    tags = {
        "a/daily": ["owner:x", "run:up:10"],
        "b/daily": ["run:up:2"],
        "c/daily": ["owner:x"],
        "d/hourly": ["run:up"],
        "d/daily": ["run:up"],
    }
    assert first_runs.order_runs(tags) == ["d/daily", "d/hourly", "b/daily", "a/daily"]
    assert first_runs.order_runs({}) == []


@pytest.mark.parametrize("tag", ["run:up:", "run:up:x", "run:up:-1", "run:upwards"])
def test_a_tag_of_another_form_is_refused(tag):
    with pytest.raises(Refusal, match=f"a/daily: got tag {tag}; expected run:up or run:up:<number>, such as run:up:2."):
        first_runs.order_runs({"a/daily": [tag]})
