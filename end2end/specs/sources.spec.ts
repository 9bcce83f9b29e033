// Sources: another system's table becomes a source by the wizard, and a mapping that does not fit is said at its field.
import { execFileSync } from "node:child_process";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { eventually, live } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { psql } from "../support/outsider.ts";
import { inEveryLook, picture } from "../support/screenshots.ts";

const PYTHON = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=10) as connection:
    for statement in sys.argv[2:]:
        connection.execute(statement)
    print(connection.execute("SELECT count(*) FROM shop_outbox WHERE NOT sent").fetchone()[0])
`;

/** Runs SQL in Baton's own file as another program, and returns how many rows are not marked. */
function shop(databaseUrl: string, ...statements: string[]): number {
  return Number(execFileSync("python3", ["-c", PYTHON, databaseUrl.replace("sqlite://", ""), ...statements], { encoding: "utf8" }));
}

const TABLE = `CREATE TABLE shop_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL, order_id TEXT NOT NULL,
  body TEXT, sent BOOLEAN NOT NULL DEFAULT 0)`;
const insert = (type: string, body: string) => `INSERT INTO shop_outbox (event_type, order_id, body) VALUES ('${type}', 'o-1', '${body}')`;

test("a table is looked at, mapped, previewed and taken in; until then nothing is written", async ({ page, baton }) => {
  test.setTimeout(120_000);
  shop(baton.databaseUrl, TABLE, insert("OrderPlaced", '{"total": 12}'), insert("Broken", "no json"));
  await page.goto(`${baton.url}/sources`);
  await live(page);
  await expect(page.getByText("Nothing is taken in from elsewhere")).toBeVisible();
  await page.getByRole("link", { name: "New source…" }).first().click();
  await expect(page.getByRole("heading", { name: "Set up a source" })).toBeVisible();

  // given the table, found in the list
  await page.getByRole("button", { name: "Show its tables" }).click();
  const tables = page.getByRole("group", { name: "Tables that were found" });
  await expect(tables.getByRole("button")).toHaveText(["shop_outbox"]);
  await tables.getByRole("button", { name: "shop_outbox" }).click();

  // when it is mapped, with a column that is not there
  await page.locator("#source-mapping-key").selectOption("id");
  await page.locator("#source-mapping-order").selectOption("id");
  await page.locator("#source-mark-column").selectOption("sent");
  const type = page.locator("#source-mapping-type");
  await type.fill("event_typ");
  await page.locator("#source-mapping-aggregate-type").fill("'order'");
  await page.locator("#source-mapping-aggregate-id").fill("order_id");
  await page.locator("#source-mapping-payload").fill("body");
  await page.getByRole("button", { name: "Preview" }).click();
  // then it is said at the field, with what may be meant, and nothing can be stored
  await expect(type).toHaveAttribute("aria-invalid", "true");
  await expect(page.locator("#source-mapping-type-help")).toContainText("Is `event_type` meant?");
  await expect(page.getByRole("button", { name: "Take in from this table" })).toHaveCount(0);

  // when that is corrected
  await type.fill("event_type");
  await page.getByRole("button", { name: "Preview" }).click();
  const preview = page.getByRole("group", { name: "Live rows as messages" });
  await expect(preview.getByRole("row", { name: /OrderPlaced/ })).toContainText('{"total":12}');
  await expect(preview.getByRole("row", { name: /not JSON/ })).toBeVisible();
  expect(shop(baton.databaseUrl)).toBe(2);
  expect((await baton.get("/messages")).items).toEqual([]);
  await inEveryLook(page, async (look) => {
    await picture(page, `sources-wizard-${look}`);
    await expectAccessible(page, `wizard, ${look}`, look.endsWith("dark") ? ["color-contrast"] : undefined);
    await expectNoSidewaysScroll(page, `wizard, ${look}`);
  });

  await page.getByLabel("Name of the source").fill("shop");
  await page.getByRole("button", { name: "Take in from this table" }).click();
  // then it is read, and what is no message stands among the failures
  await page.waitForURL((url) => url.pathname === "/sources");
  const row = page.getByRole("group", { name: "Sources" }).getByRole("row", { name: /shop/ });
  await expect(row).toContainText("reading");
  await expect(row).toContainText("1 unreadable");
  await eventually("all rows are marked", async () => shop(baton.databaseUrl) === 0);
  const messages = (await baton.get("/messages")).items.map((message: { type: string }) => message.type);
  expect(messages.sort()).toEqual(["OrderPlaced", "baton.Unreadable"]);
  await inEveryLook(page, async (look) => {
    await picture(page, `sources-${look}`);
    await expectAccessible(page, `sources, ${look}`, look.endsWith("dark") ? ["color-contrast"] : undefined);
    await expectNoSidewaysScroll(page, `sources, ${look}`);
  });

  // and it is paused with a reason, and removed
  const dialog = page.getByRole("dialog");
  await row.getByRole("button", { name: "Pause…" }).click();
  await dialog.getByLabel("Reason").fill("their migration");
  await dialog.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(row).toContainText("their migration");
  shop(baton.databaseUrl, insert("OrderPaid", "{}"));
  await row.getByRole("button", { name: "Resume…" }).click();
  await dialog.getByRole("button", { name: "Resume", exact: true }).click();
  await eventually("all rows are marked", async () => shop(baton.databaseUrl) === 0);
  await row.getByRole("button", { name: "Remove…" }).click();
  await dialog.getByRole("button", { name: "Remove", exact: true }).click();
  await expect(page.getByText("Nothing is taken in from elsewhere")).toBeVisible();
});

test("documents as a source are settings that are looked at first; what is wrong with them is said", async ({ page, baton }) => {
  await page.goto(`${baton.url}/sources`);
  await live(page);
  await page.getByRole("link", { name: "Documents…" }).click();
  await expect(page.getByRole("heading", { name: "Documents with their events in them" })).toBeVisible();
  const settings = page.getByLabel("Settings", { exact: true });
  const written = await settings.inputValue();
  expect(JSON.parse(written)).toMatchObject({ kind: "documents", server: "env:SHOP_DOCUMENTS" });
  await inEveryLook(page, async (look) => {
    await picture(page, `sources-documents-${look}`);
    await expectAccessible(page, `documents, ${look}`, look.endsWith("dark") ? ["color-contrast"] : undefined);
    await expectNoSidewaysScroll(page, `documents, ${look}`);
  });

  // when the address names a variable that there is none of, then that is said, and nothing can be stored
  await page.getByRole("button", { name: "Preview" }).click();
  await expect(page.locator("main")).toContainText(/SHOP_DOCUMENTS[^.]*not set/);
  await expect(page.getByRole("button", { name: "Take in from these documents" })).toHaveCount(0);
  // when a field is misspelt, then it is named
  await settings.fill(written.replace('"collection"', '"colection"'));
  await page.getByRole("button", { name: "Preview" }).click();
  await expect(page.getByRole("alert")).toContainText("colection");
  await expect(settings).toHaveValue(/colection/);
  expect((await baton.get("/sources")).items).toEqual([]);
});

test.describe("on postgres", () => {
  test.use({ database: "postgres" });

  test("rows that are gone at once are read through the log, and the slot goes with the source", async ({ page, baton }) => {
    test.setTimeout(120_000);
    psql(
      baton.databaseUrl,
      `CREATE TABLE outbox (id uuid PRIMARY KEY, aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL, payload jsonb)`,
    );
    await page.goto(`${baton.url}/sources/new`);
    await live(page);

    // given the table of Debezium's router, with a mode that finds what is never there to be seen
    await page.locator("#source-preset").selectOption("debezium");
    await page.getByRole("button", { name: "Look at its columns" }).click();
    await page.locator("#source-mode").selectOption("log");
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByLabel("Name of the source").fill("orders");
    await page.getByRole("button", { name: "Take in from this table" }).click();
    await page.waitForURL((url) => url.pathname === "/sources");
    const row = page.getByRole("group", { name: "Sources" }).getByRole("row", { name: /orders/ });
    await expect(row).toContainText("reading");
    await expect(row.getByRole("cell").filter({ hasText: "of log" })).not.toContainText("—");

    // when rows are inserted and deleted in one transaction
    for (const n of [1, 2, 3]) {
      const insert = `INSERT INTO outbox VALUES (gen_random_uuid(), 'Order', 'o-${n}', 'OrderCreated', '{"n": ${n}}')`;
      psql(baton.databaseUrl, `BEGIN; ${insert}; DELETE FROM outbox; COMMIT`);
    }
    // then they are messages, in order
    await eventually("all are there", async () => (await baton.get("/messages")).items.length === 3);
    const messages: { aggregate_id: string }[] = (await baton.get("/messages")).items;
    expect(messages.map((message) => message.aggregate_id).reverse()).toEqual(["o-1", "o-2", "o-3"]);
    await inEveryLook(page, async (look) => {
      await picture(page, `sources-log-${look}`);
      await expectNoSidewaysScroll(page, `sources by the log, ${look}`);
    });

    await row.getByRole("button", { name: "Remove…" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("The slot that it was read by is dropped.");
    await dialog.getByRole("button", { name: "Remove", exact: true }).click();
    await expect(page.getByText("Nothing is taken in from elsewhere")).toBeVisible();
    const slots = "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'baton_source_orders_%'";
    await eventually("the slot is gone", async () => psql(baton.databaseUrl, slots) === "0");
  });
});
