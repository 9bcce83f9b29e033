// A destination that fails: its keys are parked and everything else goes on; a person repairs it.
import { eventually, live } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { Participant } from "../support/participant.ts";
import type { Baton, Database } from "../support/baton.ts";

const placed = (key: string, number: number) => ({
  type: "OrderChanged",
  aggregate_type: "order",
  aggregate_id: key,
  payload: { number },
});

/** A destination `shop` that refuses everything of the order `bad`, and gives up after two attempts. */
async function failingShop(baton: Baton): Promise<Participant> {
  const shop = await Participant.start();
  shop.refuse = (event) => (event.subject === "order/bad" ? 503 : undefined);
  await baton.put("/destinations/shop", { kind: "http", url: shop.url, attempts_max: 2, backoff_base_ms: 10 });
  await baton.put("/routes/orders", { aggregate_type: "order", to: "shop" });
  return shop;
}

const numbers = (shop: Participant, subject: string) => shop.of(subject).map((event) => event.data.number);

for (const database of ["sqlite", "postgres"] satisfies Database[]) {
  test.describe(`on ${database}`, () => {
    test.use({ database });

    test("a failing key is parked, repaired by one click, and its followers arrive in order", async ({ page, baton }) => {
      // given three messages of a key that fails, mixed with those of another
      const shop = await failingShop(baton);
      await page.goto(`${baton.url}/failures`);
      await live(page);
      await baton.post("/messages", [placed("bad", 1), placed("good", 1), placed("bad", 2), placed("good", 2), placed("bad", 3)]);
      // then the other key goes on, and the failure is told without a reload
      await eventually("the other key arrives", async () => numbers(shop, "order/good").length === 2);
      const group = page.getByRole("article", { name: /OrderChanged.*shop/ });
      await expect(group).toContainText("1 dead");
      await expect(group).toContainText("2 parked behind");
      expect(numbers(shop, "order/bad")).toEqual([]);
      // when the endpoint is mended and the failed one is retried
      shop.refuse = () => undefined;
      await group.getByRole("button", { name: /^Retry all/ }).click();
      // then all of the key arrive, in order, once each
      await eventually("the key catches up", async () => numbers(shop, "order/bad").length >= 3);
      await expect(page.getByRole("heading", { name: "Nothing fails" })).toBeVisible();
      expect(numbers(shop, "order/bad")).toEqual([1, 2, 3]);
      expect(numbers(shop, "order/good")).toEqual([1, 2]);
      await shop.stop();
    });
  });
}

test("a discarded message lets its followers go on, and the reason stands in the audit", async ({ page, baton }) => {
  const shop = await failingShop(baton);
  shop.refuse = (event) => (event.data.number === 1 ? 422 : undefined);
  await baton.post("/messages", [placed("bad", 1), placed("bad", 2)]);
  await page.goto(`${baton.url}/failures`);
  await page.getByRole("link", { name: "A sample" }).click();
  await expect(page.getByText("not now").first()).toBeVisible();
  await page.getByRole("button", { name: "Discard…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("the order was cancelled by phone");
  await dialog.getByRole("button", { name: "Discard", exact: true }).click();
  await expect(dialog).toBeHidden();
  await eventually("the follower arrives", async () => numbers(shop, "order/bad").length === 1);
  expect(numbers(shop, "order/bad")).toEqual([2]);
  expect(JSON.stringify(await baton.get("/audit"))).toContain("the order was cancelled by phone");
  await shop.stop();
});
