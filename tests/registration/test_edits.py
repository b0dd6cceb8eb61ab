"""Whatever is edited, and however a flow file comes to use it: exactly the deployments that it changes are written."""

from collections.abc import Iterator

import pytest
from repositories import Repository

FLOW = """
import importlib, inspect, json, os, pkgutil, runpy, subprocess, sys
from pathlib import Path

from prefect import flow

{code}


@flow(name="{name}", description=f"Value {{VALUE}}.")
def {name}():
    '''A flow whose description depends on something else.'''


deployments = [{name}.to_deployment(name="hourly", tags=["owner:team"])]
"""
TASK = "from prefect import task\n\n@task\ndef job():\n    return '{value}'\n"
# By kind of use: what the flow file does to get VALUE, the file that is edited, and its content.
USES = {
    "plugins_found_in_a_folder": (
        "from flows.shared import plugins\n"
        "names = [each.name for each in pkgutil.iter_modules(plugins.__path__)]\n"
        "VALUE = [importlib.import_module(f'flows.shared.plugins.{name}').X for name in names]",
        "flows/shared/plugins/plugin.py",
        "X = '{value}'\n",
    ),
    "module_of_a_computed_name": (
        "VALUE = importlib.import_module('flows.shared.' + '_'.join(['of', 'some', 'name'])).X",
        "flows/shared/of_some_name.py",
        "X = '{value}'\n",
    ),
    "function_of_a_task_by_getattr": (
        "from flows.shared.called import job\nVALUE = getattr(job, 'f' + 'n')()",
        "flows/shared/called.py",
        TASK,
    ),
    "source_of_a_function": (
        "from flows.shared.read import job\nVALUE = inspect.getsource(job.fn).split(chr(39))[1]",
        "flows/shared/read.py",
        TASK,
    ),
    "constants_of_a_function": (
        "from flows.shared.compiled import job\nVALUE = job.fn.__code__.co_consts",
        "flows/shared/compiled.py",
        TASK,
    ),
    "module_outside_flows": ("VALUE = importlib.import_module('outside').X", "outside.py", "X = '{value}'\n"),
    "module_of_a_folder_on_the_path": (
        "sys.path.append(str(Path('vendored').resolve()))\nVALUE = importlib.import_module('vendored_module').X",
        "vendored/vendored_module.py",
        "X = '{value}'\n",
    ),
    "data_outside_flows": (
        "VALUE = json.loads(Path('settings/values.json').read_text())",
        "settings/values.json",
        '["{value}"]',
    ),
    "data_in_flows": (
        "VALUE = Path(__file__).with_name('values.txt').read_text().strip()",
        "flows/values.txt",
        "{value}",
    ),
    "python_read_as_text": (
        "VALUE = Path('flows/shared/text.py').read_text().split(chr(39))[1]",
        "flows/shared/text.py",
        "# '{value}'\n",
    ),
    "python_executed": (
        "exec(Path('flows/shared/executed.py').read_text())",
        "flows/shared/executed.py",
        "VALUE = '{value}'\n",
    ),
    "python_run_as_a_script": (
        "VALUE = runpy.run_path('flows/shared/script.py')['X']",
        "flows/shared/script.py",
        "X = '{value}'\n",
    ),
    "program_that_is_called": (
        "VALUE = subprocess.run([sys.executable, 'tool.py'], capture_output=True, text=True).stdout.strip()",
        "tool.py",
        "print('{value}')\n",
    ),
    "decorator_of_ones_own": (
        "from flows.shared.decorators import ours\n\n@ours\ndef inner(): pass\n\nVALUE = inner.description",
        "flows/shared/decorators.py",
        "from prefect import flow\n\ndef ours(function):\n    return flow(description='{value}')(function)\n",
    ),
    "body_of_another_flow": (
        "from flows.another import another\nVALUE = another.fn()",
        "flows/another.py",
        "from prefect import flow\n\n@flow\ndef another():\n    '''Another.'''\n    return '{value}'\n\n"
        "deployments = [another.to_deployment(name='hourly', tags=['owner:team'])]\n",
    ),
    "import_inside_a_function": (
        "def value():\n    from flows.shared.lazy import X\n    return X\n\nVALUE = value()",
        "flows/shared/lazy.py",
        "X = '{value}'\n",
    ),
    "everything_of_a_module": ("from flows.shared.star import *", "flows/shared/star.py", "VALUE = '{value}'\n"),
    "attribute_made_when_asked_for": (
        "from flows.shared import dynamic\nVALUE = dynamic.ANYTHING",
        "flows/shared/dynamic.py",
        "def __getattr__(name):\n    return '{value}'\n",
    ),
}


@pytest.fixture(scope="module")
def repository(prefect_server, tmp_path_factory) -> Iterator[Repository]:
    """A repository with a flow for each kind of use, and one beside them, registered."""
    repository = Repository(tmp_path_factory.mktemp("edits"), "DataFlows-Edits")
    repository.flow("beside")
    repository.file("flows/shared/plugins/__init__.py", "")
    for name, (code, file, content) in USES.items():
        repository.file(f"flows/{name}.py", FLOW.format(name=name, code=code))
        repository.file(file, content.format(value="first"))
    repository.register()
    yield repository
    for each in repository.held().values():
        repository.ask(f"deployments/{each['id']}", "DELETE")


@pytest.mark.parametrize("name", USES)
def test_an_edit_writes_exactly_the_deployment_that_it_changes(repository, name):
    _, file, content = USES[name]
    repository.file(file, content.format(value="second"))
    assert repository.actions() == {f"{name}/hourly": "update: description"}
    assert "second" in repository.held()[f"{name}/hourly"]["description"]
    assert repository.actions() == {}
    assert repository.actions(full=True) == {}


def test_a_plugin_that_is_added_or_removed_is_an_edit_too(repository):
    added = repository.root / "flows/shared/plugins/more.py"
    for change in (lambda: added.write_text("X = 'more'\n"), added.unlink):
        change()
        assert repository.actions() == {"plugins_found_in_a_folder/hourly": "update: description"}


def test_an_edit_that_changes_nothing_that_is_registered_writes_nothing(repository):
    path = repository.root / "flows/beside.py"
    path.write_text(path.read_text().replace("deployments =", "def unused():\n    return 1\n\n\ndeployments ="))
    repository.file("flows/shared/nobodys.py", "X = 1\n")
    assert repository.actions() == {}


SCHEMA = "parameter_openapi_schema.properties.days"


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("days: int = 1", "days: int = 2", f"{SCHEMA}.default"),
        ("days: int = 1", "days: str = '1'", f"{SCHEMA}.default, {SCHEMA}.type"),
        ("How many.", "How many days.", f"{SCHEMA}.description"),
        ("Flow beside", "A flow beside", "description"),
        ("tags=[", "tags=['x', ", "tags"),
        ("tags=[", "parameters={'days': 3}, tags=[", "parameters.days"),
        ("tags=[", "job_variables={'cpu': 512, 'memory': 1024}, tags=[", "job_variables.cpu, job_variables.memory"),
        ("tags=[", "concurrency_limit=3, tags=[", "concurrency_limit, concurrency_options"),
        ("tags=[", "enforce_parameter_schema=False, tags=[", "enforce_parameter_schema"),
        ("tags=[", "paused=True, tags=[", "paused"),
        ("5 * * * *", "6 * * * *", "schedule"),
        ('timezone="UTC"', "timezone='Europe/Dublin'", "schedule"),
        ('timezone="UTC"', "timezone='UTC', parameters={'days': 2}", "schedule"),
    ],
)
def test_what_changed_is_named(repository, old, new, changed):
    path = repository.root / "flows/beside.py"
    before = path.read_text()
    path.write_text(before.replace(old, new))
    done = repository.actions(dry_run=True)
    path.write_text(before)
    assert done == {"beside/hourly": f"update: {changed}"}
