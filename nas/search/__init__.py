"""The search: candidates are proposed, evaluated and recorded."""

from nas._callable import make_callable

make_callable(__name__)
