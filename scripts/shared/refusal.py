"""The one way a command says that it cannot or will not go on."""

import gc
import sys
from collections.abc import Callable

# Errors of httpx and botocore, by name: importing either costs every command half a second.
UNREACHABLE = {
    *("ConnectError", "ConnectTimeout", "ReadTimeout"),
    *("EndpointConnectionError", "ConnectTimeoutError", "NoCredentialsError", "PartialCredentialsError"),
}


class Refusal(Exception):  # noqa: N818 - it is no programming error but an answer to the person at the keyboard.
    """One sentence for the user: what was got, what was expected, what to do. `exit_code` is 1 or 2."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_command(main: Callable[[], int | None]) -> None:
    """Run a command's `main` and end the process: its exit code, or a refusal's sentence on stderr with its code."""
    try:
        code = main() or 0
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        code = refusal.exit_code
    except Exception as error:
        if type(error).__name__ not in UNREACHABLE:
            raise
        print(
            f"Cannot go on: {error}. Is what it speaks of running, and do you have credentials for it?", file=sys.stderr
        )
        code = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    gc.freeze()  # Python would search all that was imported for garbage once more, 0.03 s.
    sys.exit(code)
