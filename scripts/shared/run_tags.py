"""Tags of deployments that registration and agent understand (docs/writing-flows.md)."""

import re

ON_CALL = "on-call"
NO_RESTART = "restart:never"
RETRY_OUT_OF_MEMORY = "retry:out-of-memory"
LATE_ONCE = "late:once"
# Of a run that `make try` executes, which has no deployment and no ECS task.
TRY = "try"
RUN_UP = re.compile(r"run:up(?::(\d{1,4}))?")
TIME_LIMIT = re.compile(r"time-limit:([1-9][0-9]*)(m|h|d)")
# What comes before the colon: which tags there are, and what to write.
FORMS = {
    "time-limit": (TIME_LIMIT, "<minutes, hours or days>, such as time-limit:90m, time-limit:2h or time-limit:1d"),
    **{
        tag.partition(":")[0]: (re.compile(tag), tag.partition(":")[2])
        for tag in (NO_RESTART, RETRY_OUT_OF_MEMORY, LATE_ONCE)
    },
}
