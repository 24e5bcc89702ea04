"""The measurement of single networks."""

from nas._callable import make_callable

make_callable(__name__)
