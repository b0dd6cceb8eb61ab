"""Start the embedded AWS, Snowflake, dbt Cloud and Prefect, and create what must exist before the plan.

Example: python -m scripts.local_stack.supervisor.start
"""

from scripts.local_stack.aws.seed import seed_platform
from scripts.local_stack.supervisor import supervision
from scripts.shared.command import run_command
from scripts.shared.environments import find_environment
from scripts.shared.local_settings import LocalSettings


def main() -> None:
    """Start, wait until all answer, seed."""
    settings = LocalSettings.load()
    supervision.start(settings, lambda message: print(message, flush=True))
    seed_platform(settings, find_environment("local"))
    print(
        f"AWS {settings.aws_endpoint_url}, Snowflake port {settings.snowflake_port}, dbt Cloud {settings.dbt_url}, "
        f"Prefect {settings.prefect_url}"
    )


if __name__ == "__main__":
    run_command(main)
