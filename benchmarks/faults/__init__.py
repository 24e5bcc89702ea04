"""Searches that are hurt on purpose: kills, stops, a full disk, a database that is away.

:mod:`benchmarks.faults.kinds` does the harm, :mod:`benchmarks.faults.search` plays one search to
its end, :mod:`benchmarks.faults.checks` looks at what is left.
"""
