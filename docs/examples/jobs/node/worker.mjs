#!/usr/bin/env node
// Does the jobs of one queue of a Stanchion server, several at a time, until it is told to stop.
//
//     STANCHION_KEY=stn_… worker.mjs --url http://127.0.0.1:8080 --queue mail [--name NAME] [--lease-seconds 8] [--at-once 4]
//
// Needs Node.js 18.3 and no package. The key has the scope jobs:work. Ctrl-C or SIGTERM gives back what is not done, which costs
// the jobs no attempt. Exit status: 0 it was told to stop; 2 the arguments are wrong, or the server refuses the key.
//
// What a job does to the world can happen twice: a worker that was cut off may have done it before its lease was lost. Pass
// job.id on as the idempotency key, as the handlers below do.

import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const WAIT_SECONDS = 10;

/** No other attempt will do better: the job becomes a dead letter. */
class Permanent extends Error {}

/** The job is tried again after so many seconds. */
class RetryAfter extends Error {
  constructor(seconds, message) {
    super(message);
    this.seconds = seconds;
  }
}

/** The server said no. */
class Refused extends Error {
  constructor(status, problem) {
    super(`${status} ${problem.type ?? ""} ${problem.detail ?? ""}`);
    this.status = status;
  }
}

class Server {
  constructor(url, key) {
    this.url = url.replace(/\/$/, "");
    this.key = key;
  }

  async post(path, body, signal) {
    const answer = await fetch(this.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${this.key}` },
      body: JSON.stringify(body),
      signal,
    });
    if (!answer.ok) {
      throw new Refused(answer.status, await answer.json().catch(() => ({})));
    }
    return answer.json();
  }
}

/** A job in our hands. Its signal is given when it is to end: cancelled, lost, or the worker stops. */
class Attempt {
  constructor(server, job, stopping) {
    this.server = server;
    this.job = job;
    this.lost = false;
    this.progress = null;
    this.ended = new AbortController();
    this.end = new AbortController();
    stopping.addEventListener("abort", () => this.end.abort(), { signal: this.ended.signal });
    if (stopping.aborted) {
      this.end.abort();
    }
  }

  get signal() {
    return this.end.signal;
  }

  tell(what, more = {}) {
    const fence = { attempt: this.job.attempt, lease: this.job.lease };
    const path = `/v1/jobs/${this.job.id}/${what}`;
    return this.server.post(path, { ...fence, ...more }, AbortSignal.timeout(5_000));
  }

  async beat() {
    const every = (this.job.lease_seconds * 1000) / 3;
    while (!this.lost) {
      try {
        await sleep(every, undefined, { signal: this.ended.signal });
      } catch {
        return;
      }
      const more = { lease_seconds: Math.max(1, Math.round(this.job.lease_seconds)) };
      if (this.progress) {
        more.progress = this.progress;
        this.progress = null;
      }
      try {
        if ((await this.tell("heartbeat", more)).cancel_requested) {
          this.end.abort();
        }
      } catch (error) {
        // Another answer, or none: the next one may come through before the lease is over.
        if (error.status === 404 || error.status === 409) {
          this.lost = true;
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

/** Runs the handler; answers what to tell about it. */
async function run(attempt) {
  if (!Object.hasOwn(HANDLERS, attempt.job.kind)) {
    return ["fail", { reason: "unknown_kind" }];
  }
  try {
    await HANDLERS[attempt.job.kind](attempt, attempt.job.args);
    return ["complete", {}];
  } catch (error) {
    if (attempt.signal.aborted) {
      return ["fail", { reason: "given_back" }];
    }
    const message = String(error?.message ?? error);
    if (error instanceof Permanent) {
      return ["fail", { reason: "permanent", message }];
    }
    if (error instanceof RetryAfter) {
      return ["fail", { message, retry_after_seconds: error.seconds }];
    }
    return ["fail", { message }];
  }
}

/** Tells how it ended for as long as the lease may be ours: a repeated word changes nothing. */
async function tell(attempt, what, more) {
  for (let pause = FIRST_PAUSE_MS; !attempt.lost; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await attempt.tell(what, more);
    } catch (error) {
      if (error.status < 500) {
        break;
      }
    }
    await sleep(pause);
  }
  return null;
}

async function perform(server, job, stopping) {
  const attempt = new Attempt(server, job, stopping);
  const heart = attempt.beat();
  const [what, more] = await run(attempt);
  // The lease is kept until the end is told.
  const told = await tell(attempt, what, more);
  attempt.ended.abort();
  await heart;
  console.log(`${job.kind} ${job.id}: ${told?.state ?? "lease lost"}`);
}

/** Claims for the places that are free. */
async function work(server, options, stopping) {
  const running = new Set();
  let pause = FIRST_PAUSE_MS;
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
      const path = `/v1/queues/${options.queue}/claim`;
      ({ jobs } = await server.post(path, wish, stopping));
      pause = FIRST_PAUSE_MS;
    } catch (error) {
      if ([401, 403, 404, 422].includes(error.status)) {
        console.error(error.message);
        return 2;
      }
      if (!stopping.aborted) {
        console.error(error.message);
        await sleep(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
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

function options() {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: "http://127.0.0.1:8080" },
      queue: { type: "string" },
      name: { type: "string", default: `${hostname()}-${process.pid}` },
      "lease-seconds": { type: "string", default: "8" },
      "at-once": { type: "string", default: "4" },
    },
  });
  const leaseSeconds = Number(values["lease-seconds"]);
  const atOnce = Number(values["at-once"]);
  const sound = values.queue && process.env.STANCHION_KEY && leaseSeconds >= 1 && atOnce >= 1;
  if (!sound) {
    console.error("worker.mjs needs --queue NAME and STANCHION_KEY in the environment");
    process.exit(2);
  }
  return { ...values, leaseSeconds, atOnce };
}

const chosen = options();
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
process.once("SIGTERM", () => stop.abort());
process.exitCode = await work(new Server(chosen.url, process.env.STANCHION_KEY), chosen, stop.signal);
