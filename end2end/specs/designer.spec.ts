// The designer: a process drawn from an empty canvas, with the mouse and with the keyboard alone, published and run.
import type { Locator, Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { along, reach } from "../support/hands.ts";
import { picture } from "../support/screenshots.ts";

const stage = (page: Page) => page.locator("#stage");
const node = (page: Page, name: string) => page.locator(`#node-${name}`);
const said = (page: Page) => page.locator(".studio > [role=status]");

async function open(page: Page, baton: Baton, name: string): Promise<void> {
  await page.goto(`${baton.url}/processes/${name}?new=1`);
  await live(page);
  await expect(node(page, "start")).toBeVisible();
  await stage(page).focus();
}

/** Takes everything away: the canvas is empty. */
async function empty(page: Page): Promise<void> {
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await expect(page.locator(".stage .node")).toHaveCount(0);
}

async function middle(locator: Locator): Promise<{ x: number; y: number }> {
  const box = await locator.boundingBox();
  if (!box) throw new Error(`${locator} is not on the screen`);
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

async function drag(page: Page, from: { x: number; y: number }, to: { x: number; y: number }): Promise<void> {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2, { steps: 4 });
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
}

/** From the palette to a place of the stage. */
async function place(page: Page, kind: string, x: number, y: number): Promise<void> {
  const origin = (await stage(page).boundingBox())!;
  const item = page.getByRole("button", { name: new RegExp(`^Add ${kind}:`) });
  await drag(page, await middle(item), { x: origin.x + x, y: origin.y + y });
}

/** Draws an edge from a node's handle. */
async function connect(page: Page, from: string, handle: number, to: string): Promise<void> {
  await drag(page, await middle(node(page, from).locator(".handle").nth(handle)), await middle(node(page, to)));
}

async function publish(page: Page): Promise<void> {
  await expect(page.getByText("No findings. It can be published.")).toBeVisible();
  await page.getByRole("button", { name: "Publish…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Publish" }).click();
  await expect(page.getByRole("link", { name: "Start", exact: true })).toBeVisible();
}

/** Starts what was published, and has its one task done. */
async function run(page: Page, baton: Baton, name: string): Promise<void> {
  await page.goto(`${baton.url}/processes/${name}/start`);
  await page.getByLabel("Customer").fill("Mina");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL(/\/instances\/[0-9a-f-]{36}/);
  const instance = page.url();
  await expect(page.locator(".page-head .beside")).toHaveText("waiting");
  await page.goto(`${baton.url}/tasks?view=all`);
  await page.getByRole("link", { name: /Pay this bill/ }).click();
  await page.getByRole("button", { name: /^approve$/i }).click();
  await expect(page.getByRole("button", { name: /^approve$/i })).toHaveCount(0);
  await page.goto(instance);
  await expect(page.locator(".page-head .beside")).toHaveText("completed");
}

test("a process is drawn from an empty canvas with the mouse, published, and runs", async ({ page, baton }) => {
  await page.setViewportSize({ width: 1500, height: 950 });
  await open(page, baton, "bills");
  await empty(page);
  await place(page, "start", 80, 220);
  await place(page, "approval", 300, 220);
  await place(page, "end", 640, 140);
  await place(page, "end", 640, 320);
  await expect(page.locator(".stage .node")).toHaveCount(4);

  await connect(page, "start", 0, "approval");
  await connect(page, "approval", 0, "end");
  await connect(page, "approval", 1, "end-2");
  await expect(page.locator(".stage .edge")).toHaveCount(3);

  // What is forbidden is not done, and says why.
  await connect(page, "approval", 0, "start");
  await expect(page.getByRole("alert")).toContainText(/start/i);
  await expect(page.locator(".stage .edge")).toHaveCount(3);

  // The settings of what is selected.
  await node(page, "approval").click();
  await page.getByLabel("Title", { exact: true }).fill("Pay this bill?");
  await page.getByLabel("Title", { exact: true }).press("Enter");
  await page.getByLabel("Name in the text").fill("pay");
  await page.getByLabel("Name in the text").press("Enter");
  await expect(node(page, "pay")).toHaveAttribute("aria-label", /^Pay, approval/);
  await expect(page.locator(".stage .edge")).toHaveCount(3);
  await node(page, "end-2").click();
  await page.getByLabel("Outcome").selectOption("failed");

  // A node moves with its edges, and one undo takes that back.
  const before = await middle(node(page, "end"));
  await drag(page, before, { x: before.x + 60, y: before.y + 40 });
  expect((await middle(node(page, "end"))).x).toBeGreaterThan(before.x + 40);
  await page.keyboard.press("Control+z");
  expect((await middle(node(page, "end"))).x).toBeCloseTo(before.x, 0);
  await expect(said(page)).toContainText("Moved");

  // The text follows, and the draft is saved: a reload loses nothing.
  await expect(page.getByLabel("Definition source")).toHaveValue(/Pay this bill\?/);
  await expect(page.getByText("Saved. What you change is saved as the draft as you go.")).toBeVisible();
  await expectAccessible(page, "designer");
  await page.goto(`${baton.url}/processes/bills?draft=1`);
  await live(page);
  await expect(page.locator(".stage .edge")).toHaveCount(3);
  await publish(page);
  await run(page, baton, "bills");
});

test("the same is drawn with the keyboard alone", async ({ page, baton }) => {
  await open(page, baton, "bills");
  await empty(page);
  const keys = async (...pressed: string[]) => {
    for (const key of pressed) await page.keyboard.press(key);
  };
  /** Chooses a kind in the menu that is open. */
  const choose = async (kind: string) => {
    const item = page.locator(".asks").getByRole("button", { name: new RegExp(`^${kind}\\b`) });
    await expect(page.locator(".asks button:focus")).toBeVisible();
    await item.focus();
    await keys("Enter");
    await expect(page.locator(".asks")).toHaveCount(0);
    await expect(stage(page)).toBeFocused();
  };
  await keys("a");
  await choose("start");
  await keys("a");
  await choose("approval");
  await keys("a");
  await choose("end");
  await expect(page.locator(".stage .node")).toHaveCount(3);
  // The new one is selected; back to the approval, whose other way out is open yet.
  await keys("Alt+ArrowLeft", "a");
  await choose("end");
  await expect(page.locator(".stage .edge")).toHaveCount(3);
  await expect(page.getByLabel("Outcome")).toBeVisible();

  // F2 goes to the title, Escape back to the canvas.
  await keys("Alt+ArrowLeft", "F2");
  await expect(page.getByLabel("Title", { exact: true })).toBeFocused();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("Pay this bill?");
  await keys("Enter", "Escape");
  await expect(stage(page)).toBeFocused();
  const source = page.getByLabel("Definition source");
  await expect(source).toHaveValue(/Pay this bill\?/);

  // Undo and redo cover it; no key of the canvas fires while one types.
  await keys("Control+z");
  await expect(source).not.toHaveValue(/Pay this bill\?/);
  await keys("Control+y");
  await expect(source).toHaveValue(/Pay this bill\?/);
  await keys("?");
  await expect(page.getByRole("dialog", { name: "Keys of the canvas" })).toBeVisible();
  await expectAccessible(page, "keys");
  await keys("Escape");
  await keys("t");
  await expect(said(page)).toHaveText("Tidied the diagram");
  await expect(page.getByText("Saved. What you change is saved as the draft as you go.")).toBeVisible();
  await publish(page);
  await run(page, baton, "bills");
});

test("text and canvas follow each other, copies keep their edges, and a paste that is none is refused", async ({ page, baton }) => {
  await open(page, baton, "bills");
  const source = page.getByLabel("Definition source");
  await expect(source).toHaveValue(/approve:/);
  const text = (await source.inputValue()).replaceAll("refused", "declined");
  await source.fill(text);
  await expect(node(page, "declined")).toBeVisible();
  await expect(node(page, "refused")).toHaveCount(0);

  await stage(page).focus();
  const count = await page.locator(".stage .node").count();
  await node(page, "approve").click();
  await page.keyboard.press("Control+d");
  await expect(page.locator(".stage .node")).toHaveCount(count + 1);
  await expect(source).toHaveValue(/approve-2:/);

  const paste = (text: string) =>
    stage(page).evaluate((element, text) => {
      const data = new DataTransfer();
      data.setData("text/plain", text);
      element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    }, text);
  await paste("no definition at all");
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(page.locator(".stage .node")).toHaveCount(count + 1);
  await paste("x".repeat(5_000_000));
  await expect(page.getByRole("alert")).toContainText(/large|bytes|MB/i);

  // Broken text keeps what was drawn, and says what is wrong.
  await source.fill("nodes: [");
  await expect(page.getByText(/neither YAML nor JSON/)).toBeVisible();
  await expect(page.locator(".stage .node")).toHaveCount(count + 1);
});

test("after the palette and the toolbar were used the keyboard is on the canvas", async ({ page, baton }) => {
  await open(page, baton, "bills");
  const nodes = page.locator(".stage .node");
  const count = await nodes.count();
  await place(page, "timer", 300, 420);
  await expect(nodes).toHaveCount(count + 1);
  await expect(stage(page)).toBeFocused();
  const before = (await middle(node(page, "timer"))).x;
  await page.keyboard.press("ArrowRight");
  await expect.poll(async () => (await middle(node(page, "timer"))).x).toBeGreaterThan(before);
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Title", { exact: true })).toBeFocused();
  await expect(nodes).toHaveCount(count + 1);

  // A click in the palette, and then what was copied before.
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+c");
  await page.getByRole("button", { name: /^Add compute:/ }).click();
  await expect(nodes).toHaveCount(count + 2);
  await page.keyboard.press("Control+v");
  await expect(nodes).toHaveCount(count + 3);

  const toolbar = page.getByRole("toolbar", { name: "Canvas" });
  await toolbar.getByRole("button", { name: "Undo" }).click();
  await expect(nodes).toHaveCount(count + 2);
  await expect(stage(page)).toBeFocused();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await expect(nodes).toHaveCount(0);
  // Pressed with a key, a button keeps the keyboard, and the other keys are for the canvas all the same.
  await toolbar.getByRole("button", { name: "Fit everything (1)" }).focus();
  await page.keyboard.press("Enter");
  await expect(toolbar.getByRole("button", { name: "Fit everything (1)" })).toBeFocused();
  await page.keyboard.press("Control+z");
  await expect(nodes).toHaveCount(count + 2);
});

test("Enter on an edge leads to the way out that it belongs to", async ({ page, baton }) => {
  await open(page, baton, "bills");
  const settings = page.getByRole("complementary", { name: "Settings" });
  const click = async (edge: string) => {
    const { x, y } = await along(page.locator(`.stage .edge[aria-label="${edge}"]`), 0.4);
    await page.mouse.click(x, y);
    await expect(settings).toContainText("An edge.");
  };
  await click("From Approve, refuse, to Refused");
  await page.keyboard.press("Enter");
  const way = settings.getByRole("group", { name: "Way out refuse" });
  await expect(way.getByLabel("Name of this way out")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(stage(page)).toBeFocused();
  await click("From Start to Approve");
  await page.keyboard.press("Enter");
  await expect(settings.getByLabel("next leads to")).toBeFocused();
});

test("C leads a way out elsewhere, and R makes another kind of a node, by keys alone", async ({ page, baton }) => {
  await open(page, baton, "bills");
  const keys = async (...pressed: string[]) => {
    for (const key of pressed) await page.keyboard.press(key);
  };
  const asks = page.locator(".asks");
  await keys("Control+f");
  await expect(page.getByRole("searchbox", { name: "Find a node" })).toBeFocused();
  await page.keyboard.insertText("approve");
  await keys("Enter", "c");
  const way = asks.getByLabel("Way out");
  await expect(way).toBeFocused();
  await expect(way).toHaveValue("approve");
  await keys("ArrowDown");
  await expect(way).toHaveValue("refuse");
  await keys("Tab");
  const done = asks.getByRole("button", { name: "Done" });
  for (let steps = 0; !(await done.evaluate((element) => element === window.document.activeElement)); steps++) {
    if (steps > 5) throw new Error("Done cannot be chosen");
    await keys("ArrowDown");
  }
  await keys("Enter");
  await expect(stage(page)).toBeFocused();
  await expect(page.locator(".stage .edge[aria-label='From Approve, refuse, to Done']")).toHaveCount(1);

  // One way out is no choice: one is among the targets at once.
  await keys("Alt+ArrowLeft");
  await expect(node(page, "start")).toHaveClass(/chosen/);
  await keys("c");
  await expect(page.locator(".asks button:focus")).toBeVisible();
  await expect(way).toHaveCount(0);
  await keys("Escape");
  await expect(stage(page)).toBeFocused();

  await keys("Control+f");
  await page.keyboard.insertText("refused");
  await keys("Enter", "r");
  await expect(page.locator(".asks button:focus")).toBeVisible();
  const timer = asks.getByRole("button", { name: /^timer/ });
  for (let steps = 0; !(await timer.evaluate((element) => element === window.document.activeElement)); steps++) {
    if (steps > 20) throw new Error("timer cannot be chosen");
    await keys("ArrowDown");
  }
  await keys("Enter");
  await expect(node(page, "refused")).toHaveClass(/timer/);
  await expect(stage(page)).toBeFocused();
});

test("in the settings Ctrl+S saves, and on their buttons the keys of the canvas work", async ({ page, baton }) => {
  await open(page, baton, "bills");
  const settings = page.getByRole("complementary", { name: "Settings" });
  const nodes = page.locator(".stage .node");
  const count = await nodes.count();
  const append = settings.getByRole("button", { name: "Append…" });
  await node(page, "refused").click();
  await expect(settings.getByLabel("Outcome")).toBeVisible();
  await expect(append).toHaveCount(0);
  await node(page, "approve").click();
  await expect(append).toHaveCount(1);
  const title = settings.getByLabel("Title", { exact: true });
  await title.fill("Pay this bill?");
  // A browser that gets this key opens a dialog of its own.
  await page.evaluate(() => {
    window.addEventListener("keydown", (event) => {
      if (event.ctrlKey && event.key === "s") document.body.dataset.saving = String(event.defaultPrevented);
    });
  });
  await page.keyboard.press("Control+s");
  await expect(page.locator("body")).toHaveAttribute("data-saving", "true");
  await expect(title).toBeFocused();
  await expect(page.getByLabel("Definition source")).toHaveValue(/Pay this bill\?/);

  await settings.getByRole("button", { name: "Add an outcome" }).focus();
  await page.keyboard.press("Control+z");
  await expect(title).toHaveValue('="Approve " + input.customer');
  await page.keyboard.press("Control+d");
  await expect(nodes).toHaveCount(count + 1);
  await settings.getByRole("button", { name: "Remove", exact: true }).focus();
  await page.keyboard.press("Escape");
  await expect(stage(page)).toBeFocused();
  await expect(node(page, "approve-2")).toHaveClass(/chosen/);
});

test("parts are copied and cut from one tab into another, by keys and by the browser's own clipboard", async ({ page, baton, context }) => {
  // As on a page that came over plain HTTP: there is no clipboard to write to.
  await context.addInitScript(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
  await open(page, baton, "bills");
  const other = await context.newPage();
  await open(other, baton, "more-bills");
  const count = await page.locator(".stage .node").count();

  await page.bringToFront();
  await node(page, "approve").click();
  await page.keyboard.press("Control+c");
  await expect(said(page)).toHaveText("Copied");
  await other.bringToFront();
  await stage(other).focus();
  await other.keyboard.press("Control+v");
  await expect(node(other, "approve-2")).toHaveAttribute("aria-label", /^Approve/);
  await expect(other.locator(".stage .node")).toHaveCount(count + 1);

  // What is cut is gone here, and there again over there.
  await page.bringToFront();
  await page.keyboard.press("Control+x");
  await expect(page.locator(".stage .node")).toHaveCount(count - 1);
  await expect(node(page, "approve")).toHaveCount(0);
  await other.bringToFront();
  await other.keyboard.press("Control+v");
  await expect(node(other, "approve-3")).toBeVisible();
  await page.bringToFront();
  await page.keyboard.press("Control+z");
  await expect(node(page, "approve")).toBeVisible();

  // In a field the keys are the field's.
  await node(page, "approve").click();
  const title = page.getByLabel("Title", { exact: true });
  await title.fill("Once more");
  await title.press("Control+a");
  await title.press("Control+c");
  await page.getByLabel("Description", { exact: true }).focus();
  await page.keyboard.press("Control+v");
  await expect(page.getByLabel("Description", { exact: true })).toHaveValue("Once more");
  await expect(page.locator(".stage .node")).toHaveCount(count);
});

test("what is selected has buttons, edges have names, and what was found is selected on the canvas", async ({ page, baton }) => {
  await open(page, baton, "bills");
  const nodes = page.locator(".stage .node");
  const count = await nodes.count();
  const does = page.getByRole("group", { name: "What is selected" });
  await expect(page.locator(".stage .edge[aria-label^='From']")).toHaveCount(await page.locator(".stage .edge").count());

  await node(page, "approve").click();
  await does.getByRole("button", { name: "Duplicate" }).click();
  await expect(nodes).toHaveCount(count + 1);
  await does.getByRole("button", { name: "Remove" }).click();
  await expect(nodes).toHaveCount(count);

  await node(page, "approve").click();
  const way = page.getByRole("button", { name: /^Put a new node behind/ }).first();
  await way.click();
  await page.getByRole("dialog", { name: "Insert a node" }).getByRole("button", { name: /^timer/ }).click();
  await expect(nodes).toHaveCount(count + 1);
  await page.keyboard.press("Control+z");
  await expect(nodes).toHaveCount(count);

  await page.keyboard.press("Control+f");
  await page.getByLabel("Find a node").last().fill("approve");
  await page.keyboard.press("Enter");
  await expect(stage(page)).toBeFocused();
  await page.keyboard.press("Delete");
  await expect(nodes).toHaveCount(count - 1);
  await expect(node(page, "approve")).toHaveCount(0);
});

test("the outline alone adds, connects, renames and removes", async ({ page, baton }) => {
  await page.goto(`${baton.url}/processes/bills?new=1`);
  await live(page);
  await expect(node(page, "start")).toBeVisible();
  // The canvas itself never has the keyboard.
  await page.evaluate(() => {
    document.getElementById("stage")!.addEventListener("focus", () => (document.body.dataset.onStage = "yes"));
  });
  const outline = page.locator(".outline");
  const row = (title: string) => outline.getByRole("button", { name: title, exact: true });
  const press = async (button: Locator) => {
    await reach(page, button);
    await page.keyboard.press("Enter");
  };
  const choose = async (name: RegExp) => {
    const item = page.locator(".asks").getByRole("button", { name });
    await expect(page.locator(".asks button:focus")).toBeVisible();
    for (let steps = 0; !(await item.evaluate((element) => element === window.document.activeElement)); steps++) {
      if (steps > 20) throw new Error(`${name} cannot be chosen`);
      await page.keyboard.press("ArrowDown");
    }
    await page.keyboard.press("Enter");
  };
  await outline.locator("summary").focus();
  await page.keyboard.press("Enter");
  for (const title of ["Approve", "Done", "Refused", "Start"]) {
    await press(outline.getByRole("button", { name: `Remove ${title}`, exact: true }));
    await expect(row(title)).toHaveCount(0);
    // On the row beside it, or on what adds one.
    await expect(outline.locator("button:focus")).toHaveCount(1);
  }
  await expect(outline.getByRole("button", { name: "Add a node…" })).toBeFocused();

  await page.keyboard.press("Enter");
  await choose(/^start\b/);
  await expect(row("Start")).toBeFocused();
  await press(outline.getByRole("button", { name: "Append a node to Start" }));
  await choose(/^timer\b/);
  await expect(row("Timer")).toBeFocused();
  await press(outline.getByRole("button", { name: "Add a node…" }));
  await choose(/^end\b/);
  await expect(row("End")).toBeFocused();
  await press(outline.getByRole("button", { name: "Connect Timer" }));
  await choose(/^End$/);
  await expect(row("Timer")).toBeFocused();
  await expect(page.locator(".stage .edge")).toHaveCount(2);
  // Given up, the menu leaves the keyboard where it was.
  await press(outline.getByRole("button", { name: "Connect Timer" }));
  await expect(page.locator(".asks button:focus")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(row("Timer")).toBeFocused();

  await page.keyboard.press("Enter");
  const title = page.getByLabel("Title", { exact: true });
  await expect(title).toBeFocused();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText("A day later");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Escape");
  await expect(row("A day later")).toBeFocused();
  await expectAccessible(page, "outline");
  await picture(page, "outline");
  await press(outline.getByRole("button", { name: "Remove A day later" }));
  await expect(row("A day later")).toHaveCount(0);
  await expect(page.locator(".stage .edge")).toHaveCount(0);
  await expect(page.locator("body")).not.toHaveAttribute("data-on-stage", "yes");
});

test("a finding leads to its node on the canvas", async ({ page, baton }) => {
  await open(page, baton, "bills");
  const source = page.getByLabel("Definition source");
  await source.fill((await source.inputValue()).replace("input.customer", "vars.nobody"));
  await expect(node(page, "approve").locator(".mark")).toBeVisible();
  await expect(node(page, "approve")).toHaveAttribute("aria-label", /findings?$/);
  await page.getByRole("listitem").filter({ hasText: "nobody" }).getByRole("button", { name: "on the canvas" }).click();
  await expect(node(page, "approve")).toHaveClass(/chosen/);
  const settings = page.getByRole("complementary", { name: "Settings" });
  await expect(settings.locator("#settings-title")).toBeFocused();
  await expect(settings.locator(".finding").filter({ hasText: "nobody" })).toBeVisible();
  // Mended where it leads to, it is gone.
  await settings.locator("#settings-title").fill('="Approve " + input.customer');
  await settings.locator("#settings-title").press("Enter");
  await expect(page.getByRole("listitem").filter({ hasText: "nobody" })).toHaveCount(0);
});

const WHOLE = {
  baton: "process/1",
  name: "bills",
  nodes: {
    start: { kind: "start", next: "wait" },
    wait: { kind: "timer", for: "PT1H", next: "paid" },
    paid: { kind: "end" },
  },
};

/** Puts a text on the clipboard and pastes it where the keyboard is. */
async function pasteText(page: Page, text: string): Promise<void> {
  await page.evaluate((text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    document.activeElement!.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
  }, text);
}

test("a whole definition that is pasted is added, or put in place of this one", async ({ page, baton }) => {
  await open(page, baton, "bills");
  const nodes = page.locator(".stage .node");
  const asks = page.getByRole("dialog", { name: "A whole definition was pasted" });
  const source = page.getByLabel("Definition source");
  await expect(nodes).toHaveCount(4);

  // Given up, nothing is changed.
  await pasteText(page, JSON.stringify(WHOLE));
  await expect(asks).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(asks).toHaveCount(0);
  await expect(nodes).toHaveCount(4);

  await pasteText(page, JSON.stringify(WHOLE));
  await asks.getByRole("button", { name: "Add its nodes to this one" }).click();
  // There is one start already; the others keep their ways among themselves.
  await expect(node(page, "wait")).toBeVisible();
  await expect(page.locator(".stage .edge[aria-label='From Wait to Paid']")).toHaveCount(1);
  await expect(node(page, "approve")).toBeVisible();
  await expect(stage(page)).toBeFocused();
  await page.keyboard.press("Control+z");
  await expect(nodes).toHaveCount(4);

  await pasteText(page, JSON.stringify(WHOLE));
  await asks.getByRole("button", { name: "Put it in place of this one" }).click();
  await expect(nodes).toHaveCount(3);
  await expect(node(page, "approve")).toHaveCount(0);
  await expect(source).toHaveValue(/for: PT1H/);
  await expect(source).not.toHaveValue(/Approve/);
  await page.keyboard.press("Control+z");
  await expect(nodes).toHaveCount(4);
  await expect(source).toHaveValue(/Approve/);
});

test("on a narrow screen one sees it all the same", async ({ page, baton }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page, baton, "bills");
  await expectNoSidewaysScroll(page, "designer");
  await page.getByText("Outline").click();
  await page.locator(".outline").getByRole("button", { name: "Approve", exact: true }).click();
  await expect(page.getByLabel("Title", { exact: true })).toHaveValue(/Approve/);
  await expect(page.locator("#settings-title")).toBeFocused();
  await expectAccessible(page, "narrow designer");
});
