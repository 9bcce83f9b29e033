// What the designer of processes looks like in each of its states, and whether everybody can use it there.
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { LOOKS, picture } from "../support/screenshots.ts";

const stage = (page: Page) => page.locator("#stage");

async function open(page: Page, baton: Baton, query: string): Promise<void> {
  await page.goto(`${baton.url}/processes/bills?${query}`);
  await live(page);
  await expect(page.locator(".stage .node").first()).toBeVisible();
  await stage(page).focus();
}

/** Selects a node by its name, wherever it is. */
async function find(page: Page, name: string): Promise<void> {
  await page.keyboard.press("Control+f");
  await expect(page.getByRole("searchbox", { name: "Find a node" })).toBeFocused();
  await page.keyboard.insertText(name);
  await page.keyboard.press("Enter");
  await expect(page.locator(`#node-${name}`)).toHaveClass(/chosen/);
}

async function paste(page: Page, text: string): Promise<void> {
  await stage(page).evaluate((element, text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
  }, text);
}

const SAGA = (event: string) => `baton: saga/1\nname: thanks\non:\n  ${event}: {send: Thank, to: customers}\n`;

for (const look of LOOKS) {
  test.describe(`${look.width}, ${look.colorScheme}`, () => {
    test.use({ viewport: look.viewport, colorScheme: look.colorScheme });

    test("everybody can use it in every state", async ({ page, baton }) => {
      test.setTimeout(180_000);
      const shown = async (state: string) => {
        const name = `${state}-${look.width}-${look.colorScheme}`;
        await stage(page).scrollIntoViewIfNeeded();
        await picture(page, `designer-${name}`);
        await expectAccessible(page, name);
        await expectNoSidewaysScroll(page, name);
      };
      await open(page, baton, "new=1");
      const asks = page.locator(".asks");
      const asked = async (state: string, key: string) => {
        await page.keyboard.press(key);
        await expect(asks.locator(":focus")).toBeVisible();
        await shown(state);
        await page.keyboard.press("Escape");
        await expect(asks).toHaveCount(0);
      };
      await asked("find", "Control+f");
      await find(page, "approve");
      await asked("replace", "r");
      await asked("connect", "c");
      // With every way out led somewhere there is nothing to append, and it says why.
      await page.keyboard.press("a");
      await expect(page.getByRole("alert")).toBeVisible();
      await shown("refused");
      await page.keyboard.press("Escape");
      await asked("append", "a");
      await page.keyboard.press("Control+a");
      await expect(page.locator(".stage .node.chosen")).toHaveCount(4);
      await shown("several");
      await paste(page, JSON.stringify({ baton: "process/1", name: "x", nodes: { wait: { kind: "timer", for: "PT1H" } } }));
      await expect(asks).toBeVisible();
      await shown("paste");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+a");
      await page.keyboard.press("Delete");
      await expect(page.locator(".stage .node")).toHaveCount(0);
      await shown("empty");
      await expect(page.locator("p.saved")).toContainText("Saved.");

      await baton.put("/processes/bills/draft", { source: "baton: process/2\nname: bills\nnodes: {start: {kind: begin, then: [done]}}\n" });
      await open(page, baton, "draft=1");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Delete");
      await expect(page.getByRole("alert")).toContainText("newer Baton");
      await shown("newer");

      for (const event of ["OrderPlaced", "OrderPaid"]) await baton.post("/sagas/thanks/versions", { source: SAGA(event) });
      await page.goto(`${baton.url}/sagas/thanks/compare`);
      await live(page);
      await expect(page.getByRole("heading", { name: "What is different" })).toBeVisible();
      await picture(page, `compare-sagas-${look.width}-${look.colorScheme}`);
      await expectAccessible(page, "compared sagas");
      await expectNoSidewaysScroll(page, "compared sagas");
    });
  });
}
