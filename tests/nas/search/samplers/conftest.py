"""Samplers over a small space, and made-up results that they are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from nas.search.samplers.domain import Domain, ParameterCount
from nas.search.samplers.registry import TWO_OBJECTIVE_SAMPLERS, SearchProblem, make_sampler
from nas.search.study import Proposal, ProposalStudy
from results.candidate import Candidate, CurvePoint, State
from reward.limits import Limits
from reward.objective import Objective
from reward.step_time.measurement import StepTime
from search_space.space import Space
from search_space.task import Task

COUNT = ParameterCount(Task(4))


class Lab:
    """A space whose accuracies and step times are known functions of the choices.

    Accuracy grows with layers and fused operators, the step time with layers and expansion.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.objective = Objective()

    def domain(self, seed: int = 0, limits: Limits | None = None) -> Domain:
        return Domain(self.space, seed, COUNT, limits.max_parameters if limits else None)

    def proposals(
        self,
        name: str,
        known: list[Candidate] | None = None,
        seed: int = 0,
        limits: Limits | None = None,
    ) -> ProposalStudy:
        problem = SearchProblem(self.domain(seed, limits), self.objective, limits or Limits())
        return ProposalStudy(
            self.space,
            make_sampler(name, problem),
            self.objective,
            known or [],
            limits=limits,
            has_two_objectives=name in TWO_OBJECTIVE_SAMPLERS,
        )

    def evaluated(self, proposal: Proposal, limits: Limits | None = None) -> Candidate:
        """Return the candidate after five epochs; infeasible if it exceeds the limit on S/S0."""
        stages = proposal.architecture.stages
        accuracy = 0.4 + 0.03 * sum(stage.layers for stage in stages)
        accuracy += 0.06 * sum(stage.operator == "fused_mbconv" for stage in stages)
        step_time = 0.3 + 0.1 * sum(stage.layers * stage.expansion for stage in stages)
        max_step_time = limits.max_step_time if limits else None
        is_feasible = max_step_time is None or step_time <= max_step_time
        candidate = Candidate(
            number=proposal.number,
            state=State.COMPLETE,
            architecture=proposal.architecture,
            seed=0,
            proposal=proposal.point,
            accuracy=accuracy,
            parameters=COUNT(proposal.architecture),
            reference_parameters=COUNT(self.space.backbone),
            step_time=StepTime((0.01 * step_time,), (0.01,), 1000, "cpu", 8, 4),
            curve=tuple(CurvePoint(i, 1.0, accuracy * (0.5 + 0.1 * i), i) for i in range(1, 6)),
            started_at=2.0 * proposal.number,
            finished_at=2.0 * proposal.number + 1,
        )
        if is_feasible:
            return candidate
        return replace(candidate, state=State.INFEASIBLE, accuracy=None, curve=())

    def search(
        self, proposals: ProposalStudy, count: int, limits: Limits | None = None
    ) -> list[Candidate]:
        """Evaluate so many candidates one after the other, or fewer if the space is exhausted."""
        ended: list[Candidate] = []
        for _ in range(count):
            proposal = proposals.ask()
            if proposal is None:
                break
            ended.append(self.evaluated(proposal, limits))
            proposals.tell(ended[-1])
        return ended


@pytest.fixture
def lab(tiny_space: Space) -> Lab:
    """Return a lab over the space of 144 networks."""
    return Lab(tiny_space)


@pytest.fixture
def lab_of() -> Callable[[Space], Lab]:
    """Return the constructor of a lab over any space."""
    return Lab
