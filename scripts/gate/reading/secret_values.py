"""Recognises secrets by their name, by known formats and by how random they look."""

import math
import re
from collections import Counter

SECRET_NAME = re.compile(
    r"(?:^|_)(?:PASSWORDS?|PASSWD|PWD|PASSPHRASE|SECRETS?|TOKENS?|API_?KEYS?|PRIVATE_?KEYS?|ACCESS_?KEYS?|SECRET_?KEYS?"
    r"|SIGNING_?KEYS?|ENCRYPTION_?KEYS?|CREDENTIALS?|AUTH_?STRING|CONNECTION_?STRING|WEBHOOK)(?:_|$)",
    re.IGNORECASE,
)
# Endings of names that are about a secret but hold none: where it is, or how long it lives.
ABOUT_A_SECRET = re.compile(r"_(?:ARN|SECONDS|MINUTES|HOURS|DAYS|ENABLED|COUNT)$", re.IGNORECASE)

FORMATS = {
    "an AWS access key": r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----|MII[A-Za-z0-9+/]{100,}",
    "a Prefect API key": r"pn[ub]_[A-Za-z0-9]{20,}",
    "a dbt Cloud token": r"dbt[cu]_[A-Za-z0-9_-]{20,}",
    "a GitHub token": r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}",
    "a GitLab token": r"glpat-[\w-]{20,}",
    "a Slack token or webhook": r"xox[abeprs]-[\w-]{10,}|hooks\.slack\.com/services/\w+",
    "a JSON web token": r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "a Stripe key": r"[sr]k_live_\w{20,}",
    "a Google API key": r"AIza[\w-]{35}",
    "a password in a URL": r"[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/:@]+@",
}
KNOWN = {kind: re.compile(pattern) for kind, pattern in FORMATS.items()}

# Random by nature and no secret: ids in addresses, digests, and the public key in a Sentry DSN.
HARMLESS = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|sha256:[0-9a-f]{64}|https://[0-9a-f]{32}@[\w.-]*sentry[\w.-]*",
    re.IGNORECASE,
)
DIGEST_NAME = re.compile(r"(?:^|_)(?:COMMIT|DIGEST|RELEASE|REVISION|SHA|SHA1|SHA256|VERSION)(?:_|$)", re.IGNORECASE)
# A slash is part of base64 when it is the whole value; otherwise it separates the parts of a path.
TOKEN = re.compile(r"^[A-Za-z0-9+/=]{20,}$|[A-Za-z0-9+=]{20,}")
HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")


def looks_like_secret_name(name: str, value: str) -> bool:
    """Whether a setting of this name should have been a secret. ARNs, switches and empty values are not."""
    if value.startswith("arn:") or value.lower() in {"", "true", "false"} or ABOUT_A_SECRET.search(name):
        return False
    return bool(SECRET_NAME.search(name))


def secret_kind(name: str, value: str) -> str | None:
    """What kind of secret the value looks like, without any part of it; None if it looks like a setting."""
    for kind, pattern in KNOWN.items():
        if pattern.search(value):
            return kind
    rest = HARMLESS.sub(" ", value)
    if not DIGEST_NAME.search(name) and any(_is_random(token) for token in TOKEN.findall(rest)):
        return "a value as random as a secret"
    return None


def _is_random(token: str) -> bool:
    """Long hexadecimal, or letters of both cases mixed with digits at more than 3.7 bits a character."""
    if HEX.fullmatch(token):
        return _bits(token) > 3
    mixed = all(re.search(group, token) for group in ("[a-z]", "[A-Z]", "[0-9]"))
    return mixed and _bits(token) > 3.7


def _bits(token: str) -> float:
    """Shannon entropy in bits per character."""
    counts = Counter(token).values()
    return -sum(n / len(token) * math.log2(n / len(token)) for n in counts)
