// A program that is not Baton inserts into the outbox, and a person sees it happen.
import { type Database, eventually, live } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { insertFromOutside } from "../support/outsider.ts";
import { Participant } from "../support/participant.ts";

for (const database of ["sqlite", "postgres"] satisfies Database[]) {
  test.describe(`on ${database}`, () => {
    test.use({ database });

    test("an insert from another process appears live and is delivered, in order", async ({ page, baton }) => {
      // given an endpoint that takes what happens to orders, and a person who watches the flow
      const shop = await Participant.start();
      await baton.put("/destinations/shop", { kind: "http", url: shop.url });
      await baton.put("/routes/orders", { aggregate_type: "order", to: "shop" });
      await page.goto(`${baton.url}/flow`);
      await live(page);
      // when another process commits three events of one order
      insertFromOutside(
        baton.databaseUrl,
        ["OrderPlaced", "OrderPaid", "OrderShipped"].map((type) => ({
          type,
          aggregateType: "order",
          aggregateId: "o-1",
          payload: { amount: 990, note: `O'Reilly & "sons" <b>한국</b>` },
        })),
      );
      // then they appear without anybody reloading
      const flow = page.getByRole("region", { name: "Live flow" });
      for (const type of ["OrderPlaced", "OrderPaid", "OrderShipped"]) {
        await expect(flow.getByRole("row", { name: type })).toContainText("published");
      }
      // and reach the endpoint as CloudEvents, in the order of their insertion, unharmed
      await eventually("all three delivered", async () => shop.received.length === 3);
      expect(shop.received.map((event) => event.type)).toEqual(["OrderPlaced", "OrderPaid", "OrderShipped"]);
      expect(shop.received[0]).toMatchObject({
        subject: "order/o-1",
        data: { amount: 990, note: `O'Reilly & "sons" <b>한국</b>` },
        attributes: { specversion: "1.0", batonkind: "event", aggregatetype: "order", aggregateid: "o-1" },
      });
      // and the message's page shows the payload as text
      await page.goto(`${baton.url}/messages?q=OrderPaid`);
      await page.getByRole("link", { name: "OrderPaid" }).click();
      await expect(page.getByRole("heading", { level: 1, name: "OrderPaid" })).toBeVisible();
      await expect(page.getByRole("group", { name: "Payload", exact: true })).toContainText("<b>한국</b>");
      await shop.stop();
    });
  });
}

test("filters of the list stand in the URL and survive a reload", async ({ page, baton }) => {
  await baton.post("/messages", [
    { type: "OrderPlaced", aggregate_type: "order", aggregate_id: "o-1", payload: { city: "Seoul" } },
    { type: "StockReserved", aggregate_type: "stock", aggregate_id: "s-1", payload: { city: "Lyon" } },
  ]);
  await page.goto(`${baton.url}/messages`);
  await live(page);
  await expect(page.getByRole("link", { name: "StockReserved" })).toBeVisible();
  await page.getByLabel("Aggregate type").fill("order");
  await page.getByLabel("Aggregate type").press("Enter");
  await expect(page).toHaveURL(/aggregate_type=order/);
  await expect(page.getByRole("link", { name: "StockReserved" })).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole("link", { name: "OrderPlaced" })).toBeVisible();
  await expect(page.getByRole("link", { name: "StockReserved" })).toHaveCount(0);
  await expect(page.getByLabel("Aggregate type")).toHaveValue("order");
});

test("a filter set while the list is being read again is not lost", async ({ page, baton }) => {
  const anEvent = (type: string, aggregate_type: string) => ({ type, aggregate_type, aggregate_id: "1", payload: {} });
  await baton.post("/messages", [anEvent("OrderPlaced", "order"), anEvent("StockReserved", "stock")]);
  await page.goto(`${baton.url}/messages`);
  await live(page);
  // given a list that is under way: the answer waits until it is let go
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const asked = page.waitForRequest("**/sfn/messages");
  await page.route("**/sfn/messages", async (route) => {
    await held;
    await route.continue();
  });
  await baton.post("/messages", [anEvent("OrderPaid", "order")]);
  await asked;
  // when a filter is set meanwhile, and other things on the page change
  await page.getByLabel("Aggregate type").fill("order");
  await page.getByLabel("Aggregate type").press("Enter");
  await expect(page).toHaveURL(/aggregate_type=order/);
  await baton.post("/messages", [anEvent("OrderShipped", "order")]);
  await expect(page.getByRole("navigation").getByText("4", { exact: true })).toBeVisible();
  letGo();
  // then the list is read once more, by the filter
  await expect(page.getByRole("link", { name: "OrderShipped" })).toBeVisible();
  await expect(page.getByRole("link", { name: "StockReserved" })).toHaveCount(0);
});
