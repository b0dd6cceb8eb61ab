"""How methods of moto and fakesnow are replaced in this process."""

from collections.abc import Callable
from functools import wraps
from typing import Any

Original = Callable[..., Any]  # The method that is replaced; its replacement gets it as the first argument.


def replace(
    owner: Any, name: str, function: Callable[..., Any], wrapper: Callable[..., Any] = lambda replaced: replaced
) -> None:
    """Replace a method of a class, or a function of a module, by one that gets the original as its first argument.

    `wrapper` is `staticmethod` for a static method.
    """
    original = getattr(owner, name)

    @wraps(original)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        return function(original, *args, **kwargs)

    setattr(owner, name, wrapper(replaced))


def add(owner: type, name: str, attribute: Any) -> None:
    """Give a class a method or property, or another one in place of its own."""
    setattr(owner, name, attribute)
