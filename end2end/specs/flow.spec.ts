// The live flow: it can be held still and filtered, and says what was missed meanwhile.
import type { Page } from "@playwright/test";
import { live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";

const happened = (type: string, kind: "event" | "command" = "event") => ({ type, kind, aggregate_type: "order", aggregate_id: "o-1", payload: {} });

async function watch(page: Page, baton: Baton, query = "") {
  await page.goto(`${baton.url}/flow${query}`);
  await live(page);
  return page.getByRole("region", { name: "Live flow" });
}

test("paused, it stands still and counts what comes; resumed, it shows it", async ({ page, baton }) => {
  const flow = await watch(page, baton);
  await baton.post("/messages", happened("OrderPlaced"));
  await expect(flow.getByRole("row", { name: "OrderPlaced" })).toBeVisible();
  await page.getByRole("button", { name: "Pause" }).click();
  await baton.post("/messages", [happened("OrderPaid"), happened("OrderShipped")]);
  await expect(page.getByRole("button", { name: "2 new lines" })).toBeVisible();
  await expect(flow.getByRole("row", { name: "OrderPaid" })).toHaveCount(0);
  await page.getByRole("button", { name: "2 new lines" }).click();
  await expect(flow.getByRole("row", { name: "OrderPaid" })).toBeVisible();
  await expect(flow.getByRole("row", { name: "OrderShipped" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
});

test("a filter stands in the URL, and lines that come later are filtered too", async ({ page, baton }) => {
  const flow = await watch(page, baton);
  await baton.post("/messages", [happened("OrderPlaced"), happened("OrderPaid")]);
  await expect(flow.getByRole("row", { name: "OrderPaid" })).toBeVisible();
  await page.getByLabel("Contains").fill("shipped");
  await page.getByLabel("Contains").press("Enter");
  await expect(page).toHaveURL(/q=shipped/);
  await expect(page.getByText("No line passes the filter yet.")).toBeVisible();
  await baton.post("/messages", [happened("OrderShipped"), happened("OrderClosed")]);
  await expect(flow.getByRole("row", { name: "OrderShipped" })).toBeVisible();
  await expect(flow.getByRole("row", { name: "OrderClosed" })).toHaveCount(0);
  await page.reload();
  await live(page);
  await expect(page.getByLabel("Contains")).toHaveValue("shipped");
  await expect(flow.getByRole("row", { name: "OrderShipped" })).toBeVisible();
  await expect(flow.getByRole("row", { name: "OrderPaid" })).toHaveCount(0);
});
