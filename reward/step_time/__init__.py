"""The training step time S: what is measured, against what, and when the result counts.

This page is the protocol; the files of this folder carry it out, and ``docs/step-time.md`` holds
the measurements behind each decision.

**What is timed.** One training step on one batch: forward, backward, optimizer. Data loading,
augmentation, and validation are outside. The step is training's own, with the same optimizer,
precision (bfloat16 autocast on a GPU that computes with it, float32 on a CPU), memory format
(channels last), batch size, and image size. A batch that does not fit into memory is processed in
micro-batches, gradients accumulated; the time is still that of the whole batch.

**Against what.** Each timed step of the candidate is followed directly by one step of a *reference
network*, the space's backbone, in the same process and on the same kind of batch. Such a *pair*
gives one ratio. S/S0 is the median of the pairs' ratios (:func:`.measurement.normalized`), so a
machine that slows down or speeds up between two pairs cancels, and candidates that were timed on
different machines of one kind are comparable. The interval is 95 %, by order statistics, and
assumes no distribution.

**By which clock** (:mod:`.clocks`). On a CPU the process's own CPU time, on one thread, in a
process that was started under the allocator's settings (:mod:`.allocator`): by default glibc
returns large buffers to the kernel at each step, which biases the ratio. On a GPU the time between
two CUDA events, each step beginning with an empty queue, and as a CUDA graph: an eager step of a
small network would measure how fast the host launches kernels. A step that cannot be captured is
eager, and so is then the reference's beside it. Python's garbage collector is off during a pair.
How the steps ran is kept with the result (:class:`.measurement.Conditions`).

**When.** In a search the candidate is timed *within its own training*
(:mod:`.within_training`), in a few rows of pairs, so that only the reference's steps cost extra
time. The first row is always taken. A further row begins only if all pairs so far, with it, stay
within 3.5 % of the time since training began (7 % while pairs scatter). Where S must be known
before training (a limit, a pruner), and in ``nas bench``, the step is timed *standing alone*
(:mod:`.standalone`) at learning rate 0, until a time cap at the latest. Both stop once the interval
is as narrow as :class:`.paired.Precision` asks: 1 % on a GPU, 2 % on a CPU.

**Beside other candidates** (:mod:`.lease`). Where several processes share a GPU, one that takes a
row of pairs, or times standing alone, is the only one that works there meanwhile.

**Warm-up** (:mod:`.warmup`). A process first fills the holes that imports left in its heap, builds
the reference network, and trains a few small networks that are then dropped, so that the first
candidate of a worker finds the same memory as all later ones. The first steps of training are not
timed.

**What can disturb it.** Other work on the machine. In a search, a pair in which the reference took
much longer than its usual step (:class:`.paired.UsualStep`) is set aside and taken again; standing
alone, a disturbed measurement is repeated once. What remains is tested
(:func:`.measurement.unsteadiness`): the ratio drifts, the pairs scatter, the machine changes its
speed. Such a result keeps its value and carries a mark, ``unsteady``, everywhere it is shown.

**How well it repeats.** On a 2-core CPU the coefficient of variation of S/S0 over processes is
about 0.5 to 1 %, alone or beside a busy neighbour; a search's S and a later ``nas bench`` of the
same network agree within 3 % as a rule. On a GPU: see ``docs/step-time.md``.

Measured with it, though not part of S: peak memory of the step and inference latency
(:mod:`.memory_and_latency`).

This package imports nothing of ``nas``. A training step is a protocol, :class:`.paired.TimedStep`,
and whoever measures passes a factory of such steps. :mod:`.measurement` imports no torch either.
"""
