"""The trainings of ``nas proxy``: each network by the proxy, in full, and at tried fidelities."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from nas.search.samplers.domain import candidate_seed
from results.candidate import FULL, Candidate, State
from results.comparison import Comparison
from results.proxy_report import find_report
from reward.objective import Objective
from search_space.architecture import Architecture


class ProxyTrainings:
    """The further trainings of each network, due once its first one is complete.

    It is the :class:`nas.search.confirmation.Repeats` of a comparison. A network is trained in full
    and at each tried fidelity before the next network begins, so that a comparison that is cut
    short has whole pairs. Some networks, spread evenly over all, are trained by the proxy and in
    full a second time, with other seeds. What failed is not repeated.

    The comparison is over once the interval of the rewards' tau is as narrow as asked for.
    """

    come_first = True

    def __init__(
        self,
        comparison: Comparison,
        networks: Sequence[Architecture],
        known: Iterable[Candidate],
        objective: Objective,
    ) -> None:
        """``networks`` are those planned, in their order; ``known`` are the run's candidates."""
        self._comparison = comparison
        self._places = {network.architecture_id: i for i, network in enumerate(networks)}
        self._objective = objective
        self._candidates = {candidate.number: candidate for candidate in known}
        further = [c for c in self._candidates.values() if c.fidelity is not None]
        self._to_restart = deque(c for c in further if c.state is State.RUNNING)
        self._begun = Counter((c.confirms, c.fidelity) for c in further)
        self._is_enough = self._is_precise()

    def are_due(self) -> bool:
        """Return whether a training is left to start."""
        return bool(self._to_restart) or next(self._due(), None) is not None

    def next(self, reserve_number: Callable[[], int]) -> Candidate | None:
        """Return the next training; it has another seed, unless it was interrupted."""
        if self._to_restart:
            return self._to_restart.popleft()
        due = next(self._due(), None)
        if due is None:
            return None
        candidate, fidelity, place = due
        self._begun[candidate.number, fidelity] += 1
        return Candidate(
            number=reserve_number(),
            state=State.RUNNING,
            architecture=candidate.architecture,
            seed=candidate_seed(candidate.seed, place),
            proposal=candidate.proposal,
            confirms=candidate.number,
            fidelity=fidelity,
        )

    def try_again(self, candidate: Candidate) -> None:
        """Put a training back whose worker was lost."""
        self._to_restart.append(candidate)

    def ended(self, candidate: Candidate) -> None:
        """Take note of any training of the run that ended."""
        self._candidates[candidate.number] = candidate
        if candidate.fidelity == FULL:
            self._is_enough = self._is_precise()

    def are_enough(self) -> bool:
        """Return whether the interval is as narrow as asked for."""
        return self._is_enough

    def _due(self) -> Iterator[tuple[Candidate, str, int]]:
        """Yield the networks to train further, as first trained, and each training's fidelity.

        With them comes its place among those of the network, from 1, which decides its seed: that
        does not depend on how long others take, as its number does.
        """
        for candidate in self._complete():
            begun = Counter(self._begun_of(candidate.number))
            for place, fidelity in enumerate(self._wanted(candidate), 1):
                if begun[fidelity]:
                    begun[fidelity] -= 1
                else:
                    yield candidate, fidelity, place

    def _begun_of(self, number: int) -> dict[str | None, int]:
        return {name: count for (of, name), count in self._begun.items() if of == number}

    def _wanted(self, candidate: Candidate) -> list[str]:
        """Return the fidelities of a network's further trainings, each as often as it has it.

        One that was not planned, but made up for another that failed, is trained once.
        """
        place = self._places.get(candidate.architecture.architecture_id)
        return self._comparison.wanted(place, len(self._places))

    def _complete(self) -> Sequence[Candidate]:
        candidates = (c for c in self._candidates.values() if c.confirms is None)
        complete = (c for c in candidates if c.state is State.COMPLETE)
        return sorted(complete, key=lambda candidate: candidate.number)

    def _is_precise(self) -> bool:
        if self._comparison.precision is None:
            return False
        candidates = self._candidates.values()
        return find_report(candidates, self._comparison, self._objective).is_precise
