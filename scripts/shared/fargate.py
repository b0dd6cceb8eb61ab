"""The sizes of tasks that Fargate offers; terraform/main.tf reads the same file.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
"""

import json
from pathlib import Path

_SIZES = json.loads(Path(__file__).with_name("fargate_sizes.json").read_text())
# CPU units → the amounts of memory that go with them, in MiB.
MEMORY_MIB: dict[int, list[int]] = {size["cpu"]: size["memory_mib"] for size in _SIZES}
