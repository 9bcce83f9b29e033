// A server under test: the program itself, on a free port, with a database of its own.
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { dropPostgres, freshPostgres } from "./outsider.ts";

export type Database = "sqlite" | "postgres";
export type Settings = Record<string, string>;

const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 15_000;

export class Baton {
  readonly url: string;
  readonly token: string;
  /** `sqlite:///…` or `postgres://…`, for whoever inserts from outside. */
  readonly databaseUrl: string;
  #folder: string;
  #environment: Settings;
  #arguments: string[];
  #process: ChildProcess | undefined;
  #log = "";

  private constructor(folder: string, port: number, databaseUrl: string, settings: Settings, args: string[]) {
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}`;
    this.databaseUrl = databaseUrl;
    this.token = randomBytes(24).toString("hex");
    this.#arguments = args;
    this.#environment = {
      BATON_DATABASE_URL: databaseUrl,
      BATON_LISTEN: `127.0.0.1:${port}`,
      BATON_ADMIN_TOKEN: this.token,
      // Participants of tests listen on loopback, which is refused unless it is allowed.
      BATON_ALLOW_PRIVATE_DESTINATIONS: "true",
      ...settings,
    };
    // An empty setting takes one of the above away.
    for (const [name, value] of Object.entries(settings)) if (value === "") delete this.#environment[name];
  }

  /** Starts a server on a fresh database; returns when it is ready. */
  static async start(options: { database?: Database; settings?: Settings; arguments?: string[] } = {}): Promise<Baton> {
    const folder = await mkdtemp(join(tmpdir(), "baton-e2e-"));
    const databaseUrl = options.database === "postgres" ? freshPostgres() : `sqlite://${join(folder, "baton.db")}`;
    const port = await freePort();
    const baton = new Baton(folder, port, databaseUrl, options.settings ?? {}, options.arguments ?? ["serve"]);
    await baton.resume();
    return baton;
  }

  /** Starts the program again after `stop` or `kill`, on the same database and port. */
  async resume(): Promise<void> {
    const program = process.env.BATON_BIN;
    if (!program) throw new Error("BATON_BIN is not set; run the tests with `cargo xtask test --only e2e`");
    const child = spawn(program, this.#arguments, {
      cwd: this.#folder,
      env: { ...process.env, ...this.#environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    child.stdout.on("data", (chunk) => (this.#log += chunk));
    child.stderr.on("data", (chunk) => (this.#log += chunk));
    let failure: Error | undefined;
    child.on("error", (error) => (failure = error));
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const ready = await this.#isReady();
      if (failure) throw failure;
      if (child.exitCode !== null) throw new Error(`baton ended with ${child.exitCode} before it was ready:\n${this.#log}`);
      if (ready) return;
      if (Date.now() > deadline) throw new Error(`baton was not ready within ${READY_WITHIN_MS} ms:\n${this.#log}`);
      await pause(25);
    }
  }

  /** Asks the program to end, and waits for it. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Ends the program as a crash would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Removes the database, once the program has ended. */
  async remove(): Promise<void> {
    if (this.databaseUrl.startsWith("postgres:")) dropPostgres(this.databaseUrl);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** All that the program has written so far. */
  log(): string {
    return this.#log;
  }

  /** Signs the page in with the admin token, as somebody, and waits for the first screen. */
  async signIn(page: Page, name = "robin"): Promise<void> {
    await page.goto(`${this.url}/sign-in`);
    await page.locator("[name=token]").fill(this.token);
    await page.locator("[name=name]").fill(name);
    await page.locator("form:has([name=token]) [type=submit]").click();
    await page.waitForURL((url) => url.pathname !== "/sign-in");
    await live(page);
  }

  /** One call of the HTTP interface with the admin token. An answer other than 2xx is an error, unless `allow` names it. */
  async call<T = any>(method: string, path: string, body?: unknown, options: { allow?: number[]; headers?: Settings } = {}): Promise<Answer<T>> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok && !options.allow?.includes(response.status)) {
      throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    }
    return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as T };
  }

  async get<T = any>(path: string): Promise<T> {
    return (await this.call<T>("GET", path)).body;
  }

  async post<T = any>(path: string, body?: unknown, headers?: Settings): Promise<T> {
    return (await this.call<T>("POST", path, body, { headers })).body;
  }

  async put<T = any>(path: string, body: unknown): Promise<T> {
    return (await this.call<T>("PUT", path, body)).body;
  }

  async #isReady(): Promise<boolean> {
    try {
      const headers = { authorization: `Bearer ${this.token}` };
      const { ok, status } = await fetch(`${this.url}/readyz`, { headers });
      // Without an admin token nobody can ask yet; a closed door is a door.
      return ok || (status === 401 && !("BATON_ADMIN_TOKEN" in this.#environment));
    } catch {
      return false;
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
    await ended;
    clearTimeout(late);
  }
}

export interface Answer<T> {
  status: number;
  body: T;
}

/** Waits until the wasm bundle has taken over the page and its stream is open: only then do clicks and changes reach it. */
export async function live(page: Page): Promise<void> {
  await page.locator("header.bar [role=status]").filter({ hasText: /^live$/ }).waitFor();
}

const PORTS_PER_WORKER = 500;
let tried = 0;

/** A free port on loopback out of this worker's own block. The system gives ports as low as these to nobody, so that one that is
 * free now is still free when a server takes it: ports that were free a moment ago were taken by connections and by other workers. */
export async function freePort(): Promise<number> {
  const first = 20_000 + Number(process.env.TEST_PARALLEL_INDEX ?? 0) * PORTS_PER_WORKER;
  for (let turn = 0; turn < PORTS_PER_WORKER; turn++) {
    const port = first + (tried++ % PORTS_PER_WORKER);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${first} on is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}

/** Calls `look` until it gives something truthy, and returns that. For what no page shows; pages have `expect`. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | null | false>, withinMs = 15_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await pause(50);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
