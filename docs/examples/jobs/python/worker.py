#!/usr/bin/env python3
"""Does the jobs of one queue of a Stanchion server, one at a time, until it is told to stop.

    STANCHION_KEY=stn_… worker.py --url http://127.0.0.1:8080 --queue mail [--name NAME] [--lease-seconds 8]

Needs Python 3.9 and nothing else. The key has the scope jobs:work. At Ctrl-C or SIGTERM a handler that looks or sleeps by its
attempt gives the job back, which costs it no attempt, and any other finishes it, however long that takes; a second signal ends
the program at once. Exit status: 0 it was told to stop; 1 it is broken; 2 the arguments are wrong, or the server refuses the key.

What a job does to the world can happen twice: a worker that was cut off may have done it before its lease was lost. Pass
job["id"] on as the idempotency key, as the handlers below do.
"""

import argparse
import http.client
import itertools
import json
import math
import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
WAIT_SECONDS = 10
CLAIM_TIMEOUT_S = 30
TELL_TIMEOUT_S = 5
# The server keeps no more of a message.
LONGEST_MESSAGE = 2000

SIGNALS = (signal.SIGINT, signal.SIGTERM)

# Nobody will be told of the job any more.
GONE = {404: "the job is gone", 409: "lease lost"}
# Refusals that end by themselves, or by somebody who mends the key: they say nothing of the job.
PASSING = {401, 403, 408, 425, 429}


class Permanent(Exception):
    """No other attempt will do better: the job becomes a dead letter."""


class RetryAfter(Exception):
    """The job is tried again after so many seconds."""

    def __init__(self, seconds, message):
        super().__init__(message)
        # The server takes whole ones.
        self.seconds = math.ceil(seconds)


class Stopped(Exception):
    """What ran ended since it was asked to."""


class Problem(Exception):
    """The server did not do it. The status is 0 when it said nothing, or nothing that can be understood."""

    def __init__(self, message, status=0, retry_after=""):
        super().__init__(message)
        self.status = status
        # It may be a date: then our own pauses have to do.
        self.retry_after_s = float(retry_after) if retry_after.isdecimal() else 0.0

    def is_refusal(self):
        return 400 <= self.status < 500


class Stop:
    """What a signal asks for. It cuts off a claim that waits; a job in hand is left to its handler."""

    def __init__(self):
        self.is_asked = False
        self.has_job = False

    def hear(self, *_):
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self.is_asked = True
        if not self.has_job:
            raise Stopped


class Server:
    def __init__(self, url, key):
        self.url = url.rstrip("/")
        self.key = key

    def post(self, path, body, wanted, timeout_s):
        """Answers the member `wanted` of the answer."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        try:
            request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return json.load(answer)[wanted]
        except urllib.error.HTTPError as error:
            message = f"{error.code} {explanation(error)}"
            raise Problem(message, error.code, error.headers.get("Retry-After", "")) from None
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
            # Nobody is there, the answer was cut, or it is no answer of a Stanchion server.
            raise Problem(f"no answer: {error!r}") from error


def explanation(error):
    try:
        with error:
            problem = json.load(error)
        return f"{problem['type']} {problem.get('detail', '')}"
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return error.reason


def pause_s(failures, problem):
    """How long to wait after so many failures: twice as long each time, or as the server asks, but never long."""
    own_s = FIRST_PAUSE_S * 2 ** min(failures, 16)
    return min(max(own_s, problem.retry_after_s), LONGEST_PAUSE_S)


class Attempt:
    """A job in our hands. A thread keeps its lease, so that a handler that computes loses nothing."""

    def __init__(self, server, job, stop):
        self.server = server
        self.job = job
        self.stop = stop
        self.is_cancelled = False
        # Why it is no longer ours.
        self.lost = None
        self.ended = threading.Event()
        self.progress = None
        self.held_until = time.monotonic() + job["lease_seconds"]

    def tell(self, what, wanted, more, timeout_s=TELL_TIMEOUT_S):
        fence = {"attempt": self.job["attempt"], "lease": self.job["lease"]}
        return self.server.post(f"/v1/jobs/{self.job['id']}/{what}", {**fence, **more}, wanted, timeout_s)

    def beat(self):
        lease_s = self.job["lease_seconds"]
        every_s = lease_s / 3
        due = time.monotonic() + every_s
        while not self.lost and not self.ended.wait(max(0.0, due - time.monotonic())):
            # Counted from where this one begins: when it hangs, the next one still comes within the lease.
            begun = time.monotonic()
            due = begun + every_s
            more = {"lease_seconds": max(1, round(lease_s))}
            progress, self.progress = self.progress, None
            if progress:
                more["progress"] = progress
            try:
                if self.tell("heartbeat", "cancel_requested", more, min(every_s, TELL_TIMEOUT_S)):
                    self.is_cancelled = True
                self.held_until = begun + lease_s
            except Problem as problem:
                print(f"heartbeat of {self.job['id']}: {problem}", file=sys.stderr)
                # Otherwise the next one may come through before the lease is over.
                self.lost = GONE.get(problem.status)

    def is_over(self):
        """Whether the lease is over by our own clock."""
        return time.monotonic() > self.held_until

    def look(self):
        """Ends the handler when somebody wants that."""
        if self.lost or self.is_cancelled or self.stop.is_asked:
            raise Stopped

    def sleep(self, seconds):
        """Waits, and looks meanwhile."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()
            time.sleep(min(0.05, max(0.0, until - time.monotonic())))


def greet(attempt, args):
    print(f"greets {args['name']}, idempotency key {attempt.job['id']}", flush=True)


def flaky(attempt, args):
    if attempt.job["failures"] < args["failures"]:
        raise RetryAfter(0, "not yet")


def slow(attempt, args):
    print(f"begins {attempt.job['id']}", flush=True)
    for percent in range(0, 100, 10):
        attempt.progress = {"percent": percent, "message": "working"}
        attempt.sleep(args["seconds"] / 10)


def broken(attempt, args):
    raise Permanent("it is of no use")


HANDLERS = {"greet": greet, "flaky": flaky, "slow": slow, "broken": broken}


def failed(message, **more):
    # What is no text, as some names of files, would be refused.
    message = str(message)[:LONGEST_MESSAGE].encode(errors="replace").decode()
    return "fail", {"message": message, **more}


def run(attempt):
    """Runs the handler; answers what to tell about it."""
    handler = HANDLERS.get(attempt.job["kind"])
    if handler is None:
        return "fail", {"reason": "unknown_kind"}
    try:
        # A stop may have come with the job.
        attempt.look()
        handler(attempt, attempt.job["args"])
        return "complete", {}
    except Stopped:
        return "fail", {"reason": "given_back"}
    except Permanent as error:
        return failed(error, reason="permanent")
    except RetryAfter as error:
        return failed(error, retry_after_seconds=error.seconds)
    except (KeyError, TypeError) as error:
        return failed(repr(error), reason="arguments")
    except (Exception, SystemExit) as error:
        return failed(repr(error))


def tell(attempt, what, more):
    """Tells how it ended until that is heard, since a repeated word changes nothing. Answers what became of the job."""
    if attempt.lost:
        return attempt.lost
    for failures in itertools.count():
        try:
            return attempt.tell(what, "state", more)
        except Problem as error:
            problem = error
        if problem.status in GONE:
            return GONE[problem.status]
        if problem.is_refusal() and problem.status not in PASSING:
            if what == "fail":
                return f"given up, {problem}"
            what, more = failed(f"it could not be completed: {problem}")
        # A server that answers gives the job to others then; one that is away may come back before it does.
        if attempt.is_over() and (problem.is_refusal() or attempt.stop.is_asked):
            return f"lease over, {problem}"
        time.sleep(pause_s(failures, problem))


def do(server, job, stop):
    attempt = Attempt(server, job, stop)
    heart = threading.Thread(target=attempt.beat, daemon=True)
    heart.start()
    try:
        what, more = run(attempt)
        # The lease is kept until the end is told.
        told = tell(attempt, what, more)
    finally:
        attempt.ended.set()
        heart.join()
    print(f"{job['kind']} {job['id']}: {told}", flush=True)


def work(server, options, stop):
    path = f"/v1/queues/{urllib.parse.quote(options.queue, safe='')}/claim"
    wish = {
        "worker": options.name,
        "wait_seconds": WAIT_SECONDS,
        "lease_seconds": options.lease_seconds,
        # One job at a time: a suspect has the process for itself.
        "alone": True,
        "kinds": sorted(HANDLERS),
    }
    failures = 0
    while not stop.is_asked:
        try:
            jobs = server.post(path, wish, "jobs", CLAIM_TIMEOUT_S)
            stop.has_job = bool(jobs)
            failures = 0
        except Problem as problem:
            if problem.status in (401, 403, 404, 422):
                raise
            print(problem, file=sys.stderr)
            time.sleep(pause_s(failures, problem))
            failures += 1
            continue
        for job in jobs:
            do(server, job, stop)
        stop.has_job = False


def base_url(text):
    # A name, a query and the like are of no use before a path.
    is_plain = re.fullmatch(r"(?ai)https?://[\w.:\[\]-]+(/[\w.~%/-]*)?", text)
    parts = urllib.parse.urlsplit(text)
    # The port of a bad one raises ValueError itself.
    if not (is_plain and parts.hostname and parts.port != 0):
        raise ValueError
    return text


def main():
    parser = argparse.ArgumentParser(description="Does the jobs of one queue.")
    parser.add_argument("--url", type=base_url, default="http://127.0.0.1:8080")
    parser.add_argument("--queue", required=True)
    parser.add_argument("--name", default=f"{socket.gethostname()}-{os.getpid()}")
    parser.add_argument("--lease-seconds", type=int, default=8)
    options = parser.parse_args()
    key = os.environ.get("STANCHION_KEY", "")
    if not re.fullmatch("[!-~]+", key):
        parser.error("STANCHION_KEY is not set, or is no key")
    stop = Stop()
    try:
        # Signals are heard by this thread, which works: they cut off what waits in it.
        for number in SIGNALS:
            signal.signal(number, stop.hear)
        work(Server(options.url, key), options, stop)
    except Stopped:
        pass
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    print("stopped", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
