"""A property that is computed once, without the lock of `functools.cached_property` in Python 3.11.

The lock takes longer than most properties of an event, and a stream has thousands of events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class once_property(Generic[T]):
    """Computes a value when it is first read, and keeps it in the object's `__dict__`.

    Two threads that read it at the same time may both compute it: the function must return equal values.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        value: T = self._compute(instance)
        instance.__dict__[self._name] = value
        return value
