"""One row of ``nas bench``: a network at an image size and a batch size, measured."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from nas.bench.measure import Answer
from results.step_time_json import step_time_json
from reward.step_time_statistics import median_s


@dataclass(frozen=True)
class Row:
    """``answer`` is None where nothing could be measured; then ``problem`` says why."""

    name: str
    architecture_id: str
    train_size: int
    eval_size: int
    reference: str
    answer: Answer | None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """In the command line's keys; seconds, bytes and images a second, null where not known.

        ``images_per_s`` is in training; ``inference_time_s`` is one image's median latency and
        ``inference_images_per_s`` the rate in batches. ``normalized_step_time`` is relative to the
        reference's step at the same sizes, measured in turn.
        """
        return {
            "name": self.name,
            "architecture_id": self.architecture_id,
            "image_size": {"train": self.train_size, "eval": self.eval_size},
            "reference": self.reference,
            "problem": self.problem,
            **(_measured(self.answer) if self.answer else dict.fromkeys(_MEASURED)),
        }


_MEASURED = (
    "parameters",
    "multiply_adds",
    "step_time_s",
    "step_time_ci_s",
    "normalized_step_time",
    "normalized_step_time_ci",
    "images_per_s",
    "inference_time_s",
    "inference_images_per_s",
    "peak_memory_bytes",
    "device",
    "batch_size",
    "micro_batch_size",
    "steps",
    "is_precise",
    "unsteady",
)


def _measured(answer: Answer) -> dict[str, Any]:
    timed, step_s = answer.step_time, median_s(answer.step_time)
    batch_s = median(answer.batch_latencies_s) if answer.batch_latencies_s else None
    values = {
        **step_time_json(timed),
        "parameters": answer.parameters,
        "multiply_adds": answer.multiply_adds,
        "images_per_s": timed.batch_size / step_s,
        "inference_time_s": median(answer.latencies_s) if answer.latencies_s else None,
        "inference_images_per_s": batch_s and timed.batch_size / batch_s,
        "micro_batch_size": timed.micro_batch_size or timed.batch_size,
        "steps": len(timed.samples_s),
        "is_precise": timed.is_precise,
    }
    return {key: values[key] for key in _MEASURED}
