// Trip booking, the shipped process manager: started by a form, approved by people, finished by participants.
import { eventually, live, type Baton, type Database } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { CHEAPEST, TRIP, type World } from "../support/world.ts";
import type { Page } from "@playwright/test";

/** Fills the start form in and sends it; the page is the instance's afterwards. */
async function startByForm(page: Page, baton: Baton): Promise<string> {
  await page.goto(`${baton.url}/processes/trip-booking/start`);
  for (const [name, value] of Object.entries(TRIP)) {
    await page.locator(`[name="fields[${name}]"]`).fill(Array.isArray(value) ? value.join("\n") : value);
  }
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL(/\/instances\/[0-9a-f-]{36}/);
  return page.url();
}

/** Opens the one task that waits for the person of this page. */
async function openMyTask(page: Page, baton: Baton, title: RegExp): Promise<void> {
  await page.goto(`${baton.url}/tasks`);
  await page.getByRole("link", { name: title }).click();
  await expect(page.getByRole("heading", { level: 1, name: title })).toBeVisible();
}

async function expectState(page: Page, state: string): Promise<void> {
  await expect(page.locator(".page-head .beside")).toHaveText(state);
}

async function booked(world: World) {
  return eventually("the flight is booked", async () => world.commands("BookFlight")[0]);
}

for (const database of ["sqlite", "postgres"] satisfies Database[]) {
  test.describe(`on ${database}`, () => {
    test.use({ database, user: TRIP.employee });

    test("a trip is started by the form, approved and completed", async ({ page, baton, world }) => {
      const instance = await startByForm(page, baton);
      await expectState(page, "waiting");
      await openMyTask(page, baton, /Approve flight KE901 with Korean Air for 640/);
      await page.getByRole("button", { name: "Approve" }).click();
      expect((await booked(world)).data).toMatchObject({ code: CHEAPEST.code, passenger: TRIP.employee });
      await page.goto(instance);
      await expectState(page, "completed");
      await expect(page.getByRole("group", { name: "Variables", exact: true })).toContainText("LUMEN-1");
      await expect(page.getByRole("listitem", { name: /Book a hotel.*done/ })).toBeVisible();
      expect(world.commands("BookHotel")[0]!.data).toMatchObject({ check_in: TRIP.depart, check_out: TRIP.return });
      expect(world.participant.received.map((command) => command.type)).toEqual(["RequestQuotes", "BookFlight", "BookHotel"]);
    });

    test("another route goes to the direct manager, whose approval books that one", async ({ page, baton, world, someoneElse }) => {
      const instance = await startByForm(page, baton);
      await openMyTask(page, baton, /KE901/);
      await page.locator(`[name="fields[code]"]`).fill("AF267");
      await page.getByRole("button", { name: "Ask for another route" }).click();
      const manager = await someoneElse(TRIP.manager);
      await expect(async () => {
        await openMyTask(manager, baton, /Approve AF267 for 910 instead of KE901 for 640/);
      }).toPass();
      await manager.getByRole("button", { name: "Approve" }).click();
      expect((await booked(world)).data).toMatchObject({ code: "AF267", price: 910 });
      await page.goto(instance);
      await expectState(page, "completed");
    });

    test("when no hotel is free, the flight is cancelled", async ({ page, baton, world }) => {
      world.hotelsFree = false;
      const instance = await startByForm(page, baton);
      await openMyTask(page, baton, /KE901/);
      await page.getByRole("button", { name: "Approve" }).click();
      await eventually("the flight is cancelled", async () => world.commands("CancelFlight")[0]);
      await page.goto(instance);
      await expectState(page, "failed");
      await expect(page.locator("main")).toContainText("No hotel was free.");
      expect(world.commands("CancelFlight")).toHaveLength(1);
      expect(world.commands("CancelFlight")[0]!.data).toMatchObject({ pnr: "QX7L2P" });
    });
  });
}

test.describe("as the employee", () => {
  test.use({ user: TRIP.employee });

  test("the instance's page follows along without a reload", async ({ page, baton, world }) => {
    await startByForm(page, baton);
    await expectState(page, "waiting");
    const [task] = (await baton.get("/tasks?state=open")).items;
    await baton.post(`/tasks/${task.id}/complete`, { outcome: "approve" });
    await expectState(page, "completed");
    expect(world.commands("BookFlight")).toHaveLength(1);
  });

  test("what happens while the page's own code is still loading is seen", async ({ page, baton, world }) => {
    const { id } = await baton.post("/processes/trip-booking/instances", { input: TRIP });
    const task = await eventually("there is something to approve", async () => (await baton.get("/tasks?state=open")).items[0]);
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route(/split_instances.*\.wasm/, async (route) => {
      await held;
      await route.continue();
    });
    const stream = page.waitForResponse((response) => response.url().endsWith("/api/v1/stream"));
    await page.goto(`${baton.url}/instances/${id}`, { waitUntil: "commit" });
    await stream;
    await expectState(page, "waiting");
    await baton.post(`/tasks/${task.id}/complete`, { outcome: "approve" });
    await eventually("the trip is booked", async () => (await baton.get(`/instances/${id}`)).state === "completed");
    // Longer than changes are gathered for: they are told before there is anybody to hear them.
    await page.waitForTimeout(1_500);
    await expectState(page, "waiting");
    // The stream is there, but a click on what is still loading would be lost.
    await expect(page.locator("header.bar .live[role=status]")).toHaveText("connecting");
    release();
    await live(page);
    await expectState(page, "completed");
    expect(world.commands("BookFlight")).toHaveLength(1);
  });
});

test.describe("on a narrow screen", () => {
  test.use({ viewport: { width: 390, height: 844 } });

  test("the drawing of an instance can be read, and shows the step under way", async ({ page, baton, world }) => {
    await startByForm(page, baton);
    await expectState(page, "waiting");
    const step = page.getByRole("listitem", { name: /under way/ });
    await expect(step).toBeInViewport();
    // drawn at four fifths of its size at least
    expect((await step.boundingBox())!.width).toBeGreaterThan(0.8 * 172 - 1);
    expect(world.commands("RequestQuotes")).toHaveLength(1);
  });
});

test("a form that breaks the schema says where, and starts nothing", async ({ page, baton, world }) => {
  await page.goto(`${baton.url}/processes/trip-booking/start`);
  // what the browser's own checks would stop is sent all the same: the server has to say it
  await page.locator("#start-form").evaluate((form: HTMLFormElement) => (form.noValidate = true));
  await page.locator(`[name="fields[from]"]`).fill("ICN");
  const answer = page.waitForResponse((response) => response.url().endsWith("/sfn/start"));
  await page.getByRole("button", { name: "Start", exact: true }).click();
  expect((await answer).status()).toBe(422);
  await expect(page.locator(`[name="fields[employee]"]`)).toHaveAttribute("aria-invalid", "true");
  await expect(page.locator(`[name="fields[from]"]`)).toHaveValue("ICN");
  expect((await baton.get("/instances")).items).toEqual([]);
  expect(world.participant.received).toEqual([]);
});
