"""Why a declaration or a file cannot be used. A refused file is set aside and the run goes on without it."""

from flows.shared.errors import DataFlowsError


class DeclarationError(DataFlowsError):
    """A data set is declared in a way that cannot work; the message lists every problem. It costs the run."""


class FileRefusedError(DataFlowsError):
    """A landing file cannot be read as its data set; the message says what was got and what was expected.

    It does not name the file: whoever reads files adds the name, once.
    """
