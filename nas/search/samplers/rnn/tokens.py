"""The choices of a space as a sequence of tokens, in which a recurrent policy decides them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nas.search.samplers.domain import Domain
from search_space.choices import Option
from search_space.space import Point

SKIPPED = -1
"""The code of a token that is not decided, as its stage is left out."""


@dataclass(frozen=True)
class Token:
    """A choice with several options.

    ``switch`` is the place of an earlier token, that of the layers of the choice's stage. Where
    that one takes the option ``off_code``, no layers, this token is skipped.
    """

    choice: str
    options: tuple[Option, ...]
    switch: int | None = None
    off_code: int = 0

    def is_skipped(self, codes: Sequence[int]) -> bool:
        """Return whether the codes of the tokens before leave the stage out."""
        return self.switch is not None and codes[self.switch] == self.off_code


class Tokens(tuple[Token, ...]):
    """The tokens of a space in the order in which they are decided.

    It is the order of the space's choices, but a stage that can be left out decides its layers
    first, and if they are 0, nothing else. So each network has one sequence, and its probability is
    the product of its tokens'. A choice without an alternative is no token.
    """

    @classmethod
    def of(cls, domain: Domain) -> Tokens:
        """Return the tokens of a domain's space."""
        options = domain.options
        switches = {choice: switch for switch in options for choice in domain.absent({switch: 0})}
        places = {choice: float(place) for place, choice in enumerate(options)}
        for choice, layers in switches.items():
            places[layers] = min(places[layers], places[choice] - 0.5)
        tokens: dict[str, Token] = {}
        for choice in sorted(options, key=places.__getitem__):
            switch = switches.get(choice)
            is_never_there = switch is not None and options[switch] == (0,)
            if len(options[choice]) == 1 or is_never_there:
                continue
            if switch is None:
                tokens[choice] = Token(choice, options[choice])
            else:
                place, off_code = list(tokens).index(switch), options[switch].index(0)
                tokens[choice] = Token(choice, options[choice], place, off_code)
        return cls(tokens.values())

    def encode(self, point: Point) -> list[int]:
        """Return the index of the option that each token takes in a point, or ``SKIPPED``."""
        codes: list[int] = []
        for token in self:
            is_skipped = token.is_skipped(codes)
            codes.append(SKIPPED if is_skipped else token.options.index(point[token.choice]))
        return codes

    def decode(self, codes: Sequence[int]) -> Point:
        """Return the tokens' choices; those that are skipped take their first option."""
        pairs = zip(self, codes, strict=True)
        return {token.choice: token.options[max(code, 0)] for token, code in pairs}
