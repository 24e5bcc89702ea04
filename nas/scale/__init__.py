"""Members of a network's family, by size or by target."""

from nas._callable import make_callable

make_callable(__name__)
