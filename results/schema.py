"""The record's two tables, the same for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, MetaData, String, Table, Text

SCHEMA_VERSION = 1

METADATA = MetaData()

RUNS = Table(
    "runs",
    METADATA,
    Column("run_id", String(200), primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("created_at", Double, nullable=False),  # Unix seconds
    Column("settings", Text, nullable=False),  # JSON
)

CANDIDATES = Table(
    "candidates",
    METADATA,
    Column("run_id", String(200), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String(20), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("cause", Text),
    Column("detail", Text),
    Column("accuracy", Double),
    Column("parameters", BigInteger),
    Column("multiply_adds", BigInteger),
    Column("reference_parameters", BigInteger),
    Column("peak_memory_bytes", BigInteger),
    Column("device", Text),  # null where the step was not timed
    Column("timed_image_size", Integer),
    Column("batch_size", Integer),
    Column("micro_batch_size", Integer),
    Column("is_precise", Boolean),
    Column("unsteady", Text),
    Column("inference_time_s", Double),
    Column("image_size", Integer),  # null where it is the run's
    Column("confirms", Integer),  # the candidate that is trained again
    Column("worker", Text),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("architecture", Text, nullable=False),  # the rest is JSON
    Column("proposal", Text, nullable=False),
    Column("samples_s", Text),
    Column("reference_samples_s", Text),
    Column("curve", Text, nullable=False),
    Column("phases_s", Text, nullable=False),
    Column("versions", Text, nullable=False),
)
