"""What the end-to-end tests see of the outside: AWS calls as IAM sees them, and processes of this machine."""

import os

import psutil


def iam_view(call):
    """A recorded call as IAM sees it: the action's name there, and the ARNs of what it is about."""
    action = {"ListObjectsV2": "ListBucket", "HeadObject": "GetObject"}.get(call["action"], call["action"])
    here = f"{call['service']}:eu-west-1:123456789012"
    arns = {
        resource
        if resource.startswith("arn:")
        else {
            "s3": f"arn:aws:s3:::{resource}",
            "sqs": f"arn:aws:{here}:{resource.rpartition('/')[2]}",
            "logs": f"arn:aws:{here}:log-group:{resource}:log-stream:flow/prefect/1",
            "ecr": f"arn:aws:{here}:repository/{resource.rpartition('/')[2].partition('@')[0]}",
        }[call["service"]]
        for resource in call["resource"].split()
    }
    return f"{call['service']}:{action}", arns


def processes_of(directory):
    """Command lines of the processes that have the stack's folder in their command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and (
                directory in " ".join(process.cmdline())
                or any(directory in value for value in process.environ().values())
            ):
                found.append(process.cmdline())
        except psutil.Error:
            continue
    return found
