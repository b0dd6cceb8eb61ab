"""What public policy projects call bad is found in a plan of ours; what they call good passes, in anybody's plan."""

import sys

import pytest
from plan_builder import write
from public_pairs import PAIRS
from public_pairs.instances import DISKS, LAUNCHED, MACHINES, TEMPLATES
from public_pairs.judging import BAD, GOOD, found, has_no_place
from public_pairs.pair import plan

from scripts import check_plan
from scripts.gate import catalog
from scripts.gate.decisions.tables import tables

SERVICES = {"CloudWatch", "CodeBuild", "CodePipeline", "ECR", "ECS", "EC2 network", "EventBridge", "IAM", "KMS", "S3"}


def test_the_pairs_are_about_each_service_and_each_about_something_else():
    assert {pair.service for pair in PAIRS} == SERVICES | {"SNS", "SQS"}
    assert len({pair.about for pair in PAIRS}) == len(PAIRS) >= 80


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.about)
class TestPair:
    def test_the_bad_one_is_found_in_a_plan_of_ours_or_the_pair_says_why_not(self, pair):
        assert bool(pair.left) != bool(found(pair, BAD, ours=True))

    def test_the_good_one_passes_in_a_foreign_plan_or_the_pair_says_why_not(self, pair):
        sentences = found(pair, GOOD, ours=False)
        assert bool(sentences) == bool(pair.strict), sentences

    def test_the_good_one_passes_in_a_plan_of_ours_or_has_no_place_there(self, pair):
        sentences = found(pair, GOOD, ours=True)
        expected = bool(pair.strict or pair.ours) or has_no_place(pair.good)
        assert bool(sentences) == expected, sentences


def test_unknown_types_of_a_foreign_plan_are_listed_and_none_is_a_finding(monkeypatch, capsys, tmp_path):
    theirs = MACHINES | LAUNCHED | TEMPLATES | DISKS
    path = write(tmp_path / "plan.json", plan(theirs, ours=False))
    rules = ",".join(catalog.all_rules())
    monkeypatch.setattr(sys, "argv", ["check_plan", str(path), "--no-hcl", "--rules", rules])
    code = check_plan.main()
    output = " ".join(capsys.readouterr().out.split())
    unknown = sorted({address.partition(".")[0] for address in theirs} - set(tables()))
    assert f"the plan is not of this repository; no decision is about {', '.join(unknown)}" in output
    assert len(unknown) == 4
    assert "✗" not in output
    assert code == 0
