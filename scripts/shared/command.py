"""How every command of the Makefile reads its arguments and ends (docs/decisions/0014-commands.md)."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable

from scripts.shared.refusal import Refusal

# Errors of httpx and botocore, by name: importing either costs every command half a second.
UNREACHABLE = {
    *("ConnectError", "ConnectTimeout", "ReadTimeout"),
    *("EndpointConnectionError", "ConnectTimeoutError", "NoCredentialsError", "PartialCredentialsError"),
    *("ProxyError", "ProxyConnectionError", "ReadTimeoutError", "SSLError", "ConnectionClosedError"),
    # A session of `aws sso login` that has expired or was never begun, and a profile that is not there.
    *("UnauthorizedSSOTokenError", "SSOTokenLoadError", "TokenRetrievalError", "CredentialRetrievalError"),
    *("ProfileNotFound",),
}


def command_parser(docstring: str | None) -> ArgumentParser:
    """A parser whose --help shows the command's docstring as it is written. Options cannot be abbreviated."""
    return ArgumentParser(description=docstring, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False)


def run_command(main: Callable[[], int | None]) -> None:
    """Run a command's `main` and end the process: its exit code, or a refusal's sentence on stderr with its code."""
    try:
        code = main() or 0
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        code = refusal.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except Exception as error:
        if type(error).__name__ not in UNREACHABLE:
            raise
        print(f"Cannot continue: {error}. Expected a reachable server and valid credentials.", file=sys.stderr)
        code = 2
    sys.exit(code)
