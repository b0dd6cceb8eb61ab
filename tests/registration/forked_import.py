"""Flow files imported anew as `FlowImport` does it, without the seconds that its process needs to import Prefect."""

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from scripts.registration.flow_description import describe_files
from scripts.registration.flow_import import Imported, combine_answers, source_problems
from scripts.shared.flow_files import flow_files


def imported(root: Path) -> Imported:
    """What the flow files below `root` hold: a server that has imported Prefect forks a process for each call."""
    files = [path.relative_to(root).as_posix() for path in flow_files(root)]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["scripts.registration.flow_description"])
    with ProcessPoolExecutor(1, context) as pool:
        answers = pool.submit(_described, root, files).result()
    return combine_answers(dict(zip(files, answers, strict=True)), source_problems(root))


def _described(root: Path, files: list[str]) -> list[dict[str, list[Any]]]:
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(root))
    os.chdir(root)
    for name in [name for name in sys.modules if name.partition(".")[0] == "flows"]:
        del sys.modules[name]
    return list(describe_files(root, 60, files))
