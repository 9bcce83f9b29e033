// Two versions beside each other: on one drawing, in words, and the old one published again.
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { inEveryLook, picture } from "../support/screenshots.ts";

const FIRST = `
baton: process/1
name: parcel
input: {type: object, required: [address], properties: {address: {type: string}}}
nodes:
  start: {kind: start, next: pack}
  pack: {kind: command, send: PackParcel, to: warehouse, on: {ParcelPacked: {next: weigh}}}
  weigh: {kind: compute, set: {grams: =input.address.size() * 100}, next: heavy}
  heavy:
    kind: decide
    cases: [{when: =vars.grams > 2000, next: ask}]
    default: {next: ship}
  ask: {kind: approval, title: Send it?, group: office, outcomes: {ship: {next: ship}, leave: {next: left}}}
  ship: {kind: command, send: ShipParcel, to: carrier, on: {ParcelShipped: {next: done}}}
  done: {kind: end}
  left: {kind: end, outcome: failed, reason: It is too heavy.}
layout: {start: [80, 120], pack: [260, 120], weigh: [500, 120], heavy: [740, 120], ask: [980, 240], ship: [1220, 120], done: [1460, 120], left: [1220, 300]}
`;

// No more weighing; a label is printed; the office has a day; and the input has a title.
const SECOND = FIRST.replace("input: {type: object,", "input: {type: object, title: Parcel,")
  .replace(/  weigh:.*\n/, "  label: {kind: command, send: PrintLabel, to: warehouse, on: {LabelPrinted: {next: heavy}}}\n")
  .replace("ParcelPacked: {next: weigh}", "ParcelPacked: {next: label}")
  .replace("=vars.grams > 2000", "=input.address.size() > 20")
  .replace("leave: {next: left}}", "leave: {next: left}}, timeout: {after: P1D, next: left}")
  .replace("done: [1460, 120]", "done: [1460, 180]")
  .replace("weigh: [500, 120]", "label: [500, 240]");

async function publish(baton: Baton, source: string, kind = "processes", name = "parcel"): Promise<void> {
  await baton.post(`/${kind}/${name}/versions`, { source });
}

async function opened(page: Page, baton: Baton, query: string): Promise<void> {
  await page.goto(`${baton.url}/processes/parcel/compare${query}`);
  await live(page);
}

const drawing = (page: Page) => page.getByRole("region", { name: /^Drawing of parcel/ });
const list = (page: Page, name: string) => page.getByRole("list", { name, exact: true });

test("two versions on one drawing and in words, and the old one published again", async ({ page, baton }) => {
  await publish(baton, FIRST);
  await baton.post("/processes/parcel/instances", { input: { address: "Seoul" } });
  await publish(baton, SECOND);
  await opened(page, baton, "");
  await expect(page.getByRole("heading", { level: 1, name: "Versions of parcel compared" })).toBeVisible();
  // what is chosen by itself: the newest and the one before
  await expect(page.locator("select[name=from]")).toHaveValue("1");
  await expect(page.locator("select[name=to]")).toHaveValue("2");
  await expect(page.locator("select[name=from]").locator("option:checked")).toHaveText("v1 (1 live, 0 ended)");

  const node = (name: RegExp) => drawing(page).getByRole("listitem", { name });
  await expect(node(/^Label \(command, new\)/)).toBeVisible();
  await expect(node(/^Weigh \(compute, gone\)/)).toBeVisible();
  await expect(node(/^Ask \(approval, changed\)/)).toBeVisible();
  await expect(node(/^Ship \(command\)/)).toBeVisible();
  await expect(drawing(page).getByRole("listitem")).toHaveCount(9);
  await expect(drawing(page).locator("path.edge.removed")).not.toHaveCount(0);

  await expect(list(page, "Nodes").getByText("weigh", { exact: true })).toBeVisible();
  await expect(list(page, "Nodes")).toContainText("timeout");
  await expect(list(page, "Nodes")).toContainText(`cases/0/when "=vars.grams > 2000" → "=input.address.size() > 20"`);
  await expect(list(page, "Ways")).toContainText("Pack led to Weigh and leads to Label");
  await expect(list(page, "Beside the nodes")).toContainText(`input/title "Parcel"`);
  await expect(page.getByText("Layout: 1 node was moved.")).toBeVisible();

  await inEveryLook(page, async (look) => {
    await picture(page, `compare-${look}`);
    await page.getByRole("heading", { name: "What is different" }).scrollIntoViewIfNeeded();
    await picture(page, `compare-words-${look}`);
    await expectAccessible(page, `compare, ${look}`);
    await expectNoSidewaysScroll(page, `compare, ${look}`);
  });
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1360, height: 860 });

  await page.getByRole("button", { name: "Publish v1 again…" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByLabel("What changed")).toHaveValue("Back to version 1");
  await picture(page, "compare-again");
  await expectAccessible(page, "publish again");
  await dialog.getByRole("button", { name: "Publish as version 3" }).click();
  await expect(page).toHaveURL(`${baton.url}/processes/parcel`);
  await expect(page.getByRole("region", { name: "Versions" })).toContainText("Back to version 1");
  const third = await baton.get("/processes/parcel?version=3");
  expect(third.source.trim()).toBe(FIRST.trim());
  // the first and the third mean the same
  await opened(page, baton, "?from=1&to=3");
  await expect(page.getByText("Both mean the same.")).toBeVisible();
});

test("the address holds what is compared, and the lists change it", async ({ page, baton }) => {
  await publish(baton, FIRST);
  await opened(page, baton, "");
  await expect(page.getByText("There is only version 1, and nothing to compare it with yet.")).toBeVisible();
  await publish(baton, SECOND);
  // a draft that nobody can read
  await baton.put("/processes/parcel/draft", { source: "nodes: [\n  {" });
  await opened(page, baton, "?to=draft");
  await expect(page.getByRole("alert")).toContainText("The text of the draft is neither YAML nor JSON");
  await expectAccessible(page, "compared with an unreadable draft");
  await page.locator("select[name=to]").selectOption("2");
  await expect(page).toHaveURL(/from=2&to=2$/);
  await expect(page.getByText("Both sides are version 2. Choose another one above.")).toBeVisible();
  await page.locator("select[name=from]").selectOption("1");
  await expect(list(page, "Nodes")).toBeVisible();
  await page.getByRole("link", { name: "Swap" }).click();
  await expect(page).toHaveURL(/from=2&to=1$/);
  await expect(drawing(page).getByRole("listitem", { name: /^Weigh \(compute, new\)/ })).toBeVisible();
  // a draft with errors is drawn all the same
  await baton.put("/processes/parcel/draft", { source: SECOND.replace("  done: {kind: end}\n", "") });
  await opened(page, baton, "?from=2&to=draft");
  await expect(drawing(page).getByRole("listitem", { name: /^Done \(end, gone\)/ })).toBeVisible();

  for (const [query, words] of [
    ["?from=7&to=2", "parcel has no version 7."],
    ["?from=last", "“last” is neither the number of a version nor `draft`."],
  ]) {
    await page.goto(`${baton.url}/processes/parcel/compare${query}`);
    await live(page);
    await expect(page.getByRole("alert")).toContainText(words!);
  }
  await page.goto(`${baton.url}/processes/nobody/compare`);
  await live(page);
  await expect(page.getByRole("alert")).toContainText("There is no process");
});

test("sagas are compared in words", async ({ page, baton }) => {
  const saga = (to: string) => `
baton: saga/1
name: receipts
on:
  ParcelShipped: {send: SendReceipt, to: ${to}, payload: {parcel: =event.aggregate_id}}
`;
  await publish(baton, saga("mail"), "sagas", "receipts");
  await publish(baton, saga("letters"), "sagas", "receipts");
  await page.goto(`${baton.url}/sagas/receipts/compare`);
  await live(page);
  await expect(list(page, "Fields")).toContainText(`on/ParcelShipped/to "mail" → "letters"`);
  await expectAccessible(page, "sagas compared");
});
