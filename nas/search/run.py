"""Run a prepared search: start the workers, show progress, and write the result files."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from optuna.samplers import BaseSampler

from nas.cluster import Cluster, ray_cluster
from nas.cluster_pulse import saying_how_to_go_on
from nas.errors import UserError
from nas.search.confirmation import (
    Baseline,
    ConfirmationPlan,
    FindDueConfirmations,
    due_confirmations,
)
from nas.search.deadline import Deadline
from nas.search.driver import SearchDriver
from nas.search.evaluator import EvaluationSettings
from nas.search.failure_limit import FailureLimit
from nas.search.patient_record import PATIENCE_S, PatientRecord, take_in
from nas.search.prepare import PreparedSearch
