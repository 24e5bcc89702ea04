"""``nas proxy``: whether the short trainings of a search rank networks as long ones do."""

from nas._callable import make_callable

make_callable(__name__)
