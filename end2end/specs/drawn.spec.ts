// The trip booking drawn from an empty canvas, by hand: with the mouse, and again with the keyboard alone. What comes out is
// the shipped one; it is published, started, and completes.
import type { Page } from "@playwright/test";
import { expectAccessible } from "../support/accessibility.ts";
import { live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { drag, keyboard, middle, mouse, reach, type Hand } from "../support/hands.ts";
import { answer, bar, panel, startTrip, tryIt } from "../support/trial.ts";
import { TRIP, type World } from "../support/world.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Fields = { [name: string]: Json };
interface Way {
  name: string;
  to: string;
  /** What stands beside `next`. */
  fields: Fields;
}
interface Drawn {
  name: string;
  kind: string;
  fields: Fields;
  ways: Way[];
}

const NAME = "my-trip";
const stage = (page: Page) => page.locator("#stage");
const settings = (page: Page) => page.getByRole("complementary", { name: "Settings" });

/** A definition as one sees it on the canvas: nodes with their fields, and their ways out. */
function nodesOf(document: Fields): Drawn[] {
  return Object.entries(document.nodes as Record<string, Fields>).map(([name, node]) => {
    const { kind, next, on, cases, default: other, outcomes, ...fields } = node;
    const ways: Way[] = [];
    const way = (name: string, { next, ...fields }: Fields) => ways.push({ name, to: next as string, fields });
    if (next) way("next", { next });
    // In the order of their handles: by name, the time-out last.
    const { timeout, ...named } = (on ?? outcomes ?? {}) as Record<string, Fields>;
    for (const name of Object.keys(named).sort()) way(name, named[name]!);
    ((cases ?? []) as Fields[]).forEach((fields, at) => way(`case-${at + 1}`, fields));
    if (other) way("default", other as Fields);
    if (timeout) way("timeout", timeout);
    return { name, kind: kind as string, fields, ways };
  });
}

const LABELS: Record<string, string> = {
  title: "Title",
  description: "Description",
  set: "Sets",
  send: "Sends the command",
  to: "To",
  payload: "Payload",
  assignee: "Assignee",
  group: "Group",
  due: "Due",
  outcome: "Outcome",
  reason: "Reason",
};
const WAY_LABELS: Record<string, string> = { after: "After", when: "When", title: "Button", form: "Form", set: "Sets" };

/** What a new node has that some do without. */
const CLEARED: Record<string, string[]> = { approval: ["group", "due"] };

/** What one types into a field. */
const written = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));

async function fill(page: Page, hand: Hand, node: Drawn): Promise<void> {
  const within = settings(page);
  for (const [field, value] of Object.entries(node.fields)) {
    const label = LABELS[field];
    if (!label) throw new Error(`the field ${field} has no label`);
    const control = within.getByLabel(label, { exact: true }).first();
    if (field === "outcome") await hand.choose(control, value as string);
    else await hand.write(control, written(value));
  }
  for (const field of CLEARED[node.kind] ?? []) {
    if (!(field in node.fields)) await hand.write(within.getByLabel(LABELS[field]!, { exact: true }).first(), "");
  }
  // Ways out that are there are renamed, missing ones added, the others removed.
  const group = (name: string) => within.getByRole("group", { name: `Way out ${name}`, exact: true });
  const there = async () => {
    const legends = await within.locator("fieldset.way legend").allTextContents();
    return legends.map((legend) => legend.replace("Way out ", ""));
  };
  const wanted = node.ways.map((way) => way.name);
  const lacking = async () => {
    const names = await there();
    return wanted.filter((name) => !names.includes(name));
  };
  const surplus = async () => (await there()).filter((name) => !wanted.includes(name));
  const rename = async (from: string, to: string) => {
    await hand.write(group(from).getByLabel("Name of this way out"), to);
    await expect(group(to)).toBeVisible();
  };
  const add = within.getByRole("button", { name: /^Add an? (reply|condition|outcome)$/ });
  for (const name of await lacking()) {
    const other = (await surplus()).find((name) => name !== "timeout");
    if (name === "timeout") {
      await hand.press(within.getByRole("button", { name: "Add a time-out" }));
    } else if (other) {
      await rename(other, name);
    } else {
      const before = await there();
      await hand.press(add);
      await expect(within.locator("fieldset.way")).toHaveCount(before.length + 1);
      const added = (await there()).find((name) => !before.includes(name))!;
      if (added !== name) await rename(added, name);
    }
    await expect(group(name)).toBeVisible();
  }
  for (const name of await surplus()) {
    await hand.press(group(name).getByRole("button", { name: `Remove ${name}` }));
    await expect(group(name)).toHaveCount(0);
  }
  for (const way of node.ways) {
    for (const [field, value] of Object.entries(way.fields)) {
      if (field === "form") await hand.press(group(way.name).locator("summary"));
      await hand.write(group(way.name).getByLabel(WAY_LABELS[field]!, { exact: true }), written(value));
    }
  }
}

/** The settings of the process itself. */
async function describe(page: Page, hand: Hand, document: Fields): Promise<void> {
  await hand.write(settings(page).getByLabel("Title", { exact: true }), document.title as string);
  await hand.write(settings(page).getByLabel("Description"), document.description as string);
  await hand.press(settings(page).locator("summary").first());
  await hand.write(settings(page).getByLabel("Form of the start"), JSON.stringify(document.input));
}

async function shipped(baton: Baton): Promise<Fields> {
  return (await baton.call("GET", "/processes/trip-booking")).body.check.document;
}

async function empty(page: Page, baton: Baton): Promise<void> {
  await page.goto(`${baton.url}/processes/${NAME}?new=1`);
  await live(page);
  await stage(page).focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await expect(page.locator(".stage .node")).toHaveCount(0);
}

/** Tries what was drawn out before anybody else sees it: quoted, approved, booked, and at its end. */
async function tryOut(page: Page): Promise<void> {
  await tryIt(page);
  await startTrip(page);
  await answer(page, "QuotesReceived", { quotes: [{ code: "KE901", carrier: "Korean Air", price: 870 }] });
  await panel(page).getByRole("button", { name: "Approve", exact: true }).click();
  await answer(page, "FlightBooked", { pnr: "X7KQ2P" });
  await answer(page, "HotelBooked", { hotel: "Lumen", confirmation: "H-1" });
  await expect(bar(page)).toContainText("completed");
}

/** It is the shipped one; it is tried out, published, started by its form, approved, and completes. */
async function publishAndRun(page: Page, baton: Baton, world: World, document: Fields): Promise<void> {
  await expect(page.getByText("Saved. What you change is saved as the draft as you go.")).toBeVisible();
  const drawn = (await baton.call("GET", `/processes/${NAME}/draft`)).body.check;
  const { layout: _, ...meaning } = drawn.document;
  const { layout: __, scenarios: ___, ...wanted } = document;
  expect(meaning).toEqual({ ...wanted, name: NAME });
  await expect(page.getByText("No findings. It can be published.")).toBeVisible();
  await expectAccessible(page, "drawn trip");
  await page.screenshot({ path: "screenshots/drawn-trip.png", fullPage: true });
  await tryOut(page);
  await page.getByRole("button", { name: "Publish…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Publish", exact: true }).click();
  await expect(page.getByRole("link", { name: "Start", exact: true })).toBeVisible();

  await page.goto(`${baton.url}/processes/${NAME}/start`);
  for (const [name, value] of Object.entries(TRIP)) {
    await page.locator(`[name="fields[${name}]"]`).fill(Array.isArray(value) ? value.join("\n") : value);
  }
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL(/\/instances\/[0-9a-f-]{36}/);
  const instance = page.url();
  await expect(page.locator(".page-head .beside")).toHaveText("waiting");
  await page.goto(`${baton.url}/tasks`);
  await page.getByRole("link", { name: /Approve flight KE901/ }).click();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.goto(instance);
  await expect(page.locator(".page-head .beside")).toHaveText("completed");
  expect(world.participant.received.map((command) => command.type)).toEqual(["RequestQuotes", "BookFlight", "BookHotel"]);
}

test.use({ user: TRIP.employee, viewport: { width: 1800, height: 1150 } });

test("the trip booking is drawn with the mouse", async ({ page, baton, world }) => {
  test.setTimeout(600_000);
  const document = await shipped(baton);
  const nodes = nodesOf(document);
  await empty(page, baton);
  const hand = mouse;
  // From the palette to a place of its own each, small enough for all of them.
  for (let time = 0; time < 3; time++) await page.getByRole("button", { name: "Zoom out (-)" }).click();
  const origin = (await stage(page).boundingBox())!;
  const columns = 5;
  for (const [at, node] of nodes.entries()) {
    const item = page.getByRole("button", { name: new RegExp(`^Add ${node.kind}:`) });
    const [column, row] = [at % columns, Math.floor(at / columns)];
    const place = { x: origin.x + ((column + 0.5) * origin.width) / columns, y: origin.y + 60 + row * 150 };
    await drag(page, await middle(item), place);
    await expect(page.locator(".stage .node")).toHaveCount(at + 1);
    await expect(settings(page).getByLabel("Name in the text")).toBeVisible();
    const name = settings(page).getByLabel("Name in the text");
    if ((await name.inputValue()) !== node.name) await hand.write(name, node.name);
    await expect(page.locator(`#node-${node.name}`)).toBeVisible();
    await fill(page, hand, node);
  }
  for (const node of nodes) {
    for (const [at, way] of node.ways.entries()) {
      const handle = page.locator(`#node-${node.name} .handle`).nth(at);
      const edges = await page.locator(".stage .edge").count();
      await drag(page, await middle(handle), await middle(page.locator(`#node-${way.to}`)));
      await expect(page.locator(".stage .edge")).toHaveCount(edges + 1);
    }
  }
  await page.mouse.click(origin.x + 8, origin.y + 8);
  await describe(page, hand, document);
  await page.getByRole("button", { name: "Lay everything out (T)" }).click();
  await publishAndRun(page, baton, world, document);
});

test("the trip booking is drawn with the keyboard alone", async ({ page, baton, world }) => {
  test.setTimeout(600_000);
  const document = await shipped(baton);
  const nodes = nodesOf(document);
  await empty(page, baton);
  const key = (name: string) => page.keyboard.press(name);
  const hand = keyboard(page);
  for (const [at, node] of nodes.entries()) {
    await stage(page).focus();
    await key("Escape");
    await key("a");
    const item = page.locator(".asks").getByRole("button", { name: new RegExp(`^${node.kind}\\b`) });
    await expect(page.locator(".asks button:focus")).toBeVisible();
    for (let tabs = 0; !(await item.evaluate((element) => element === window.document.activeElement)); tabs++) {
      if (tabs > 20) throw new Error(`${node.kind} cannot be chosen`);
      await key("ArrowDown");
    }
    await key("Enter");
    await expect(page.locator(".stage .node")).toHaveCount(at + 1);
    await expect(stage(page)).toBeFocused();
    await key("F2");
    await expect(settings(page).getByLabel("Title", { exact: true })).toBeFocused();
    const name = settings(page).getByLabel("Name in the text");
    if ((await name.inputValue()) !== node.name) {
      await hand.write(name, node.name);
      await expect(page.locator(`#node-${node.name}`)).toBeVisible();
    }
    await fill(page, hand, node);
    await key("Escape");
    await expect(stage(page)).toBeFocused();
  }
  // Where each way leads, from node to node.
  for (const node of nodes) {
    await stage(page).focus();
    await key("Control+f");
    await expect(page.getByRole("searchbox", { name: "Find a node" })).toBeFocused();
    await page.keyboard.insertText(node.name);
    await key("Enter");
    await expect(page.locator(`#node-${node.name}`)).toHaveClass(/chosen/);
    await key("F2");
    for (const way of node.ways) {
      const select = settings(page).getByLabel(`${way.name} leads to`, { exact: true });
      await reach(page, select);
      // As many arrows as it takes.
      const steps = await select.evaluate((element, to) => {
        const { options, selectedIndex } = element as HTMLSelectElement;
        return [...options].findIndex((option) => option.value === to) - selectedIndex;
      }, way.to);
      for (let step = 0; step < Math.abs(steps); step++) await key(steps > 0 ? "ArrowDown" : "ArrowUp");
      await expect(select).toHaveValue(way.to);
    }
    await key("Escape");
  }
  await stage(page).focus();
  await key("Escape");
  await key("Enter");
  await expect(settings(page).getByLabel("Title", { exact: true })).toBeFocused();
  await describe(page, hand, document);
  await stage(page).focus();
  await key("t");
  await publishAndRun(page, baton, world, document);
});
