"""Networks for use without this library."""

from nas._callable import make_callable

make_callable(__name__)
