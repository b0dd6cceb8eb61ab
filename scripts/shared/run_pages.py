"""Addresses at which a person sees a flow run: Prefect's page of it and CloudWatch's page of its task's log."""


def ui_url(api_url: str) -> str:
    """Address of Prefect's pages, from that of its API."""
    api = api_url.rstrip("/").removesuffix("/api")
    return (
        api.replace("://api.", "://app.").replace("/api/accounts/", "/account/").replace("/workspaces/", "/workspace/")
    )


def run_url(ui: str, run: object) -> str:
    """Prefect's page of a run."""
    return f"{ui}/runs/flow-run/{run}"


def log_url(region: str, log_group: str, task: object) -> str:
    """CloudWatch's page of the log of a flow run's task. CloudWatch wants / twice escaped, with $ for %."""
    page = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logsV2:log-groups/log-group"
    return f"{page}/{log_group.replace('/', '$252F')}/log-events/flow$252Fprefect$252F{task}"
