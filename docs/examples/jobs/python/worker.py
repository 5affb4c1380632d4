#!/usr/bin/env python3
"""Does the jobs of one queue of a Stanchion server, one at a time, until it is told to stop.

    STANCHION_KEY=stn_… worker.py --url http://127.0.0.1:8080 --queue mail [--name NAME] [--lease-seconds 8]

Needs Python 3.9 and nothing else. The key has the scope jobs:work. Ctrl-C or SIGTERM gives back what is not done, which costs
the job no attempt. Exit status: 0 it was told to stop; 2 the arguments are wrong, or the server refuses the key.

What a job does to the world can happen twice: a worker that was cut off may have done it before its lease was lost. Pass
job["id"] on as the idempotency key, as the handlers below do.
"""

import argparse
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
WAIT_SECONDS = 10


class Permanent(Exception):
    """No other attempt will do better: the job becomes a dead letter."""


class RetryAfter(Exception):
    """The job is tried again after so many seconds."""

    def __init__(self, seconds, message):
        super().__init__(message)
        self.seconds = seconds


class Stopped(Exception):
    """The handler ended since it was asked to."""


class Refused(Exception):
    """The server said no."""

    def __init__(self, status, problem):
        super().__init__(f"{status} {problem.get('type', '')} {problem.get('detail', '')}")
        self.status = status
        self.kind = problem.get("type", "").removeprefix("/problems/")


class Server:
    def __init__(self, url, key):
        self.url = url.rstrip("/")
        self.key = key

    def post(self, path, body, timeout_s=30):
        request = urllib.request.Request(
            self.url + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            try:
                problem = json.load(error)
            except ValueError:
                problem = {}
            raise Refused(error.code, problem) from None


class Attempt:
    """A job in our hands. A thread keeps its lease, so that a handler that computes loses nothing."""

    def __init__(self, server, job, stopping):
        self.server = server
        self.job = job
        self.stopping = stopping
        self.cancelled = threading.Event()
        self.lost = threading.Event()
        self.ended = threading.Event()
        self.progress = None

    def tell(self, what, **more):
        fence = {"attempt": self.job["attempt"], "lease": self.job["lease"]}
        return self.server.post(f"/v1/jobs/{self.job['id']}/{what}", {**fence, **more}, timeout_s=5)

    def beat(self):
        while not self.ended.wait(self.job["lease_seconds"] / 3):
            more = {"lease_seconds": max(1, round(self.job["lease_seconds"]))}
            progress, self.progress = self.progress, None
            if progress:
                more["progress"] = progress
            try:
                if self.tell("heartbeat", **more)["cancel_requested"]:
                    self.cancelled.set()
            except Refused as error:
                if error.status in (404, 409):
                    self.lost.set()
                    return
            except OSError:
                pass  # The next one may come through before the lease is over.

    def sleep(self, seconds):
        """Waits, and ends the handler when somebody wants that."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.lost.is_set() or self.cancelled.is_set() or self.stopping.is_set():
                raise Stopped
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


def run(attempt):
    """Runs the handler; answers what to tell about it."""
    handler = HANDLERS.get(attempt.job["kind"])
    if handler is None:
        return "fail", {"reason": "unknown_kind"}
    try:
        handler(attempt, attempt.job["args"])
        return "complete", {}
    except Stopped:
        return "fail", {"reason": "given_back"}
    except Permanent as error:
        return "fail", {"reason": "permanent", "message": str(error)}
    except RetryAfter as error:
        return "fail", {"message": str(error), "retry_after_seconds": error.seconds}
    except (KeyError, TypeError) as error:
        return "fail", {"reason": "arguments", "message": repr(error)}
    except Exception as error:
        return "fail", {"message": repr(error)}


def tell(attempt, what, more):
    """Tells how it ended for as long as the lease may be ours: a repeated word changes nothing."""
    pause_s = FIRST_PAUSE_S
    while not attempt.lost.is_set():
        try:
            return attempt.tell(what, **more)
        except Refused as error:
            if error.status < 500:
                break
        except OSError:
            pass
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
    return None


def do(server, job, stopping):
    attempt = Attempt(server, job, stopping)
    heart = threading.Thread(target=attempt.beat, daemon=True)
    heart.start()
    try:
        what, more = run(attempt)
        # The lease is kept until the end is told.
        told = tell(attempt, what, more)
    finally:
        attempt.ended.set()
        heart.join()
    state = told["state"] if told else "lease lost"
    print(f"{job['kind']} {job['id']}: {state}", flush=True)


def work(server, options, stopping):
    pause_s = FIRST_PAUSE_S
    wish = {
        "worker": options.name,
        "wait_seconds": WAIT_SECONDS,
        "lease_seconds": options.lease_seconds,
        # One job at a time: a suspect has the process for itself.
        "alone": True,
        "kinds": sorted(HANDLERS),
    }
    while not stopping.is_set():
        try:
            claimed = server.post(f"/v1/queues/{options.queue}/claim", wish)
            pause_s = FIRST_PAUSE_S
        except Refused as error:
            if error.status in (401, 403, 404, 422):
                print(error, file=sys.stderr)
                return 2
            claimed = None
        except OSError as error:
            print(error, file=sys.stderr)
            claimed = None
        if claimed is None:
            stopping.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            continue
        for job in claimed["jobs"]:
            do(server, job, stopping)
    print("stopped", flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description="Does the jobs of one queue.")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--queue", required=True)
    parser.add_argument("--name", default=f"{socket.gethostname()}-{os.getpid()}")
    parser.add_argument("--lease-seconds", type=int, default=8)
    options = parser.parse_args()
    key = os.environ.get("STANCHION_KEY")
    if not key:
        parser.error("STANCHION_KEY is not set")
    stopping = threading.Event()
    waiting = threading.Thread(
        target=lambda: codes.append(work(Server(options.url, key), options, stopping)), daemon=True
    )
    codes = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    waiting.start()
    # The main thread hears signals; a claim that waits is left behind, and the server gives its jobs back.
    while waiting.is_alive() and not stopping.is_set():
        waiting.join(0.1)
    waiting.join(5)
    return codes[0] if codes else 0


if __name__ == "__main__":
    sys.exit(main())
