"""One source, two ways to run: plain functions of numbers, compiled as they are.

:func:`compiled` takes modules whose functions know only numbers, arrays and each other, and gives back the
same functions compiled by numba. Nothing is written twice: the code object of each is what the engine runs.
There is no ``fastmath``: the compiled functions round as Python does, and dividing by nothing raises. Only a
root or logarithm of less than nothing, which Python refuses, is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

from bot.errors import UsageError

MISSING = "the batch kernel needs numba: pip install 'pegbot[kernel]', or --no-kernel to do without"


def _numba() -> Any:
    """The library, loaded. UsageError where it is not installed."""
    try:
        import numba
    except ImportError:
        raise UsageError(MISSING) from None
    return numba


def require() -> None:
    """UsageError where nothing can be compiled: to be asked before work that would end in it."""
    if find_spec("numba") is None:
        raise UsageError(MISSING)


@cache
def compiled(*modules: ModuleType) -> SimpleNamespace:
    """The functions of these modules, compiled when first called, under their own names.

    A function of one that another uses is the compiled one there too. UsageError without numba.
    """
    njit: Callable[..., Any] = _numba().njit
    ready: dict[Any, Any] = {}
    scopes: dict[str, dict[str, Any]] = {module.__name__: dict(vars(module)) for module in modules}
    for module in modules:
        scope = scopes[module.__name__]
        for function in _functions(module):
            plain = FunctionType(
                function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
            )
            plain.__module__ = module.__name__
            ready[function] = njit(plain)
    for scope in scopes.values():
        for name, value in scope.items():
            if isinstance(value, FunctionType) and value in ready:
                scope[name] = ready[value]
    return SimpleNamespace(**{function.__name__: done for function, done in ready.items()})


def _functions(module: ModuleType) -> list[FunctionType]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    ]
