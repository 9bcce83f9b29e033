// Drafts: saved as one works, kept from being overwritten, and never published without what was just drawn.
import type { Page } from "@playwright/test";
import { expectAccessible } from "../support/accessibility.ts";
import { live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { drag } from "../support/hands.ts";

const SAVED = "Saved. What you change is saved as the draft as you go.";
const source = (page: Page) => page.getByLabel("Definition source");
const node = (page: Page, name: string) => page.locator(`#node-${name}`);
const publish = (page: Page) => page.getByRole("button", { name: "Publish…" });
const add = (page: Page, kind: string) => page.getByRole("button", { name: new RegExp(`^Add ${kind}:`) });

async function open(page: Page, baton: Baton, query: string): Promise<void> {
  await page.goto(`${baton.url}/processes/bills?${query}`);
  await live(page);
  await expect(node(page, "start")).toBeVisible();
}

/** What is stored. */
async function stored(baton: Baton): Promise<string> {
  return (await baton.call("GET", "/processes/bills/draft")).body.source;
}

/** A gate before what the page asks: what comes waits until it is opened. */
async function gate(page: Page, call: string): Promise<() => void> {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  await page.route(`**/sfn/${call}`, async (route) => {
    await opened;
    await route.continue();
  });
  return () => open();
}

test("two people change one draft, and nobody's work is overwritten", async ({ page, baton, someoneElse }) => {
  await open(page, baton, "new=1");
  const first = await source(page).inputValue();
  await source(page).fill(first.replaceAll("refused", "declined"));
  await expect(page.getByText(SAVED)).toBeVisible();
  const ann = await someoneElse("ann");
  await open(ann, baton, "draft=1");
  await expect(node(ann, "declined")).toBeVisible();

  // Where nothing is lost by it, one sees what the other one did.
  await source(ann).fill(first.replaceAll("refused", "denied"));
  await expect(node(page, "denied")).toBeVisible();
  await expect(page.getByText(SAVED)).toBeVisible();

  // Both change it at once: the one who comes second decides.
  const letThrough = await gate(page, "save-draft");
  await source(page).fill(first.replaceAll("refused", "mine"));
  await expect(page.getByText("Saving…")).toBeVisible();
  await source(ann).fill(first.replaceAll("refused", "hers"));
  await expect(ann.getByText(SAVED)).toBeVisible();
  await expect.poll(() => stored(baton)).toContain("hers");
  letThrough();
  const conflict = page.getByRole("alert");
  await expect(conflict).toContainText("ann changed this draft too");
  await expect(publish(page)).toBeDisabled();
  expect(await stored(baton)).toContain("hers");
  await expect(source(page)).toHaveValue(/mine/);
  await conflict.getByText("Their text").click();
  await expect(conflict.locator("pre")).toContainText("hers");
  await expectAccessible(page, "conflict");
  await page.screenshot({ path: "screenshots/draft-conflict.png", fullPage: true });

  await conflict.getByRole("button", { name: "Go on with mine" }).click();
  await expect(page.getByText(SAVED)).toBeVisible();
  await expect.poll(() => stored(baton)).toContain("mine");
  await expect(source(ann)).toHaveValue(/mine/);

  // The other way: theirs is taken, and undo brings one's own back.
  const again = await gate(page, "save-draft");
  await source(page).fill(first.replaceAll("refused", "mine-again"));
  await expect(page.getByText("Saving…")).toBeVisible();
  await source(ann).fill(first.replaceAll("refused", "hers-again"));
  await expect.poll(() => stored(baton)).toContain("hers-again");
  again();
  await conflict.getByRole("button", { name: "Take theirs" }).click();
  await expect(node(page, "hers-again")).toBeVisible();
  await expect(page.getByText(SAVED)).toBeVisible();
  await page.locator("#stage").focus();
  await page.keyboard.press("Control+z");
  await expect(source(page)).toHaveValue(/mine-again/);
});

test("what was just drawn is published with the rest, or not at all", async ({ page, baton }) => {
  await open(page, baton, "new=1");
  await expect(publish(page)).toBeEnabled();
  const letThrough = await gate(page, "draw");
  await node(page, "approve").click();
  await page.getByLabel("Title", { exact: true }).fill("Really?");
  await page.getByLabel("Title", { exact: true }).press("Enter");
  await expect(publish(page)).toBeDisabled();
  await expect(publish(page)).toHaveAttribute("title", /just drawn/);
  await expect(source(page)).not.toBeEditable();
  letThrough();
  await expect(source(page)).toHaveValue(/Really\?/);
  await publish(page).click();
  await page.getByRole("dialog").getByRole("button", { name: "Publish", exact: true }).click();
  await expect(page.getByRole("link", { name: "Start", exact: true })).toBeVisible();
  expect((await baton.call("GET", "/processes/bills")).body.source).toContain("Really?");
});

test("while the server cannot be asked, nothing is lost and it is said", async ({ page, baton }) => {
  await open(page, baton, "new=1");
  await page.route("**/sfn/draw", (route) => route.fulfill({ status: 200, body: "not what was asked for" }));
  await add(page, "timer").click();
  await expect(page.getByText(/^Not saved: /)).toBeVisible();
  await expect(node(page, "timer")).toBeVisible();
  await page.unroute("**/sfn/draw");
  await expect(page.getByText(SAVED)).toBeVisible();
  expect(await stored(baton)).toContain("timer");
});

test("a text that cannot be read is not replaced by drawing", async ({ page, baton }) => {
  await open(page, baton, "new=1");
  const whole = await source(page).inputValue();
  const count = await page.locator(".stage .node").count();
  await source(page).fill("nodes: [");
  await expect(page.getByText(/neither YAML nor JSON/)).toBeVisible();
  await add(page, "timer").click();
  await expect(page.getByRole("alert")).toContainText("Mend the text first");
  await expect(page.locator(".stage .node")).toHaveCount(count);
  await expect(source(page)).toHaveValue("nodes: [");

  await source(page).fill(whole);
  await expect(page.getByText("1 warning")).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await add(page, "timer").click();
  await expect(page.locator(".stage .node")).toHaveCount(count + 1);
});

test("a text that is far too large is sent nowhere, and what was there comes back", async ({ page, baton }) => {
  await open(page, baton, "new=1");
  const whole = await source(page).inputValue();
  const large: string[] = [];
  page.on("request", (request) => void ((request.postData() ?? "").length > 1_000_000 && large.push(request.url())));
  for (const bytes of [5_000_000, 9_000_000]) {
    await source(page).evaluate((area, bytes) => {
      (area as HTMLTextAreaElement).value = "x".repeat(bytes);
      area.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }, bytes);
    await expect(page.getByText(`Not saved: a definition has at most 1048576 bytes; this one has ${bytes}`)).toBeVisible();
    await expect(publish(page)).toBeDisabled();
    await add(page, "timer").click();
    await expect(page.getByRole("alert")).toContainText("Mend the text first");
  }
  await source(page).fill(`${whole}# mended\n`);
  await expect(page.getByText(SAVED)).toBeVisible();
  expect(await stored(baton)).toContain("# mended");
  expect(large).toEqual([]);
});

test("a draft that is opened broken is drawn as soon as it is mended", async ({ page, baton }) => {
  await page.goto(`${baton.url}/processes/bills?new=1`);
  await live(page);
  const whole = await source(page).inputValue();
  await source(page).fill("nodes: [");
  await expect(page.getByText(SAVED)).toBeVisible();
  await page.goto(`${baton.url}/processes/bills?draft=1`);
  await live(page);
  await expect(page.getByText("The text cannot be drawn yet: mend the errors below.")).toBeVisible();
  await source(page).fill(whole);
  await expect(node(page, "approve")).toBeVisible();
});

test("a draft of a newer version is shown and not touched", async ({ page, baton }) => {
  const newer = "baton: process/2\nname: bills\nnodes: {start: {kind: begin, then: [done]}}\n";
  await baton.call("PUT", "/processes/bills/draft", { source: newer });
  await page.goto(`${baton.url}/processes/bills?draft=1`);
  await live(page);
  await expect(page.getByText(/is of a newer Baton/).first()).toBeVisible();
  await expect(source(page)).toHaveValue(newer);

  // Every way of the canvas to change it is refused, and says why.
  const at = (await node(page, "start").boundingBox())!;
  const from = { x: at.x + at.width / 2, y: at.y + at.height / 2 };
  await drag(page, from, { x: from.x + 80, y: from.y + 60 });
  await expect(page.getByRole("alert")).toContainText("Drawing here would lose what this one does not know");
  await expect.poll(async () => (await node(page, "start").boundingBox())!.x).toBeCloseTo(at.x, 0);
  await page.keyboard.press("Delete");
  await add(page, "timer").click();
  await page.getByRole("button", { name: "Lay everything out (T)" }).click();
  await expect(page.getByRole("alert")).toContainText("of a newer Baton");
  await expect(page.locator(".stage .node")).toHaveCount(1);
  await expect(page.getByText(SAVED)).toBeVisible();
  // Nor is it written for somebody who asks past the canvas.
  const document = JSON.stringify({ baton: "process/2", name: "bills", nodes: {} });
  const answer = await page.request.post("/sfn/draw", { data: { kind: "process", document } });
  expect(answer.ok()).toBe(false);
  expect(await answer.text()).toContain("newer-format");
  expect(await stored(baton)).toBe(newer);
});

test("undone to the end nothing was changed, and the text is as it was written", async ({ page, baton }) => {
  await open(page, baton, "new=1");
  const written = await source(page).inputValue();
  await add(page, "timer").click();
  await expect(source(page)).toHaveValue(/timer/);
  await page.keyboard.press("Control+z");
  await expect(source(page)).toHaveValue(written);
  await expect(page.getByText(SAVED)).toBeVisible();
  // On a slow machine the timer was stored meanwhile, and is taken back there too.
  const there = async () => (await baton.call("GET", "/processes/bills/draft", undefined, { allow: [404] })).body.source ?? written;
  await expect.poll(there).toBe(written);
});

test("who changed nothing is told when the draft is gone, and goes on with a new one", async ({ page, baton }) => {
  await open(page, baton, "new=1");
  await source(page).fill((await source(page).inputValue()).replaceAll("refused", "declined"));
  await expect(page.getByText(SAVED)).toBeVisible();
  await baton.call("DELETE", "/processes/bills/draft");
  await expect(page.getByText("Not stored any more")).toBeVisible();
  await source(page).fill((await source(page).inputValue()).replaceAll("declined", "turned-down"));
  await expect.poll(async () => (await baton.call("GET", "/processes/bills/draft", undefined, { allow: [404] })).body.source).toContain("turned-down");
  await expect(page.getByText(SAVED)).toBeVisible();
});

test("what is not saved yet is saved when one goes elsewhere", async ({ page, baton }) => {
  await open(page, baton, "new=1");
  await source(page).fill((await source(page).inputValue()).replaceAll("refused", "declined"));
  await page.getByRole("link", { name: "Leave the draft" }).click();
  await expect.poll(async () => (await baton.call("GET", "/processes/bills/draft", undefined, { allow: [404] })).body.source).toContain("declined");

  // Drawn, not yet written as text.
  await open(page, baton, "draft=1");
  await add(page, "timer").click();
  await page.getByRole("link", { name: "Leave the draft" }).click();
  await expect.poll(() => stored(baton)).toContain("timer");
});

test("what could not be stored when one went elsewhere is offered again", async ({ page, baton, context }) => {
  const card = page.getByRole("alert").filter({ hasText: "Your last changes were not stored" });
  const leave = page.getByRole("link", { name: "Leave the draft" });
  const kept = async () => (await page.evaluate(() => localStorage.getItem("baton-unsaved/process/bills"))) ?? "";
  await open(page, baton, "new=1");
  const first = await source(page).inputValue();
  await source(page).fill(first.replaceAll("refused", "declined"));
  await expect(page.getByText(SAVED)).toBeVisible();

  // Under way when the page is left, and then lost.
  let lose = () => {};
  const lost = new Promise<void>((resolve) => (lose = resolve));
  await page.route("**/sfn/save-draft", async (route) => {
    await lost;
    await route.abort();
  });
  await source(page).fill(first.replaceAll("refused", "denied"));
  await expect(page.getByText("Saving…")).toBeVisible();
  await leave.click();
  await page.waitForURL((url) => !url.search.includes("draft") && !url.search.includes("new"));
  lose();
  await expect.poll(kept).toContain("denied");
  await page.unroute("**/sfn/save-draft");
  await open(page, baton, "draft=1");
  await expect(card).toBeVisible();
  await expect(source(page)).toHaveValue(/declined/);
  await card.getByText("What you had", { exact: true }).click();
  await expect(card.locator("pre")).toContainText("denied");
  await expectAccessible(page, "left unsaved");
  await page.screenshot({ path: "screenshots/draft-left-unsaved.png", fullPage: true });
  await card.getByRole("button", { name: "Go on with it" }).click();
  await expect(card).toHaveCount(0);
  await expect(node(page, "denied")).toBeVisible();
  await expect.poll(() => stored(baton)).toContain("denied");
  await expect(page.getByText(SAVED)).toBeVisible();

  // Without a connection, and only drawn.
  await context.setOffline(true);
  await add(page, "timer").click();
  await expect(page.getByText(/^Not saved: /)).toBeVisible();
  await leave.click();
  await page.waitForURL((url) => !url.search.includes("draft"));
  await expect.poll(kept).toContain("timer");
  await context.setOffline(false);
  await open(page, baton, "draft=1");
  await expect(card).toBeVisible();
  await expect(node(page, "timer")).toHaveCount(0);
  await card.getByText("What you had", { exact: true }).click();
  await expect(card.locator("pre")).toContainText("timer");
  await card.getByRole("button", { name: "Give it up" }).click();
  await expect(card).toHaveCount(0);
  await page.reload();
  await live(page);
  await expect(node(page, "denied")).toBeVisible();
  await expect(card).toHaveCount(0);
  expect(await stored(baton)).not.toContain("timer");
});

test("the first saving does not replace a draft that somebody else began meanwhile", async ({ page, baton }) => {
  await open(page, baton, "new=1");
  const first = await source(page).inputValue();
  const letThrough = await gate(page, "save-draft");
  await source(page).fill(first.replaceAll("refused", "mine"));
  await expect(page.getByText("Saving…")).toBeVisible();
  await baton.put("/processes/bills/draft", { source: first.replaceAll("refused", "hers") });
  letThrough();
  await expect(page.getByRole("alert")).toContainText("changed this draft too");
  expect(await stored(baton)).toContain("hers");
  await expect(source(page)).toHaveValue(/mine/);
});

test("a draft is discarded, and who still has it open is told", async ({ page, baton, someoneElse }) => {
  await open(page, baton, "new=1");
  await expect(page.getByRole("button", { name: "Discard…" })).toHaveCount(0);
  await source(page).fill((await source(page).inputValue()).replaceAll("refused", "declined"));
  const ann = await someoneElse("ann");
  await expect.poll(async () => (await baton.call("GET", "/processes/bills/draft", undefined, { allow: [404] })).status).toBe(200);
  await open(ann, baton, "draft=1");
  const letThrough = await gate(ann, "save-draft");
  await source(ann).fill((await source(ann).inputValue()).replaceAll("declined", "hers"));
  await expect(ann.getByText("Saving…")).toBeVisible();

  await page.getByRole("button", { name: "Discard…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Discard", exact: true }).click();
  await page.waitForURL(`${baton.url}/processes`);
  letThrough();
  await expect(ann.getByRole("alert")).toContainText("This draft is gone");
  await ann.getByRole("button", { name: "Save mine as a new draft" }).click();
  await expect.poll(async () => (await baton.call("GET", "/processes/bills/draft", undefined, { allow: [404] })).body.source).toContain("hers");
});

test("nodes that were only moved keep the version, and the dialog says so", async ({ page, baton }) => {
  await open(page, baton, "new=1");
  await baton.call("POST", "/processes/bills/versions", { source: await source(page).inputValue() });
  await baton.call("POST", "/processes/bills/instances", { input: { customer: "Mina" } });
  await open(page, baton, "draft=1");
  await node(page, "done").click();
  await page.keyboard.press("Shift+ArrowUp");
  await expect(source(page)).toHaveValue(/layout:/);
  await expect(page.getByText(SAVED)).toBeVisible();
  await publish(page).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("Only positions changed: version 1 stays");
  await expectAccessible(page, "publish moved");
  await page.screenshot({ path: "screenshots/publish-moved.png" });
  await dialog.getByRole("button", { name: "Publish", exact: true }).click();
  await expect(page.getByRole("link", { name: "Start", exact: true })).toBeVisible();
  await expect(page.locator(".page-head .beside")).toContainText("v1");
  const { items } = await baton.get("/processes/bills/versions");
  expect(items).toHaveLength(1);
  expect((await baton.get("/processes/bills")).source).toContain("layout:");
});

test("before publishing one sees which instances could come along", async ({ page, baton }) => {
  await open(page, baton, "new=1");
  const text = await source(page).inputValue();
  await baton.call("POST", "/processes/bills/versions", { source: text });
  for (const customer of ["Mina", "Jun"]) await baton.call("POST", "/processes/bills/instances", { input: { customer } });
  await open(page, baton, "draft=1");

  // What they wait at is gone.
  await source(page).fill(text.replace("  approve:\n", "  confirm:\n").replace("next: approve}", "next: confirm}"));
  await expect(node(page, "confirm")).toBeVisible();
  await publish(page).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("0 of 2 could migrate to it as they are.");
  await expect(dialog.getByRole("listitem")).toHaveCount(2);
  await expectAccessible(page, "publish dialog");
  await page.screenshot({ path: "screenshots/publish-dialog.png" });
  await page.keyboard.press("Escape");

  await source(page).fill(text.replace('"Approve "', '"Please approve "'));
  await expect(node(page, "approve")).toBeVisible();
  await publish(page).click();
  await expect(dialog).toContainText("All 2 could migrate to it as they are.");
});
