// Trying a definition out: the engine in the browser, scenarios, coverage, and what publishing makes of them.
import type { Locator, Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { live } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { inEveryLook, picture } from "../support/screenshots.ts";
import { answer, bar, panel, startTrip, tryIt } from "../support/trial.ts";

const drawn = (page: Page, name: string, how: string): Locator =>
  page.locator(`#trial-diagram .node.${how}[aria-label^="${name} "]`);

async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await live(page);
  await tryIt(page);
}

const QUOTES = { quotes: [{ code: "KE901", carrier: "Korean Air", price: 870 }, { code: "AF267", carrier: "Air France", price: 910 }] };

test("a draft is tried out, stepped back and forth, saved as a scenario, and guarded by it", async ({ page, baton, world }) => {
  test.slow();
  void world;
  await page.setViewportSize({ width: 1360, height: 1000 });
  await open(page, `${baton.url}/processes/trip-booking?draft=1`);
  const trial = panel(page);

  // Started with the form that the input's schema draws.
  await startTrip(page);
  await expect(bar(page)).toContainText("running");
  await expect(drawn(page, "Ask for quotes", "now")).toBeVisible();
  await expect(trial.getByText("RequestQuotes to flights").first()).toBeVisible();

  // A command is answered, a person decides, and each leaves its marks.
  await answer(page, "QuotesReceived", QUOTES);
  await expect(bar(page)).toContainText("waiting");
  await expect(trial.getByText("Approve flight KE901 with Korean Air for 870 (Mina)")).toBeVisible();
  await expect(trial.getByRole("group", { name: "Variables", exact: true })).toContainText("KE901");
  await trial.getByRole("button", { name: "Approve", exact: true }).click();
  await expect(drawn(page, "Book the flight", "now")).toBeVisible();
  await expect(drawn(page, "Cheapest route", "done")).toBeVisible();
  await answer(page, "FlightBooked", { pnr: "X7KQ2P" });

  // Time passes only when somebody says so.
  await expect(drawn(page, "Book a hotel", "now")).toBeVisible();
  await trial.getByRole("button", { name: /^Wait until / }).click();
  await expect(drawn(page, "Cancel the flight", "now")).toBeVisible();
  await expect(trial.getByText("CancelFlight to flights").first()).toBeVisible();
  await picture(page, "simulate-under-way");
  await expectAccessible(page, "trial under way");

  // Back and forth: how it stood then.
  await trial.getByRole("button", { name: "Back" }).click();
  await expect(bar(page)).toContainText("step 4 of 5");
  await expect(drawn(page, "Book a hotel", "now")).toBeVisible();
  await expect(drawn(page, "Cancel the flight", "ahead")).toBeVisible();
  await trial.getByRole("button", { name: "Forward" }).click();
  await expect(drawn(page, "Cancel the flight", "now")).toBeVisible();
  await trial.locator(".trial-turn").nth(1).click();
  await expect(bar(page)).toContainText("step 2 of 5");
  await expect(trial.getByText("Approve flight KE901 with Korean Air for 870 (Mina)")).toBeVisible();

  // What makes no sense is refused where it was typed.
  await trial.getByRole("textbox", { name: "Flight", exact: true }).fill("");
  await trial.getByRole("button", { name: "Ask for another route" }).click();
  await expect(trial.getByText(/Flight is needed/).first()).toBeVisible();
  await trial.locator(".trial-turn").nth(4).click();
  await answer(page, "FlightCancelled", {});
  await expect(bar(page)).toContainText("failed");
  await expect(bar(page)).toContainText("The hotels did not answer.");
  await expect(trial.getByText("Nothing is open: it has come to its end.")).toBeVisible();

  // Saved as a scenario: it is in the text, and passes with the others.
  await trial.getByLabel("Save what was played up to here as").fill("the hotels keep silent");
  await trial.getByRole("button", { name: "Save as scenario" }).click();
  await expect(page.getByLabel("Definition source")).toHaveValue(/name: the hotels keep silent/);
  await expect(trial.getByRole("button", { name: "the hotels keep silent", exact: true })).toBeVisible();
  await trial.getByRole("button", { name: "Run all" }).click();
  await expect(trial.getByText(/^11 of 11 scenarios passed; 18 of 18 nodes/)).toBeVisible();
  await expect(trial.locator(".trial-scenarios .tag.ok")).toHaveCount(11);
  await expect(page.locator("#trial-diagram .node.done")).toHaveCount(18);
  await expect(page.locator("#trial-diagram .node.ahead")).toHaveCount(0);
  await expect(page.locator("p.saved")).toContainText("Saved.");

  // It is played again with one press, and removed with another.
  await trial.getByRole("button", { name: "the hotels keep silent", exact: true }).click();
  await expect(bar(page)).toContainText("failed");
  await expect(bar(page)).toContainText("The hotels did not answer.");
  await trial.getByRole("button", { name: "Remove the hotels keep silent" }).click();
  await expect(trial.getByRole("button", { name: "the hotels keep silent", exact: true })).toHaveCount(0);
  await expect(page.getByLabel("Definition source")).not.toHaveValue(/the hotels keep silent/);
  await expect(trial.locator(".trial-scenarios li")).toHaveCount(10);
  await trial.getByRole("button", { name: "Run all" }).click();
  await expect(trial.getByText(/^10 of 10 scenarios passed/)).toBeVisible();
  await inEveryLook(page, async (look) => {
    await trial.scrollIntoViewIfNeeded();
    await picture(page, `simulate-${look}`);
    await expectAccessible(page, `trial, ${look}`);
    await expectNoSidewaysScroll(page, `trial, ${look}`);
  });
  await page.setViewportSize({ width: 1360, height: 1000 });

  // A change that breaks a scenario: publishing is refused, and forced.
  const source = page.getByLabel("Definition source");
  await source.fill((await source.inputValue()).replace("The hotels did not answer.", "No word from the hotels."));
  await expect(page.locator("p.saved")).toContainText("Saved.");
  await trial.getByRole("button", { name: "Run all" }).click();
  await expect(trial.locator(".trial-scenarios .tag.bad")).not.toHaveCount(0);
  await page.getByRole("button", { name: "Publish…" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByLabel(/although scenarios fail/)).toHaveCount(0);
  await dialog.getByRole("button", { name: "Publish" }).click();
  await expect(dialog.getByRole("alert")).toContainText("scenarios of this process come out otherwise");
  await picture(page, "simulate-refused");
  await expectAccessible(page, "publishing refused");
  await dialog.getByLabel(/although scenarios fail/).check();
  await dialog.getByRole("button", { name: "Publish" }).click();
  await expect(page.getByRole("link", { name: "Start", exact: true })).toBeVisible();
});

test("a broken draft says so, and is tried out once it is mended", async ({ page, baton, world }) => {
  void world;
  await open(page, `${baton.url}/processes/trip-booking?draft=1`);
  const source = page.getByLabel("Definition source");
  const fine = await source.inputValue();
  await source.fill(fine.replace("next: check-dates", "next: nowhere"));
  await expect(panel(page).getByRole("alert").first()).toContainText("nowhere");
  await source.fill(fine);
  await expect(panel(page).getByRole("alert")).toHaveCount(0);
  await startTrip(page);
});

test("sagas are tried out as well, and an ended instance becomes a scenario", async ({ page, baton, world }) => {
  test.slow();
  await open(page, `${baton.url}/sagas/order-fulfilment`);
  await answer(page, "OrderPlaced", { order_id: "o-9", items: [], amount: 12 });
  await answer(page, "OutOfStock", {});
  await expect(bar(page)).toContainText("compensated");
  await expect(panel(page).getByLabel("Save what was played up to here as")).toHaveCount(0);
  await open(page, `${baton.url}/sagas/campaign-publishing?draft=1`);
  await answer(page, "CampaignActivated", { campaign_id: "c-9", title: "Autumn" });
  await panel(page).locator("summary", { hasText: /SubmitAdvertisement/ }).click();
  await expect(panel(page).getByRole("group", { name: "Payload of SubmitAdvertisement" })).toContainText("Autumn");

  void world;
  await page.goto(`${baton.url}/processes/trip-booking/start`);
  const input = { employee: "Mina Kim", manager: "Sora Lee", from: "ICN", to: "CDG", depart: "2026-12-08", return: "2026-12-01" };
  for (const [name, value] of Object.entries(input)) await page.locator(`[name="fields[${name}]"]`).fill(value);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL(/\/instances\/[0-9a-f-]{36}/);
  await expect(page.locator(".page-head .beside")).toHaveText("failed");
  await page.getByRole("button", { name: "Make a scenario of it" }).click();
  await expect(page.getByLabel("Definition source")).toHaveValue(/as instance [0-9a-f-]{36} went/);
  await expect(page.getByLabel("Definition source")).toHaveValue(/Texts, numbers and dates are masked/);
  await expect(page.getByLabel("Definition source")).not.toHaveValue(/Mina Kim/);
});
