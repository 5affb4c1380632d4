#!/usr/bin/env python3
"""Adjusts the stock of one SKU, beside any number of other writers and in spite of lost connections.

    adjust.py --dsn DSN --sku SKU --delta N --times K
              [--mode optimistic|pessimistic] [--deadline-ms 5000] [--reason TEXT]

Needs psycopg 3: pip install 'psycopg[binary]==3.*'

The last line of the output counts what was done: {"applied":K,"retries":R}. Exit status:
0 all adjustments are applied;
1 one was refused, since it is against the rules or there is no such SKU; it changed nothing;
2 the arguments are wrong;
3 one failed, or its deadline passed; it changed nothing;
4 it is not known whether the last one was applied.
"""

import argparse
import itertools
import json
import random
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import psycopg
from psycopg.rows import class_row, tuple_row

READ = "SELECT on_hand, reserved, version FROM stanchion_stock.stock WHERE sku = %s"

# Who locks several rows adds ORDER BY sku: two writers that lock in the same order cannot deadlock.
LOCK = READ + " FOR UPDATE"

# The version decides, not the quantity: a quantity that was changed and changed back looks like an unchanged one.
UPDATE = """
    UPDATE stanchion_stock.stock
    SET on_hand = on_hand + %(delta)s, version = version + 1, updated_at = clock_timestamp()
    WHERE sku = %(sku)s AND version = %(version)s"""

# Takes version and time from the row, which is ours since the UPDATE.
RECORD = """
    INSERT INTO stanchion_stock.stock_movements
        (sku, version, kind, on_hand_delta, reserved_delta, reservation_id, reason, at)
    SELECT sku, version, 'adjusted', %(delta)s, 0, NULL, %(reason)s, updated_at
    FROM stanchion_stock.stock WHERE sku = %(sku)s"""

FIND = "SELECT reason FROM stanchion_stock.stock_movements WHERE sku = %s AND version = %s"

# Serialization failure, deadlock, lock timeout: the same transaction may succeed when it is run again.
PASSING = {"40001", "40P01", "55P03"}

FIRST_PAUSE_S = 0.002
LONGEST_PAUSE_S = 0.1
LOCK_TIMEOUT_MS = 1000
CONNECT_TIMEOUT_S = 5


@dataclass(frozen=True)
class Adjustment:
    sku: str
    delta: int
    # Unique, so that the movement can be told from everybody else's.
    reason: str


@dataclass(frozen=True)
class Stock:
    on_hand: int
    reserved: int
    version: int


class Refused(Exception):
    """The adjustment is against the rules; it would be so again."""


class Conflict(Exception):
    """The row has changed since it was read."""


class OutcomeUnknown(Exception):
    """The commit was sent and not answered. If it succeeded, the movement has this version."""

    def __init__(self, version):
        self.version = version


class GaveUp(Exception):
    """The adjustment was not applied, or it is in doubt."""

    def __init__(self, adjustment, doubt, cause):
        self.in_doubt = doubt is not None
        what = f"may be applied, as version {doubt}" if self.in_doubt else "is not applied"
        super().__init__(f"the adjustment {what}: {adjustment.reason}: {cause}".strip())


class Ledger:
    def __init__(self, dsn, mode):
        self.dsn = dsn
        self.attempt = self.attempt_optimistic if mode == "optimistic" else self.attempt_pessimistic
        self.retries = 0
        self.deadline = 0.0
        # The version that the transaction has written, once nothing but its commit is left.
        self.committing = None
        self.connect()

    def connect(self):
        # With autocommit a transaction is open only where the program says so.
        self.conn = psycopg.connect(
            self.dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, row_factory=class_row(Stock)
        )
        # Under READ COMMITTED each statement sees what was committed before it began, also what a lock waited for.
        self.conn.isolation_level = psycopg.IsolationLevel.READ_COMMITTED

    def adjust(self, adjustment, deadline_s):
        """Applies the adjustment once, however often it must try."""
        self.deadline = time.monotonic() + deadline_s
        doubt = None
        for attempt in itertools.count():
            try:
                if self.conn.closed:
                    self.connect()
                if doubt is not None and self.is_recorded(adjustment, doubt):
                    return
                doubt = None
                self.attempt(adjustment)
                return
            except OutcomeUnknown as unknown:
                doubt, cause = unknown.version, unknown.__cause__
            except Conflict as conflict:
                cause = conflict
            except psycopg.errors.CheckViolation as error:
                raise Refused(error.diag.message_primary) from error
            except psycopg.Error as error:
                cause = error
                if not (self.conn.closed or error.sqlstate in PASSING):
                    raise GaveUp(adjustment, doubt, cause) from error
            if self.left_s() <= 0:
                raise GaveUp(adjustment, doubt, f"deadline passed after: {cause}") from cause
            self.retries += 1
            time.sleep(min(pause_s(attempt), self.left_s()))

    def attempt_optimistic(self, adjustment):
        row = self.read(READ, adjustment)
        # Here a person or a program may think for long: there is no transaction, and nobody waits.
        check(row, adjustment)
        with self.transaction():
            self.write(row, adjustment)

    def attempt_pessimistic(self, adjustment):
        with self.transaction():
            row = self.read(LOCK, adjustment)
            # Everybody else waits from here to the commit: no network call, no user code.
            check(row, adjustment)
            self.write(row, adjustment)

    @contextmanager
    def transaction(self):
        self.committing = None
        try:
            with self.conn.transaction():
                # An UPDATE waits for a row's lock as FOR UPDATE does. 0 would mean: wait for ever.
                limit_ms = max(1, min(LOCK_TIMEOUT_MS, int(self.left_s() * 1000)))
                self.conn.execute(f"SET LOCAL lock_timeout = {limit_ms}")
                yield
        except psycopg.Error as error:
            # Before the commit was sent, a lost connection means a rollback. After it, only the ledger knows.
            if self.committing is not None and error.sqlstate not in PASSING:
                raise OutcomeUnknown(self.committing) from error
            raise

    def read(self, statement, adjustment):
        return self.conn.execute(statement, [adjustment.sku]).fetchone()

    def write(self, row, adjustment):
        """Changes the row and appends the movement; to be called in one transaction, as its end."""
        values = {**asdict(adjustment), "version": row.version}
        if self.conn.execute(UPDATE, values).rowcount == 0:
            raise Conflict(f"version {row.version} is no longer the last one")
        self.conn.execute(RECORD, values)
        # From here on only the commit can fail.
        self.committing = row.version + 1

    def is_recorded(self, adjustment, version):
        """Whether a commit of unknown outcome succeeded.

        A SELECT alone could run before the commit does. The transaction in doubt has the row's lock until its end:
        who gets the lock after it can trust what the next statement sees.
        """
        with self.transaction():
            self.read(LOCK, adjustment)
            cursor = self.conn.cursor(row_factory=tuple_row)
            found = cursor.execute(FIND, [adjustment.sku, version]).fetchone()
        return found == (adjustment.reason,)

    def left_s(self):
        return max(0.0, self.deadline - time.monotonic())


def check(row, adjustment):
    if row is None:
        raise Refused(f"there is no SKU {adjustment.sku}")
    on_hand = row.on_hand + adjustment.delta
    if on_hand < row.reserved:
        raise Refused(
            f"{adjustment.delta:+} would leave {on_hand} of {adjustment.sku} on hand, and {row.reserved} are reserved"
        )


def pause_s(attempt):
    """Exponential backoff with full jitter: who conflicted must not come back at the same moment again."""
    return random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempt, 16)))


def arguments():
    parser = argparse.ArgumentParser(description="Adjusts the stock of one SKU.")
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--sku", required=True)
    parser.add_argument("--delta", type=int, required=True)
    parser.add_argument("--times", type=int, required=True)
    parser.add_argument("--mode", choices=["optimistic", "pessimistic"], default="optimistic")
    parser.add_argument("--deadline-ms", type=int, default=5000, help="for each adjustment")
    parser.add_argument("--reason", default="adjusted by example")
    given = parser.parse_args()
    if given.delta == 0 or given.times < 1 or given.deadline_ms < 1:
        parser.error("--delta must not be 0, --times and --deadline-ms must be positive")
    # The ledger takes 200 characters, and the token needs its part.
    if len(given.reason) > 150:
        parser.error("--reason takes at most 150 characters")
    return given


def main():
    given = arguments()
    applied, ledger = 0, None
    try:
        ledger = Ledger(given.dsn, given.mode)
        for _ in range(given.times):
            adjustment = Adjustment(given.sku, given.delta, f"{given.reason} [{uuid.uuid4()}]")
            ledger.adjust(adjustment, given.deadline_ms / 1000)
            applied += 1
        status = 0
    except Refused as refused:
        print(f"refused: {refused}", file=sys.stderr)
        status = 1
    except (GaveUp, psycopg.Error) as failure:
        print(f"failed: {failure}", file=sys.stderr)
        status = 4 if isinstance(failure, GaveUp) and failure.in_doubt else 3
    counts = {"applied": applied, "retries": ledger.retries if ledger else 0}
    print(json.dumps(counts, separators=(",", ":")))
    return status


if __name__ == "__main__":
    sys.exit(main())
