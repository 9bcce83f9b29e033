// What a spec gets: `baton`, a server of its own with a fresh database, and `page`, signed in to it.
import { test as base, expect } from "@playwright/test";
import { Baton, type Database, type Settings } from "./baton.ts";

export interface Options {
  /** Which database the test's server runs on. */
  database: Database;
  /** Further settings of the server, as environment variables. */
  settings: Settings;
  /** Whether `page` is signed in when the test begins. */
  signedIn: boolean;
}

export const test = base.extend<Options & { baton: Baton }>({
  database: ["sqlite", { option: true }],
  settings: [{}, { option: true }],
  signedIn: [true, { option: true }],

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

  page: async ({ page, baton, signedIn }, use) => {
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      // A request that the test makes fail on purpose is logged by the browser too; everything else is ours.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        problems.push(message.text());
      }
    });
    if (signedIn) await baton.signIn(page);
    await use(page);
    expect(problems, "the page reported errors (hydration, content security policy, panics)").toEqual([]);
  },
});

export { expect };
