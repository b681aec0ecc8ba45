"""Imported once by the process that forks the tests' processes, so that each of them starts in milliseconds."""

import alembic.migration
import alembic.script
import optuna.storages
import optuna.storages._rdb.models
import psycopg
import rich.console
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite
import torch._dynamo  # what an optimizer imports
import typer.core
import typer.rich_utils
from sqlalchemy.orm import configure_mappers

import hpsearch.cli.worker
import hpsearch.reporting.figures
import hpsearch.worker.trainer
import tests.creating_process
import tests.forked_workers
import tests.scripted_worker

__all__ = ["alembic", "hpsearch", "optuna", "psycopg", "rich", "sqlalchemy", "tests", "torch", "typer"]

configure_mappers()
