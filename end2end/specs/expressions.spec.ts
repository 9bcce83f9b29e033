// Expressions in the settings of a node: names are offered, and what they yield for a sample is shown.
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { inEveryLook, picture } from "../support/screenshots.ts";

const ORDER = `
baton: process/1
name: order
input: {type: object, properties: {customer: {type: string, title: Customer}, address: {type: object, properties: {city: {type: string, default: Seoul}}}}}
nodes:
  start: {kind: start, set: {begun: =now}, next: total}
  total: {kind: compute, set: {total: =size(input.customer)}, next: ask}
  ask: {kind: approval, title: Right?, outcomes: {yes: {next: done}}}
  done: {kind: end}
layout: {start: [80, 120], total: [260, 120], ask: [500, 120], done: [740, 120]}
`;

async function settings(page: Page, baton: Baton, node: string): Promise<void> {
  await baton.put("/processes/order/draft", { source: ORDER });
  await page.goto(`${baton.url}/processes/order?draft=1`);
  await live(page);
  await page.locator(`#node-${node}`).click();
}

test("names are offered while one types, taken over by keyboard and mouse", async ({ page, baton }) => {
  await settings(page, baton, "ask");
  const field = page.getByRole("combobox", { name: "Assignee" });
  const option = (name: string) => page.getByRole("option", { name: new RegExp(`^${name}\\b`) });
  await field.pressSequentially("=in");
  await expect(option("input")).toBeVisible();
  await expect(field).toHaveAttribute("aria-expanded", "true");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(field).toHaveValue("=input");
  await field.pressSequentially(".");
  await expect(option("address")).toBeVisible();
  await expect(option("customer")).toContainText("string, Customer");
  await page.keyboard.press("ArrowDown");
  await expect(field).toHaveAttribute("aria-activedescendant", (await option("address").getAttribute("id"))!);
  await inEveryLook(page, async (look) => {
    await field.scrollIntoViewIfNeeded();
    await picture(page, `names-${look}`);
    await expectAccessible(page, `names, ${look}`);
    await expectNoSidewaysScroll(page, `names, ${look}`);
  });
  await page.setViewportSize({ width: 1360, height: 860 });
  await page.keyboard.press("ArrowDown");
  await expect(field).toHaveAttribute("aria-activedescendant", (await option("customer").getAttribute("id"))!);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Tab");
  await expect(field).toHaveValue("=input.address");
  await expect(field).toBeFocused();
  await field.pressSequentially(".ci");
  await option("city").click();
  await expect(field).toHaveValue("=input.address.city");
  await expect(field).toBeFocused();
  await expect(page.getByText('→ "Seoul"')).toBeVisible();

  // Escape closes the list, and only that; variables are those that are set on the way
  await field.fill("");
  await field.pressSequentially("=vars.");
  await expect(option("begun")).toContainText("set at Start");
  await expect(option("total")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(option("begun")).toBeHidden();
  await expect(field).toBeFocused();
  await expect(page.locator(".yields.wrong")).toBeVisible();

  // what was taken over is in the text once the field is left
  await field.fill("");
  await field.pressSequentially("=input.cust");
  await expect(option("customer")).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(page.getByLabel("Definition source")).toHaveValue(/assignee: =input\.customer/);
});

test("expressions in JSON are completed, and tried with a sample of one's own", async ({ page, baton }) => {
  await settings(page, baton, "total");
  const field = page.getByLabel("Sets", { exact: true });
  await field.fill("");
  await field.pressSequentially('{"name": "=input.cu');
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(field).toHaveValue('{"name": "=input.customer');
  await field.pressSequentially('"}');
  await expect(page.getByText('→ {"name":"Customer"}')).toBeVisible();
  // left first: the text is set anew then, and what is below it moves
  await field.blur();
  await expect(field).toHaveValue(/\n/);
  await page.getByText("Sample for expressions").click();
  const sample = page.getByLabel("Sample as JSON");
  await sample.fill('{"input": {"customer": "Mina"}}');
  await field.focus();
  await expect(page.getByText('→ {"name":"Mina"}')).toBeVisible();
  await sample.fill("{");
  await field.focus();
  await expect(page.getByText("The sample is no JSON", { exact: false })).toBeVisible();
  await expectAccessible(page, "sample");
});

test("a form is made field by field, and what it becomes is the start form", async ({ page, baton }) => {
  await settings(page, baton, "ask");
  const panel = page.getByRole("complementary", { name: "Settings" });
  const source = page.getByLabel("Definition source");
  const way = panel.getByRole("group", { name: "Way out yes" });
  await way.getByRole("button", { name: "Add a field" }).click();
  await expect(way.getByLabel("Name of this field")).toBeFocused();
  await way.getByLabel("Name of this field").fill("class");
  await page.keyboard.press("Tab");
  await way.getByLabel("class takes").focus();
  await way.getByLabel("class takes").selectOption("choice");
  await expect(way.getByLabel("class takes")).toBeFocused();
  await way.getByLabel(/^Choices of class/).fill("economy, business");
  await way.getByLabel("Label of class").fill("Class of travel");
  await way.getByLabel("needed").check();
  await expect(source).toHaveValue(/enum:\s*(\[economy, business\]|- economy\s+- business)/);
  await expect(source).toHaveValue(/title: Class of travel/);

  // a name that expressions cannot use is refused, and stays as it was
  await way.getByRole("button", { name: "Add a field" }).click();
  await way.getByLabel("Name of this field").nth(1).fill("order id");
  await page.keyboard.press("Tab");
  await expect(way.getByRole("alert")).toContainText("order_id");
  await way.getByRole("button", { name: "Remove field_1" }).click();
  await expect(way.getByLabel("Name of this field")).toHaveCount(1);

  await inEveryLook(page, async (look) => {
    await way.getByRole("button", { name: "Add a field" }).scrollIntoViewIfNeeded();
    await picture(page, `form-${look}`);
    await expectAccessible(page, `form, ${look}`);
    await expectNoSidewaysScroll(page, `form, ${look}`);
  });
  await page.setViewportSize({ width: 1360, height: 860 });

  // the process's own: a schema that is more than fields is left to JSON, and comes back as fields
  await page.locator("#stage").focus();
  await page.keyboard.press("Escape");
  await expect(panel.getByRole("group", { name: "Field customer" })).toBeVisible();
  await panel.getByLabel("customer takes").selectOption("long text");
  await expect(source).toHaveValue(/maxLength: 2000/);
  await expect(panel.getByLabel("address takes")).toHaveValue("anything (JSON)");
  await expect(source).toHaveValue(/default: Seoul/);
  // undone like everything else
  await page.locator("#stage").focus();
  await page.keyboard.press("Control+z");
  await expect(source).not.toHaveValue(/maxLength: 2000/);
});

test("types that were seen are offered, and one that nobody saw is pointed out", async ({ page, baton }) => {
  const sent = { type: "OrderShipped", aggregate_type: "order", aggregate_id: "1", payload: {} };
  await baton.post("/messages", [sent, { ...sent, type: "OrderLost" }]);
  await expect.poll(async () => (await baton.call("GET", "/message-types")).body.events).toContain("OrderLost");
  const text = ORDER.replace(
    "nodes:",
    "nodes:\n  ship: {kind: command, send: ShipOrder, to: shipping, on: {OrderShiped: {next: done}, timeout: {after: PT1H, next: done}}}",
  ).replace("yes: {next: done}", "yes: {next: ship}");
  await baton.put("/processes/order/draft", { source: text });
  await page.goto(`${baton.url}/processes/order?draft=1`);
  await live(page);
  await page.locator("#node-ship").click();
  const panel = page.getByRole("complementary", { name: "Settings" });
  await expect(panel.getByText("No event `OrderShiped` has been seen here yet. Is `OrderShipped` meant?")).toBeVisible();
  await expect(panel.getByText(/No command `ShipOrder` has been seen here yet, and no route takes it/)).toBeVisible();
  await expect(page.locator("#seen-events option")).toHaveCount(2);

  const to = panel.getByRole("combobox", { name: "To", exact: true });
  await to.fill("");
  await to.pressSequentially("or");
  await page.getByRole("option", { name: /^order\b/ }).click();
  await expect(to).toHaveValue("order");
  await panel.getByRole("group", { name: "Way out OrderShiped" }).getByLabel("Name of this way out").fill("OrderShipped");
  await page.keyboard.press("Tab");
  await expect(panel.getByText(/OrderShiped/)).toHaveCount(0);
  await expect(panel.getByText(/No event/)).toHaveCount(0);
});
