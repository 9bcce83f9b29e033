// A stuck saga, and whoever sees to it: the page shows each step with what undoes it, and an undo that is refused is tried
// again, left out or abandoned.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { eventually, live, type Baton, type Database } from "../support/baton.ts";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { expect, test } from "../support/fixtures.ts";
import { Participant } from "../support/participant.ts";
import { inEveryLook, picture } from "../support/screenshots.ts";

const ORDERS = readFileSync(join(import.meta.dirname, "..", "..", "domain", "definitions", "order-fulfilment.yaml"), "utf8");
const REASON = "the bank was asked";

interface Shop {
  participant: Participant;
  refunds: boolean;
  ships: boolean | undefined;
}

async function prepared(baton: Baton): Promise<Shop> {
  const shop = { refunds: false, ships: false } as Shop;
  shop.participant = await Participant.start((command) => {
    const says = (type: string) => [{ type, aggregateType: "shop", aggregateId: "1", payload: { order_id: command.data.order_id, payment_id: "p-1" } }];
    switch (command.type) {
      case "ReserveStock":
        return says("StockReserved");
      case "ChargePayment":
        return says("PaymentCharged");
      case "ShipOrder":
        return shop.ships === undefined ? [] : says(shop.ships ? "OrderShipped" : "ShipmentRefused");
      case "RefundPayment":
        return says(shop.refunds ? "PaymentRefunded" : "RefundRefused");
      case "ReleaseStock":
        return says("StockReleased");
      default:
        return [];
    }
  });
  await baton.put("/destinations/shop", { kind: "http", url: shop.participant.url });
  for (const to of ["stock", "payments", "shipping"]) {
    await baton.put(`/routes/${to}-commands`, { kind: "command", aggregate_type: to, to: "shop" });
  }
  await baton.post("/sagas/order-fulfilment/versions", { source: ORDERS });
  return shop;
}

/** Has an order placed, waits until its saga is in that state, and opens its page. */
async function placed(page: Page, baton: Baton, state: string): Promise<string> {
  const order_id = "order 7";
  await baton.post("/messages", {
    type: "OrderPlaced", aggregate_type: "order", aggregate_id: order_id, payload: { order_id, items: [{ sku: "A-1", count: 2 }], amount: 40 },
  });
  const instance = await eventually(`the saga is ${state}`, async () => {
    const { items } = await baton.get("/instances?kind=saga");
    return items[0]?.state === state ? items[0] : undefined;
  });
  await page.goto(`${baton.url}/instances/${instance.id}`);
  await live(page);
  return instance.id;
}

async function operated(page: Page, operation: string, choose: () => Promise<void> = async () => {}): Promise<void> {
  const button = page.getByRole("button", { name: `${operation}…`, exact: true });
  if (!(await button.isVisible())) await page.locator("summary", { hasText: "More" }).click();
  await button.click();
  const dialog = page.getByRole("dialog");
  await choose();
  await dialog.getByLabel("Reason").fill(REASON);
  await dialog.getByRole("button", { name: operation, exact: true }).click();
  await expect(dialog).toBeHidden();
}

const steps = (page: Page) => page.getByRole("table", { name: "Steps" }).getByRole("row");

async function expectStep(page: Page, name: string, ...words: string[]): Promise<void> {
  const row = steps(page).filter({ has: page.getByRole("rowheader", { name, exact: true }) });
  for (const word of words) await expect(row).toContainText(word);
}

async function expectState(page: Page, state: string): Promise<void> {
  await expect(page.locator(".page-head .beside")).toHaveText(state);
}

for (const database of ["sqlite", "postgres"] satisfies Database[]) {
  test.describe(`on ${database}`, () => {
    test.use({ database });

    test("a refused shipment is undone step by step, and a refused refund is tried again", async ({ page, baton }) => {
      const shop = await prepared(baton);
      await placed(page, baton, "stuck");
      await expectStep(page, "Reserve stock", "ReserveStock to stock", "done", "ReleaseStock", "ready");
      await expectStep(page, "Charge payment", "done", "RefundPayment", "stuck");
      await expectStep(page, "Ship order", "refused", "nothing; it stays");
      await expect(page.getByRole("alert")).toContainText("RefundRefused says that `charge` could not be undone");
      // what came in, what it changed and what was issued
      const history = page.locator(".history");
      await expect(history.getByRole("row").filter({ hasText: "PaymentCharged" })).toContainText("ShipOrder");
      await expect(history.getByRole("list", { name: "Changed variables" })).toContainText(`payment "p-1"`);
      await inEveryLook(page, async (look) => {
        await expectAccessible(page, `a stuck saga ${look}`);
        await expectNoSidewaysScroll(page, `a stuck saga ${look}`);
        await picture(page, `stuck-saga-${look}`);
      });
      await page.setViewportSize({ width: 1360, height: 860 });
      shop.refunds = true;
      await operated(page, "Retry");
      await expectState(page, "compensated");
      await expectStep(page, "Charge payment", "RefundPayment", "undone");
      await expectStep(page, "Reserve stock", "ReleaseStock", "undone");
      const sent = shop.participant.received.map((command) => command.type);
      expect(sent).toEqual(["ReserveStock", "ChargePayment", "ShipOrder", "RefundPayment", "RefundPayment", "ReleaseStock"]);
      await expect(history).toContainText(REASON);
      await shop.participant.stop();
    });

    test("a refused refund is left out, and the rest is undone", async ({ page, baton }) => {
      const shop = await prepared(baton);
      const id = await placed(page, baton, "stuck");
      const choice = page.getByRole("dialog").getByLabel("Which step, and how to go on");
      await operated(page, "Skip a step", async () => {
        await choice.selectOption({ label: "Compensation: leave the undo out" });
      });
      await expectState(page, "compensated");
      await expectStep(page, "Charge payment", "left as it is");
      await expectStep(page, "Reserve stock", "undone");
      const [entry] = (await baton.get(`/audit?subject=instance/${id}`)).items;
      expect(entry).toMatchObject({ action: "skip-instance", reason: REASON });
      await shop.participant.stop();
    });

    test("an order that may be on its way is not refunded before that is known", async ({ page, baton }) => {
      const shop = await prepared(baton);
      Object.assign(shop, { ships: undefined, refunds: true });
      const id = await placed(page, baton, "running");
      await eventually("it is being shipped", async () => (await baton.get(`/instances/${id}`)).at.includes("ship"));
      await expectStep(page, "Ship order", "under way");
      await page.getByRole("button", { name: "Cancel…", exact: true }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Undo what was done first").check();
      await dialog.getByLabel("Reason").fill(REASON);
      await dialog.getByRole("button", { name: "Cancel the instance" }).click();
      await expect(dialog).toBeHidden();
      await expectState(page, "compensating");
      await expectStep(page, "Ship order", "unanswered");
      await expectStep(page, "Charge payment", "RefundPayment", "ready");
      expect(shop.participant.received.map((command) => command.type)).not.toContain("RefundPayment");
      // nobody will ever say: an operator does
      await operated(page, "Settle a command", async () => {
        await page.getByRole("dialog").getByLabel("It was not done").check();
      });
      await expectState(page, "cancelled");
      await expectStep(page, "Charge payment", "undone");
      await shop.participant.stop();
    });
  });
}
