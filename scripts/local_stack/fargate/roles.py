"""Credentials of the embedded Fargate: it assumes execution roles itself and hands each task those of its role."""

import hmac
import json
import secrets
import threading
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError
from moto.iam.models import iam_backends

from scripts.shared import embedded_clients

ECS_TASKS = "ecs-tasks.amazonaws.com"
LIFETIME_SECONDS = 3600
ANY_REGION = "us-east-1"  # moto's STS is one for all.
# botocore asks anew 15 minutes before the end; what it gets then must live longer than that.
RENEW_BEFORE = timedelta(minutes=20)


class RoleError(Exception):
    """A role cannot be assumed by ECS tasks: it does not exist, or does not trust them."""


class Roles:
    """Assumes roles in the embedded STS, as the principal ecs-tasks.amazonaws.com."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._lock = threading.RLock()
        self._clients: dict[tuple[str, str, str], tuple[datetime, Any]] = {}

    def assume(self, role_arn: str, session_name: str) -> dict[str, Any]:
        """Return STS credentials (AccessKeyId, SecretAccessKey, SessionToken, Expiration); raise RoleError."""
        _require_trust(role_arn)
        with self._lock:
            sts = embedded_clients.client(self._endpoint_url, "sts", ANY_REGION, access_key=ECS_TASKS)
        try:
            answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name, DurationSeconds=LIFETIME_SECONDS)
        except ClientError as error:
            raise RoleError(f"ECS was unable to assume the role '{role_arn}': {error}") from None
        credentials: dict[str, Any] = answer["Credentials"]
        return credentials

    def client(self, service: str, region: str, role_arn: str) -> Any:
        """Return a client of `service` in `region` that calls as `role_arn`; raise RoleError."""
        _require_trust(role_arn)  # Every time: the role may have been destroyed since its last use.
        with self._lock:
            expires, client = self._clients.get((service, region, role_arn), (datetime.min.replace(tzinfo=UTC), None))
            if expires - datetime.now(UTC) < RENEW_BEFORE:
                found = self.assume(role_arn, "ecs-execution")
                expires = found["Expiration"]
                client = embedded_clients.client(
                    self._endpoint_url,
                    service,
                    region,
                    access_key=found["AccessKeyId"],
                    secret_key=found["SecretAccessKey"],
                    token=found["SessionToken"],
                )
                self._clients[service, region, role_arn] = (expires, client)
            return client


class TaskCredentials:
    """What the credentials endpoint answers for one task."""

    def __init__(self, roles: Roles, task_id: str, role_arn: str | None) -> None:
        self.token = secrets.token_urlsafe(32)
        self._roles = roles
        self._task_id = task_id
        self._role_arn = role_arn
        self._lock = threading.Lock()
        self._current: dict[str, Any] | None = None

    def answer(self, authorization: str) -> tuple[HTTPStatus, bytes]:
        """Return the status and JSON body that the container credentials protocol expects."""
        if not hmac.compare_digest(authorization.encode(), self.token.encode()):
            return _refusal(HTTPStatus.UNAUTHORIZED, "The authorization token is not the task's own.")
        if not self._role_arn:
            return _refusal(HTTPStatus.NOT_FOUND, "The task has no task role.")
        with self._lock:
            try:
                if not self._current or self._current["Expiration"] - datetime.now(UTC) < RENEW_BEFORE:
                    self._current = self._roles.assume(self._role_arn, self._task_id)
            except RoleError as error:
                return _refusal(HTTPStatus.FORBIDDEN, str(error))
            found = self._current
        body = {
            "RoleArn": self._role_arn,
            "AccessKeyId": found["AccessKeyId"],
            "SecretAccessKey": found["SecretAccessKey"],
            "Token": found["SessionToken"],
            "Expiration": found["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return HTTPStatus.OK, json.dumps(body).encode()


def _refusal(status: HTTPStatus, message: str) -> tuple[HTTPStatus, bytes]:
    return status, json.dumps({"code": status.phrase.replace(" ", ""), "message": message}).encode()


def _require_trust(role_arn: str) -> None:
    parts = role_arn.split(":")
    if len(parts) < 6:
        raise RoleError(f"ECS was unable to assume the role '{role_arn}': it is no role ARN.")
    roles = {role.arn: role for role in iam_backends[parts[4]][parts[1]].get_roles()}
    if role_arn not in roles:
        raise RoleError(f"ECS was unable to assume the role '{role_arn}': it does not exist.")
    statements = json.loads(roles[role_arn].assume_role_policy_document)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        services = statement.get("Principal", {}).get("Service", [])
        if statement["Effect"] == "Allow" and ECS_TASKS in ([services] if isinstance(services, str) else services):
            return
    raise RoleError(f"ECS was unable to assume the role '{role_arn}': its trust policy does not name {ECS_TASKS}.")
