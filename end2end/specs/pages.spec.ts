// Every page with something on it, wide and narrow, light and dark: axe finds nothing, and there are pictures for people.
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { eventually, live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { LOOKS, picture } from "../support/screenshots.ts";
import { TRIP, type World } from "../support/world.ts";

interface Busy {
  message: string;
  instance: string;
  task: string;
  correlation: string;
}

/** A bit of everything: delivered, dead and parked messages, a finished, a failed and two waiting trips, open tasks. */
async function busy(baton: Baton, world: World): Promise<Busy> {
  for (const number of [1, 2, 3]) {
    await baton.post("/messages", {
      type: "CampaignActivated",
      aggregate_type: "campaign",
      aggregate_id: `c-${number}`,
      payload: { campaign_id: `c-${number}`, title: "Spring sale", budget: 1200 * number },
    });
  }
  await eventually("the campaigns are published", async () => world.commands("TrackPublishingConfirmation").length === 3);

  const start = (key: string) => baton.post("/processes/trip-booking/instances", { business_key: key, input: TRIP });
  const openTask = (instance: string) =>
    eventually("a task is open", async () => {
      const { items } = await baton.get("/tasks?state=open&limit=50");
      return items.find((task: { instance: string }) => task.instance === instance);
    });
  const finished = await start("ICN → CDG, finished");
  await baton.post(`/tasks/${(await openTask(finished.id)).id}/complete`, { outcome: "approve" });
  const done = async (id: string, state: string) => (await baton.get(`/instances/${id}`)).state === state;
  await eventually("a trip is finished", () => done(finished.id, "completed"));
  world.hotelsFree = false;
  const cancelled = await start("ICN → CDG, no hotel");
  await baton.post(`/tasks/${(await openTask(cancelled.id)).id}/complete`, { outcome: "approve" });
  await eventually("a trip is cancelled", () => done(cancelled.id, "failed"));
  const waiting = await start("ICN → CDG, waiting");
  const task = await openTask(waiting.id);

  await baton.put("/destinations/billing", { kind: "http", url: world.participant.url, attempts_max: 1, backoff_base_ms: 10 });
  await baton.put("/routes/invoices", { aggregate_type: "invoice", to: "billing" });
  world.participant.refuse = (event) => (event.attributes.aggregatetype === "invoice" ? 503 : undefined);
  const { accepted } = await baton.post("/messages", [1, 2].map((number) => ({
    type: "InvoiceIssued", aggregate_type: "invoice", aggregate_id: "i-1", payload: { number }, correlation_id: "invoice-1",
  })));
  await eventually("an invoice is dead", async () => (await baton.get(`/messages/${accepted[0]}`)).state === "dead");
  return { message: accepted[0], instance: finished.id, task: task.id, correlation: finished.id };
}

/** Every page, by the name of its pictures. */
function paths({ message, instance, task, correlation }: Busy): Record<string, string> {
  return {
    overview: "/",
    flow: "/flow",
    conversation: `/conversations/${correlation}`,
    messages: "/messages",
    message: `/messages/${message}`,
    failures: "/failures",
    destinations: "/destinations",
    processes: "/processes",
    process: "/processes/trip-booking",
    draft: "/processes/trip-booking?draft=1",
    start: "/processes/trip-booking/start",
    sagas: "/sagas",
    saga: "/sagas/campaign-publishing",
    instances: "/instances",
    instance: `/instances/${instance}`,
    tasks: "/tasks",
    task: `/tasks/${task}`,
    settings: "/settings",
    "not-found": "/no-such-page",
  };
}

async function visit(page: Page, baton: Baton, path: string): Promise<void> {
  await page.goto(baton.url + path);
  await live(page);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
}

test.describe("with something on every page", () => {
  test.use({ user: TRIP.employee });

  for (const { width, colorScheme, viewport } of LOOKS) {
    test.describe(`${width} and ${colorScheme}`, () => {
      test.use({ colorScheme, viewport });

      test("axe finds nothing on any page, and none scrolls sideways", async ({ page, baton, world }) => {
        test.setTimeout(180_000);
        for (const [name, path] of Object.entries(paths(await busy(baton, world)))) {
          await test.step(name, async () => {
            await visit(page, baton, path);
            await picture(page, `${name}-${width}-${colorScheme}`);
            // in the dark nothing but the colours is different
            await expectAccessible(page, name, colorScheme === "dark" ? ["color-contrast"] : undefined);
            await expectNoSidewaysScroll(page, name);
          }, { box: true });
        }
      });
    });
  }

  // The README's picture is made by this test: BATON_UPDATE_PICTURES=1 cargo xtask test --only e2e -- pages
  test("pictures of the README", async ({ page, baton, world }) => {
    const { instance } = await busy(baton, world);
    for (const [name, path] of [["overview", "/"], ["instance", `/instances/${instance}`]] as const) {
      await visit(page, baton, path);
      const file = await picture(page, `readme-${name}`);
      if (process.env.BATON_UPDATE_PICTURES) {
        const folder = join(import.meta.dirname, "..", "..", "docs", "screenshots");
        mkdirSync(folder, { recursive: true });
        copyFileSync(file, join(folder, `${name}.png`));
      }
    }
  });
});
