"""The exception with which a command says in one sentence why it does not continue."""


class Refusal(Exception):  # noqa: N818 - it is no programming error but an answer to the person at the keyboard.
    """One sentence for the user: what was got, what was expected, what to do. `exit_code` is 1 or 2."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code
