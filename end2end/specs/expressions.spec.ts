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
