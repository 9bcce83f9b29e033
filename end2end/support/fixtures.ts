// What a spec gets: `baton`, a server of its own with a fresh database, and `page`, signed in to it.
import { test as base, expect, type BrowserContext, type Page } from "@playwright/test";
import { Baton, type Database, type Settings } from "./baton.ts";
import { World } from "./world.ts";

export interface Options {
  /** Which database the test's server runs on. */
  database: Database;
  /** Further settings of the server, as environment variables. */
  settings: Settings;
  /** The name under which `page` is signed in when the test begins; empty for a stranger. */
  user: string;
}

export interface Fixtures {
  baton: Baton;
  /** The participants of the shipped examples, and the examples themselves, published. */
  world: World;
  /** A page of another person, signed in. */
  someoneElse: (name: string) => Promise<Page>;
}

export const test = base.extend<Options & Fixtures>({
  database: ["sqlite", { option: true }],
  settings: [{}, { option: true }],
  user: ["robin", { option: true }],

  baton: async ({ database, settings }, use, info) => {
    const baton = await Baton.start({ database, settings });
    await use(baton);
    await baton.stop();
    if (info.status !== info.expectedStatus) {
      await info.attach("server.log", { body: baton.log(), contentType: "text/plain" });
    }
    await baton.remove();
  },

  baseURL: async ({ baton }, use) => use(baton.url),

  world: async ({ baton }, use) => {
    const world = await World.start(baton);
    await use(world);
    await world.stop();
  },

  page: async ({ page, baton, user }, use) => {
    const problems = watch(page);
    if (user !== "") await baton.signIn(page, user);
    await use(page);
    expect(problems, "the page reported errors (hydration, content security policy, panics)").toEqual([]);
  },

  someoneElse: async ({ browser, baton }, use) => {
    const opened: { context: BrowserContext; problems: string[] }[] = [];
    await use(async (name) => {
      const context = await browser.newContext({ baseURL: baton.url });
      const page = await context.newPage();
      opened.push({ context, problems: watch(page) });
      await baton.signIn(page, name);
      return page;
    });
    for (const { context } of opened) await context.close();
    expect(opened.flatMap(({ problems }) => problems)).toEqual([]);
  },
});

/** Collects what a page complains of. A request that a test makes fail on purpose is logged by the browser too. */
function watch(page: Page): string[] {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    const own = !message.text().startsWith("Failed to load resource") && !message.text().includes("net::ERR_");
    if (message.type() === "error" && own) problems.push(message.text());
  });
  return problems;
}

export { expect };
