"""The Ray Tune trainable: a worker process that evaluates one candidate after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from ray import tune

from nas.search.evaluator import Evaluation, Evaluator, failure
from results.candidate import Candidate, State


class CandidateTrial(tune.Trainable):
    """One candidate at a time, a Tune iteration an epoch; reused, so that torch is imported once.

    ``config["candidate"]`` is what to evaluate, every result's ``"candidate"`` how it stands.
    """

    def setup(self, config: dict[str, Any], evaluation: Evaluation | None = None) -> None:
        """Loads the data onto the device. Tune calls it once a process."""
        assert evaluation is not None
        is_on_gpu = torch.cuda.is_available()
        if not is_on_gpu:
            torch.set_num_threads(1)  # what the CPU's step time is measured with
        device = torch.device("cuda" if is_on_gpu else "cpu")
        try:
            self._evaluator: Evaluator | None = Evaluator(evaluation, device)
        except Exception as error:  # data or a backbone that does not fit: the candidate's failure
            self._evaluator, self._error = None, error
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next candidate; True tells Tune that the process can be reused."""
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Goes on to the candidate's next epoch."""
        candidate = next(self._progress)
        return {"candidate": candidate, tune.result.DONE: candidate.state is not State.RUNNING}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: an interrupted candidate begins anew, as an uninterrupted one would."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing to load."""

    def _begin(self, config: dict[str, Any]) -> None:
        candidate: Candidate = config["candidate"]
        if self._evaluator is None:
            cause, detail = failure(self._error)
            ended = replace(candidate, state=State.FAILED, cause=cause, detail=detail)
            self._progress: Iterator[Candidate] = iter([ended])
        else:
            self._progress = self._evaluator.evaluate(candidate)
