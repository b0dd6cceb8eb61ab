"""Python imports this at the start of each process of a task, because the image has its folder in PYTHONPATH.

Prefect executes a flow run in a process of its own, in which nothing of ours runs before the flow's file is loaded.
"""

import os
import sys

if os.environ.get("SENTRY_DSN") and sys.orig_argv[-2:] == ["-m", "prefect.engine"]:
    from scripts.sentry.watching import watch_loaded_flows

    watch_loaded_flows()
