#!/usr/bin/env node
// Does the jobs of one queue of a Stanchion server, several at a time, until it is told to stop.
//
//     STANCHION_KEY=stn_… worker.mjs --url http://127.0.0.1:8080 --queue mail [--name NAME] [--lease-seconds 8] [--at-once 4]
//
// Needs Node.js 18.11 and no package. The key has the scope jobs:work. At Ctrl-C or SIGTERM a handler that heeds the signal of
// its attempt gives the job back, which costs it no attempt, and any other finishes it, however long that takes; a second one ends
// the program at once. Exit status: 0 it was told to stop; 1 it is broken; 2 the arguments are wrong, or the server refuses the
// key.
//
// What a job does to the world can happen twice: a worker that was cut off may have done it before its lease was lost. Pass
// job.id on as the idempotency key, as the handlers below do.

import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const WAIT_SECONDS = 10;
const TELL_TIMEOUT_MS = 5_000;
// The server keeps no more of a message.
const LONGEST_MESSAGE = 2_000;

// Nobody will be told of the job any more.
const GONE = new Map([[404, "the job is gone"], [409, "lease lost"]]);
// Refusals that end by themselves, or by somebody who mends the key: they say nothing of the job.
const PASSING = new Set([401, 403, 408, 425, 429]);

/** No other attempt will do better: the job becomes a dead letter. */
class Permanent extends Error {}

/** The job is tried again after so many seconds. */
class RetryAfter extends Error {
  constructor(seconds, message) {
    super(message);
    // The server takes whole ones.
    this.seconds = Math.ceil(seconds);
  }
}

/** The server said no. */
class Refused extends Error {
  constructor(answer, problem) {
    super(`${answer.status} ${problem?.type ?? answer.statusText} ${problem?.detail ?? ""}`);
    this.status = answer.status;
    // It may be a date: then our own pauses have to do.
    this.retryAfterMs = Number(answer.headers.get("retry-after")) * 1000 || 0;
  }
}

function isRefusal(error) {
  return error.status >= 400 && error.status < 500;
}

/** How long to wait after so many failures: twice as long each time, or as the server asks, but never long. */
function pauseMs(failures, error) {
  const own = FIRST_PAUSE_MS * 2 ** failures;
  return Math.min(Math.max(own, error.retryAfterMs ?? 0), LONGEST_PAUSE_MS);
}

class Server {
  constructor(url, key) {
    this.url = url.replace(/\/$/, "");
    this.key = key;
  }

  /** Answers the member `wanted` of the answer. */
  async post(path, body, wanted, signal) {
    const answer = await fetch(this.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${this.key}` },
      body: JSON.stringify(body),
      signal,
    });
    if (!answer.ok) {
      throw new Refused(answer, await answer.json().catch(() => null));
    }
    const found = (await answer.json())?.[wanted];
    if (found === undefined) {
      throw new Error(`no answer of a Stanchion server: it has no ${wanted}`);
    }
    return found;
  }
}

/** A job in our hands. Its signal is given when it is to end: cancelled, lost, or the worker stops. */
class Attempt {
  constructor(server, job, stopping) {
    this.server = server;
    this.job = job;
    // Why it is no longer ours.
    this.lost = null;
    this.progress = null;
    this.leaseMs = job.lease_seconds * 1000;
    this.heldUntil = performance.now() + this.leaseMs;
    this.ended = new AbortController();
    this.end = new AbortController();
    this.stopping = stopping;
    stopping.addEventListener("abort", () => this.end.abort(), { signal: this.ended.signal });
    if (stopping.aborted) {
      this.end.abort();
    }
  }

  get signal() {
    return this.end.signal;
  }

  /** Whether the lease is over by our own clock. */
  get isOver() {
    return performance.now() > this.heldUntil;
  }

  tell(what, wanted, more, timeoutMs = TELL_TIMEOUT_MS) {
    const fence = { attempt: this.job.attempt, lease: this.job.lease };
    const path = `/v1/jobs/${this.job.id}/${what}`;
    return this.server.post(path, { ...fence, ...more }, wanted, AbortSignal.timeout(timeoutMs));
  }

  async beat() {
    const every = Math.floor(this.leaseMs / 3);
    let due = performance.now() + every;
    while (!this.lost) {
      try {
        await sleep(Math.max(0, due - performance.now()), undefined, { signal: this.ended.signal });
      } catch {
        return;
      }
      // Counted from where this one begins: when it hangs, the next one still comes within the lease.
      const begun = performance.now();
      due = begun + every;
      const more = { lease_seconds: Math.max(1, Math.round(this.job.lease_seconds)) };
      if (this.progress) {
        more.progress = this.progress;
        this.progress = null;
      }
      try {
        if (await this.tell("heartbeat", "cancel_requested", more, Math.min(every, TELL_TIMEOUT_MS))) {
          this.end.abort();
        }
        this.heldUntil = begun + this.leaseMs;
      } catch (error) {
        console.error(`heartbeat of ${this.job.id}: ${error.message}`);
        // Otherwise the next one may come through before the lease is over.
        if (GONE.has(error.status)) {
          this.lost = GONE.get(error.status);
          this.end.abort();
        }
      }
    }
  }
}

const HANDLERS = {
  async greet(attempt, args) {
    console.log(`greets ${args.name}, idempotency key ${attempt.job.id}`);
  },

  async flaky(attempt, args) {
    if (attempt.job.failures < args.failures) {
      throw new RetryAfter(0, "not yet");
    }
  },

  async slow(attempt, args) {
    console.log(`begins ${attempt.job.id}`);
    for (let percent = 0; percent < 100; percent += 10) {
      attempt.progress = { percent, message: "working" };
      await sleep(args.seconds * 100, undefined, { signal: attempt.signal });
    }
  },

  async broken() {
    throw new Permanent("it is of no use");
  },
};

function failed(message, more) {
  // Through bytes, since half a character, as a cut leaves it, would be refused.
  return ["fail", { message: Buffer.from(message.slice(0, LONGEST_MESSAGE)).toString(), ...more }];
}

/** Runs the handler; answers what to tell about it. */
async function run(attempt) {
  if (!Object.hasOwn(HANDLERS, attempt.job.kind)) {
    return ["fail", { reason: "unknown_kind" }];
  }
  try {
    // A stop may have come with the job.
    attempt.signal.throwIfAborted();
    await HANDLERS[attempt.job.kind](attempt, attempt.job.args);
    return ["complete", {}];
  } catch (error) {
    if (attempt.signal.aborted) {
      return ["fail", { reason: "given_back" }];
    }
    const message = String(error?.message ?? error);
    if (error instanceof Permanent) {
      return failed(message, { reason: "permanent" });
    }
    if (error instanceof RetryAfter) {
      return failed(message, { retry_after_seconds: error.seconds });
    }
    return failed(message);
  }
}

/** Tells how it ended until that is heard, since a repeated word changes nothing. Answers what became of the job. */
async function tell(attempt, what, more) {
  if (attempt.lost) {
    return attempt.lost;
  }
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt.tell(what, "state", more);
    } catch (error) {
      if (GONE.has(error.status)) {
        return GONE.get(error.status);
      }
      if (isRefusal(error) && !PASSING.has(error.status)) {
        if (what === "fail") {
          return `given up, ${error.message}`;
        }
        [what, more] = failed(`it could not be completed: ${error.message}`);
      }
      // A server that answers gives the job to others then; one that is away may come back before it does.
      if (attempt.isOver && (isRefusal(error) || attempt.stopping.aborted)) {
        return `lease over, ${error.message}`;
      }
      await sleep(pauseMs(failures, error));
    }
  }
}

async function perform(server, job, stopping) {
  const attempt = new Attempt(server, job, stopping);
  const heart = attempt.beat();
  const [what, more] = await run(attempt);
  // The lease is kept until the end is told.
  const told = await tell(attempt, what, more);
  attempt.ended.abort();
  await heart;
  console.log(`${job.kind} ${job.id}: ${told}`);
}

/** Claims for the places that are free. */
async function work(server, options, stopping) {
  const running = new Set();
  const path = `/v1/queues/${encodeURIComponent(options.queue)}/claim`;
  let failures = 0;
  while (!stopping.aborted) {
    const wish = {
      worker: options.name,
      max: options.atOnce - running.size,
      // While something runs, its end is as good a reason to look again as a new job.
      wait_seconds: running.size > 0 ? 1 : WAIT_SECONDS,
      lease_seconds: options.leaseSeconds,
      // Only who runs nothing is given a suspect, and then runs nothing beside it.
      alone: running.size === 0,
      kinds: Object.keys(HANDLERS),
    };
    let jobs = [];
    try {
      // Given up at a stop: the server gives back what it has claimed for us.
      jobs = await server.post(path, wish, "jobs", stopping);
      failures = 0;
    } catch (error) {
      if ([401, 403, 404, 422].includes(error.status)) {
        console.error(error.message);
        return 2;
      }
      if (!stopping.aborted) {
        console.error(error.message);
        await sleep(pauseMs(failures, error), undefined, { signal: stopping }).catch(() => {});
        failures += 1;
      }
    }
    for (const job of jobs) {
      const done = perform(server, job, stopping).finally(() => running.delete(done));
      running.add(done);
    }
    if (jobs.some((job) => job.alone)) {
      await Promise.all(running);
    } else if (running.size >= options.atOnce) {
      await Promise.race(running);
    }
  }
  await Promise.all(running);
  console.log("stopped");
  return 0;
}

function refuse(why) {
  console.error(`worker.mjs: ${why}`);
  process.exit(2);
}

/** A name, a query and the like are of no use before a path. */
function isBase(text) {
  try {
    return ["http:", "https:"].includes(new URL(text).protocol) && !/[\s@?#]/.test(text);
  } catch {
    return false;
  }
}

function parsed(options) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse(error.message);
  }
}

function options() {
  const values = parsed({
    url: { type: "string", default: "http://127.0.0.1:8080" },
    queue: { type: "string" },
    name: { type: "string", default: `${hostname()}-${process.pid}` },
    "lease-seconds": { type: "string", default: "8" },
    "at-once": { type: "string", default: "4" },
  });
  const leaseSeconds = Number(values["lease-seconds"]);
  const atOnce = Number(values["at-once"]);
  if (!values.queue || !/^[!-~]+$/.test(process.env.STANCHION_KEY ?? "")) {
    refuse("needs --queue NAME, and a key as STANCHION_KEY in the environment");
  }
  const areCounts = [leaseSeconds, atOnce].every((number) => Number.isInteger(number) && number >= 1);
  if (!isBase(values.url) || !areCounts) {
    refuse("--url is http://HOST:PORT, and --lease-seconds and --at-once are whole numbers from 1");
  }
  return { ...values, leaseSeconds, atOnce };
}

const chosen = options();
const stop = new AbortController();
const hear = () => {
  // The next one ends the program at once.
  process.off("SIGINT", hear).off("SIGTERM", hear);
  stop.abort();
};
process.on("SIGINT", hear).on("SIGTERM", hear);
process.exitCode = await work(new Server(chosen.url, process.env.STANCHION_KEY), chosen, stop.signal);
