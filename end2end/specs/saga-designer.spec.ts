// The designer of sagas: the shipped ones drawn from an empty canvas, with the mouse and with the keyboard alone, published
// and run; and what one does to a saga that is there.
import type { CDPSession, Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { eventually, live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { drag, keyboard, middle, mouse, type Hand } from "../support/hands.ts";
import { Participant } from "../support/participant.ts";
import { LOOKS, picture } from "../support/screenshots.ts";
import { shipped } from "../support/world.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Fields = { [name: string]: Json };

const stage = (page: Page) => page.locator("#stage");
const panel = (page: Page) => page.getByRole("complementary", { name: "Settings" });
const part = (page: Page, id: string) => page.locator(`[id="node-${id}"]`);
const plus = (page: Page, id: string, at = 0) => part(page, id).locator(".plus").nth(at);
const said = (page: Page) => page.locator(".studio > [role=status]");
const source = (page: Page) => page.getByLabel("Definition source");
const saved = (page: Page) => expect(page.getByText("Saved. What you change is saved as the draft as you go.")).toBeVisible();

/** The steps in the order in which they stand on the canvas. */
const order = (page: Page) =>
  page.locator(".stage .node.step").evaluateAll((nodes) =>
    nodes
      .map((node) => ({ id: node.id.replace("node-", ""), x: node.getBoundingClientRect().x }))
      .sort((a, b) => a.x - b.x)
      .map(({ id }) => id),
  );

async function draft(baton: Baton, name: string, source: string): Promise<void> {
  await baton.put(`/sagas/${name}/draft`, { source: source.replace(/^name: .*$/m, `name: ${name}`) });
}

const text = (name: string) => shipped().find((it) => it.name === name)!.source;

/** What the shipped saga says, without its scenarios. */
async function wanted(baton: Baton, name: string): Promise<Fields> {
  await draft(baton, "shipped", text(name));
  const { scenarios: _, ...meaning } = (await baton.get(`/sagas/shipped/draft`)).check.document;
  return meaning;
}

async function open(page: Page, baton: Baton, name: string, query = "draft=1"): Promise<void> {
  await page.goto(`${baton.url}/sagas/${name}?${query}`);
  await live(page);
  await expect(stage(page)).toBeVisible();
}

const STEP: Record<string, string> = {
  title: "Title",
  when: "Only if",
  send: "Sends the command",
  to: "To",
  key: "Key",
  payload: "Payload",
  done: "Done by",
  failed: "Failed by",
  set: "Sets",
};
const UNDO: Record<string, string> = { ...STEP, done: "Undone by", failed: "Not undone by" };

/** What one types into a field: several names with commas between them. */
function written(field: string, value: Json): string {
  if (Array.isArray(value) && ["done", "failed", "start"].includes(field)) return value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The settings of the part that is selected. What a new part has and this one has not is emptied. */
async function fill(page: Page, hand: Hand, labels: Record<string, string>, fields: Fields): Promise<void> {
  const within = panel(page);
  for (const [field, label] of Object.entries(labels)) {
    const control = within.getByLabel(label, { exact: true });
    if ((await control.count()) === 0) continue;
    const value = field in fields ? written(field, fields[field]!) : "";
    if ((await control.inputValue()) !== value) await hand.write(control, value);
  }
  const { after, then } = (fields.timeout ?? { after: "", then: "" }) as { after: string; then: string };
  await hand.write(within.getByLabel("Time-out after", { exact: true }), after);
  await hand.choose(within.getByLabel("and then", { exact: true }), then);
}

async function name(page: Page, hand: Hand, to: string): Promise<void> {
  await hand.write(panel(page).getByLabel("Name in the text"), to);
  await expect(part(page, to)).toBeVisible();
}

async function describe(page: Page, hand: Hand, document: Fields): Promise<void> {
  await hand.write(panel(page).getByLabel("Title", { exact: true }), document.title as string);
  await hand.write(panel(page).getByLabel("Description"), document.description as string);
}

/** It is the shipped one, and it is published. */
async function publish(page: Page, baton: Baton, name: string, wanted: Fields): Promise<void> {
  await saved(page);
  const drawn = (await baton.get(`/sagas/${name}/draft`)).check;
  expect(drawn.document).toEqual({ ...wanted, name });
  await expect(page.getByText("No findings. It can be published.")).toBeVisible();
  await page.getByRole("button", { name: "Publish…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Publish", exact: true }).click();
  await expect(page.locator(".page-head .beside")).toContainText("v1");
}

/** Orders that are paid are shipped; one that cannot be shipped is undone. */
async function runOrders(baton: Baton, name: string): Promise<void> {
  const replies: Record<string, string> = {
    ReserveStock: "StockReserved",
    ChargePayment: "PaymentCharged",
    RefundPayment: "PaymentRefunded",
    ReleaseStock: "StockReleased",
  };
  const participant = await Participant.start((command) => {
    const type = command.type === "ShipOrder" ? (command.data.order_id === "o-2" ? "ShipmentRefused" : "OrderShipped") : replies[command.type];
    const { aggregatetype, aggregateid } = command.attributes;
    return type ? [{ type, aggregateType: aggregatetype!, aggregateId: aggregateid!, payload: { payment_id: "p-1" } }] : [];
  });
  for (const to of ["stock", "payments", "shipping"]) {
    await baton.put(`/destinations/${to}`, { kind: "http", url: participant.url });
    await baton.put(`/routes/${to}`, { kind: "command", aggregate_type: to, to });
  }
  for (const [id, state] of [["o-1", "completed"], ["o-2", "compensated"]] as const) {
    await baton.post("/messages", {
      type: "OrderPlaced", aggregate_type: "order", aggregate_id: id, payload: { order_id: id, items: [{ sku: "A-1", count: 2 }], amount: 40 },
    });
    await eventually(`the order ${id} is ${state}`, async () => {
      const { items } = await baton.get(`/instances?kind=saga&definition=${name}&business_key=${id}`);
      return items.some((instance: { state: string }) => instance.state === state);
    });
  }
  const sent = (id: string) => participant.received.filter((command) => command.data.order_id === id).map((command) => command.type);
  expect(sent("o-1")).toEqual(["ReserveStock", "ChargePayment", "ShipOrder"]);
  expect(sent("o-2")).toEqual(["ReserveStock", "ChargePayment", "ShipOrder", "RefundPayment", "ReleaseStock"]);
  await participant.stop();
}

test.use({ viewport: { width: 1800, height: 1150 } });

test("the order fulfilment is drawn with the mouse, published, and runs", async ({ page, baton }) => {
  test.setTimeout(240_000);
  const document = await wanted(baton, "order-fulfilment");
  await open(page, baton, "my-orders", "new=1");
  await expect(page.locator(".stage .node")).toHaveCount(0);
  await expect(page.getByText("A saga has `steps`, or reacts to events (`on`). Begin with one of them.")).toBeVisible();
  await describe(page, mouse, document);
  await page.getByRole("button", { name: "Begin with a step" }).click();
  const steps = document.steps as Fields[];
  for (const [at, step] of steps.entries()) {
    // The second from the plus behind the first, the third from the palette.
    if (at === 1) await plus(page, steps[0]!.name as string).click();
    if (at === 2) {
      const behind = await middle(part(page, "completed"));
      await drag(page, await middle(page.getByRole("button", { name: /^Add step:/ })), behind);
    }
    await expect(page.locator(".stage .node.step")).toHaveCount(at + 1);
    await name(page, mouse, step.name as string);
    await fill(page, mouse, STEP, step);
    if (!step.undo) continue;
    if (at === 0) await plus(page, step.name as string, 1).click();
    else await drag(page, await middle(page.getByRole("button", { name: /^Add undo:/ })), await middle(part(page, step.name as string)));
    await expect(part(page, `undo/${step.name}`)).toHaveClass(/chosen/);
    await fill(page, mouse, UNDO, step.undo as Fields);
  }
  await part(page, "start").click();
  await mouse.write(panel(page).getByLabel(/^Started by/), document.start as string);
  await mouse.write(panel(page).getByLabel("One instance for each"), document.correlate as string);
  await expect(page.locator(".stage .edge.back")).toHaveCount(5);
  await publish(page, baton, "my-orders", document);
  await runOrders(baton, "my-orders");
});

test("the order fulfilment is drawn with the keyboard alone, published, and runs", async ({ page, baton }) => {
  test.setTimeout(240_000);
  const document = await wanted(baton, "order-fulfilment");
  await open(page, baton, "my-orders", "new=1");
  const hand = keyboard(page);
  const keys = async (...pressed: string[]) => {
    for (const key of pressed) await page.keyboard.press(key);
  };
  const add = async (kind: string) => {
    await expect(stage(page)).toBeFocused();
    await keys("a");
    const item = page.locator(".asks").getByRole("button", { name: new RegExp(`^${kind}\\b`) });
    await expect(page.locator(".asks button:focus")).toBeVisible();
    for (let tries = 0; !(await item.evaluate((element) => element === window.document.activeElement)); tries++) {
      if (tries > 5) throw new Error(`${kind} cannot be chosen`);
      await keys("ArrowDown");
    }
    await keys("Enter");
    await expect(stage(page)).toBeFocused();
  };
  const first = panel(page).locator("#settings-title");
  await stage(page).focus();
  for (const step of document.steps as Fields[]) {
    await add("step");
    await keys("F2");
    await expect(first).toBeFocused();
    await name(page, hand, step.name as string);
    await fill(page, hand, STEP, step);
    await keys("Escape");
    if (!step.undo) continue;
    await add("undo");
    await keys("Enter");
    await expect(first).toBeFocused();
    await fill(page, hand, UNDO, step.undo as Fields);
    await keys("Escape");
  }
  await keys("Escape", "Tab");
  await expect(part(page, "start")).toHaveClass(/chosen/);
  await keys("Enter");
  await expect(first).toBeFocused();
  await hand.write(panel(page).getByLabel(/^Started by/), document.start as string);
  await hand.write(panel(page).getByLabel("One instance for each"), document.correlate as string);
  await keys("Escape", "Escape", "Enter");
  await expect(panel(page).getByLabel("Title", { exact: true })).toBeFocused();
  await describe(page, hand, document);
  await publish(page, baton, "my-orders", document);
  await runOrders(baton, "my-orders");
});

test("the campaign publishing is drawn, published, and reacts", async ({ page, baton }) => {
  const document = await wanted(baton, "campaign-publishing");
  await open(page, baton, "my-campaigns", "new=1");
  await describe(page, mouse, document);
  const reactions = Object.entries(document.on as Record<string, Fields>);
  for (const [at, [event, reaction]] of reactions.entries()) {
    if (at === 0) await page.getByRole("button", { name: "Begin with a reaction" }).click();
    else await page.getByRole("button", { name: /^Add reaction:/ }).click();
    await expect(page.locator(".stage .node.reaction")).toHaveCount(at + 1);
    await mouse.write(panel(page).getByLabel("When this happens"), event);
    await expect(part(page, `do/${event}`)).toHaveClass(/chosen/);
    for (const [field, label] of Object.entries({ send: STEP.send!, to: "To", key: "Key", payload: "Payload" })) {
      if (field in reaction) await mouse.write(panel(page).getByLabel(label, { exact: true }), written(field, reaction[field]!));
    }
  }
  // Steps are for another saga, and the canvas says so.
  await page.getByRole("button", { name: /^Add step:/ }).click();
  await expect(page.getByRole("alert")).toContainText("either reacts or has steps");
  await picture(page, "saga-reactions");
  await publish(page, baton, "my-campaigns", document);
  const participant = await Participant.start();
  await baton.put("/destinations/ads", { kind: "http", url: participant.url });
  await baton.put("/routes/ads", { kind: "command", aggregate_type: "ad-publishing", to: "ads" });
  await baton.post("/messages", { type: "CampaignActivated", aggregate_type: "campaign", aggregate_id: "c-1", payload: { campaign_id: "c-1" } });
  const command = await eventually("the advertisement is submitted", async () => participant.received[0]);
  expect(command).toMatchObject({ type: "SubmitAdvertisement", data: { campaign_id: "c-1", title: "Untitled", budget: null } });
  await participant.stop();
});

test("steps are dragged to another place, and undo takes it back; text and table follow", async ({ page, baton }) => {
  await draft(baton, "orders", text("order-fulfilment"));
  await open(page, baton, "orders");
  expect(await order(page)).toEqual(["reserve", "charge", "ship"]);
  const ship = await middle(part(page, "ship"));
  await drag(page, await middle(part(page, "reserve")), { x: ship.x + 30, y: ship.y + 20 });
  await expect(said(page)).toHaveText("Moved Reserve stock to place 3 of 3");
  expect(await order(page)).toEqual(["charge", "ship", "reserve"]);
  await expect(page.getByRole("row").nth(1)).toContainText("Charge payment");
  await expect(source(page)).toHaveValue(/name: charge[^]*name: ship[^]*name: reserve/);
  await stage(page).focus();
  await page.keyboard.press("Control+z");
  expect(await order(page)).toEqual(["reserve", "charge", "ship"]);
  await page.keyboard.press("Control+y");
  expect(await order(page)).toEqual(["charge", "ship", "reserve"]);
  await page.keyboard.press("Control+z");

  // The same by keys, and from the table.
  await part(page, "charge").click();
  await page.keyboard.press("ArrowLeft");
  expect(await order(page)).toEqual(["charge", "reserve", "ship"]);
  await page.getByRole("button", { name: "Move Charge payment behind the next step" }).click();
  expect(await order(page)).toEqual(["reserve", "charge", "ship"]);
  await expect(page.getByRole("button", { name: "Move Charge payment behind the next step" })).toBeFocused();
  await page.getByRole("button", { name: "Add what undoes Ship order" }).click();
  await expect(part(page, "undo/ship")).toHaveClass(/chosen/);
  await page.getByRole("button", { name: "Remove Ship order" }).click();
  expect(await order(page)).toEqual(["reserve", "charge"]);

  // Copies get names of their own; the last step stays, and says why.
  await part(page, "charge").click();
  await page.keyboard.press("Control+d");
  expect(await order(page)).toEqual(["reserve", "charge", "charge-2"]);
  await page.keyboard.press("Delete");
  await part(page, "charge").click();
  await page.keyboard.press("Delete");
  await part(page, "reserve").click();
  await page.keyboard.press("Delete");
  await expect(page.getByRole("alert")).toContainText("at least one");
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await expect(page.getByRole("button", { name: "Begin with a step" })).toBeVisible();

  // What is typed is drawn.
  await source(page).fill("baton: saga/1\nname: orders\non:\n  OrderPlaced: {send: Thank, to: customers}\n");
  await expect(part(page, "do/OrderPlaced")).toBeVisible();
  await saved(page);
  await open(page, baton, "orders");
  await expect(part(page, "do/OrderPlaced")).toHaveAttribute("aria-label", "Thank, reaction to OrderPlaced, → customers");
});

test("findings stand on their step and lead to it; names are offered while one types", async ({ page, baton }) => {
  await draft(baton, "orders", text("order-fulfilment").replace("payment_id: =vars.payment}", "payment_id: =vars.paid}"));
  await open(page, baton, "orders");
  await expect(part(page, "ship").locator(".mark")).toBeVisible();
  await expect(part(page, "ship")).toHaveAttribute("aria-label", /one finding$/);
  await expect(page.locator(".stage .mark")).toHaveCount(1);
  await page.getByRole("button", { name: "on the canvas" }).click();
  await expect(part(page, "ship")).toHaveClass(/chosen/);
  await expect(panel(page).locator("#settings-title")).toBeFocused();
  await expect(panel(page).locator(".finding")).toBeVisible();
  const payload = panel(page).getByLabel("Payload", { exact: true });
  await payload.fill('{"order_id": "=input.order_id", "paid": "=vars.p');
  await expect(panel(page).getByRole("option", { name: /payment.*set at Charge payment/ })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.insertText('"}');
  await payload.blur();
  await expect(page.locator(".stage .mark")).toHaveCount(0);
  await expect(page.getByText("No findings. It can be published.")).toBeVisible();
  // The sample comes from the scenarios.
  await payload.focus();
  await expect(panel(page).getByText('→ {"order_id":"o-1"', { exact: false })).toBeVisible();
});

test("a saga whose commands all go to one aggregate type is told what that may mean", async ({ page, baton }) => {
  await draft(baton, "narrow", text("order-fulfilment").replace(/\bto: \w+/g, "to: order"));
  await open(page, baton, "narrow");
  const warning = page.getByText("All commands go to one aggregate type.", { exact: false });
  await expect(warning.first()).toBeVisible();
  await expect(page.getByText("No findings. It can be published.")).toHaveCount(0);
  // It is a word of warning and keeps nobody from publishing.
  await expect(page.getByRole("button", { name: "Publish…" })).toBeEnabled();
});

for (const look of LOOKS) {
  test.describe(`${look.width}, ${look.colorScheme}`, () => {
    test.use({ viewport: look.viewport, colorScheme: look.colorScheme });

    test("everybody can use it", async ({ page, baton }) => {
      test.setTimeout(120_000);
      const kind = `${look.width}-${look.colorScheme}`;
      await open(page, baton, "fresh", "new=1");
      await picture(page, `saga-empty-${kind}`);
      await expectAccessible(page, `empty ${kind}`);
      await draft(baton, "orders", text("order-fulfilment"));
      await open(page, baton, "orders");
      // Where it is out of sight, the table leads to it.
      await page.getByRole("button", { name: "Charge payment", exact: true }).click();
      await expectAccessible(page, `steps ${kind}`);
      await expectNoSidewaysScroll(page, `steps ${kind}`);
      await page.screenshot({ path: `screenshots/saga-steps-${kind}.png`, fullPage: true, animations: "disabled" });
      await page.getByRole("button", { name: "ReleaseStock", exact: true }).click();
      await picture(page, `saga-undo-${kind}`);
      await draft(baton, "campaigns", text("campaign-publishing"));
      await open(page, baton, "campaigns");
      await page.getByRole("button", { name: "CampaignActivated", exact: true }).click();
      await expectAccessible(page, `reactions ${kind}`);
      await picture(page, `saga-reactions-${kind}`);
    });
  });
}

test.describe("with fingers", () => {
  test.use({ hasTouch: true });

  async function swipe(hand: CDPSession, from: { x: number; y: number }, to: { x: number; y: number }): Promise<void> {
    const at = (share: number) => [{ x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share, id: 0 }];
    await hand.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(0) });
    for (let step = 1; step <= 8; step++) await hand.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: at(step / 8) });
    await hand.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  }

  test("a finger adds a step and moves one", async ({ page, baton, context }) => {
    await draft(baton, "orders", text("order-fulfilment"));
    await open(page, baton, "orders");
    const tap = await middle(plus(page, "charge"));
    await page.touchscreen.tap(tap.x, tap.y);
    await expect.poll(() => order(page)).toEqual(["reserve", "charge", "step", "ship"]);
    const hand = await context.newCDPSession(page);
    const ship = await middle(part(page, "ship"));
    await swipe(hand, await middle(part(page, "step")), { x: ship.x + 40, y: ship.y + 30 });
    await expect.poll(() => order(page)).toEqual(["reserve", "charge", "ship", "step"]);
  });
});
