// What hands and keys do on the canvas, as the browser tells of them: one table, each line on a process of its own.
import type { Locator, Page } from "@playwright/test";
import { live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { along, drag, middle, type Place } from "../support/hands.ts";

const stage = (page: Page) => page.locator("#stage");
const node = (page: Page, name: string) => page.locator(`#node-${name}`);
const edge = (page: Page, name: string) => page.locator(`.stage .edge[aria-label="${name}"]`);
const undo = (page: Page) => page.getByRole("button", { name: "Undo", exact: true });

/** How the diagram lies under the stage. */
interface View {
  x: number;
  y: number;
  zoom: number;
}

async function view(page: Page): Promise<View> {
  const style = (await page.locator(".stage .layer").getAttribute("style")) ?? "";
  const [x, y, zoom] = /translate\(([-\d.]+)px,\s*([-\d.]+)px\) scale\(([\d.]+)\)/.exec(style)!.slice(1).map(Number);
  return { x: x!, y: y!, zoom: zoom! };
}

/** The view, once it is another one. */
async function viewAfter(page: Page, before: View): Promise<View> {
  await expect.poll(() => view(page)).not.toEqual(before);
  return view(page);
}

async function chosen(page: Page): Promise<string[]> {
  const names = await page.locator(".stage .node.chosen").evaluateAll((nodes) => nodes.map((node) => node.id.replace("node-", "")));
  return names.sort();
}

async function place(locator: Locator): Promise<Place> {
  const { x, y } = (await locator.boundingBox())!;
  return { x, y };
}

/** It comes back to where it stood; what is drawn around it when it is selected may be half a pixel wide. */
async function expectBack(locator: Locator, before: Place): Promise<void> {
  const far = async () => {
    const { x, y } = await place(locator);
    return Math.hypot(x - before.x, y - before.y);
  };
  await expect.poll(far).toBeLessThan(1.5);
}

/** The diagram was pushed by so many pixels, and is as large as it was. */
async function expectPanned(page: Page, before: View, dx: number, dy: number): Promise<void> {
  const after = await viewAfter(page, before);
  expect([Math.round(after.x - before.x), Math.round(after.y - before.y), after.zoom]).toEqual([dx, dy, before.zoom]);
}

/** Where nothing is drawn, beside the stage's lower left corner. */
async function nowhere(page: Page): Promise<Place> {
  const { x, y, height } = (await stage(page).boundingBox())!;
  return { x: x + 40, y: y + height - 40 };
}

async function click(page: Page, at: Place): Promise<void> {
  await page.mouse.click(at.x, at.y);
}

/** Holds a key while something is done. */
async function holding(page: Page, key: string, act: () => Promise<void>): Promise<void> {
  await page.keyboard.down(key);
  await act();
  await page.keyboard.up(key);
}

type Line = [what: string, act: (page: Page) => Promise<void>];

/** Does each line on a fresh process: a start, an approval with two outcomes, and two ends. */
async function each(page: Page, baton: Baton, lines: Line[]): Promise<void> {
  for (const [at, [what, act]] of lines.entries()) {
    await test.step(what, async () => {
      await page.goto(`${baton.url}/processes/line-${at}?new=1`);
      await live(page);
      await expect(page.locator(".stage .node")).toHaveCount(4);
      await stage(page).focus();
      await act(page);
    });
  }
}

/** Moves by that many pixels, and zooms by that much. */
function looks(keys: string, expected: Partial<View>): Line {
  return [
    keys,
    async (page) => {
      const before = await view(page);
      for (const key of keys.split(" ")) await page.keyboard.press(key);
      const after = await viewAfter(page, before);
      if (expected.x !== undefined) expect(after.x - before.x).toBeCloseTo(expected.x, 0);
      if (expected.y !== undefined) expect(after.y - before.y).toBeCloseTo(expected.y, 0);
      expect(after.zoom / before.zoom).toBeCloseTo(expected.zoom ?? 1, 2);
      await expect(undo(page)).toBeDisabled();
    },
  ];
}

test("one looks around", async ({ page, baton }) => {
  test.slow();
  await each(page, baton, [
    looks("Control+ArrowRight", { x: -80, y: 0 }),
    looks("Control+ArrowLeft", { x: 80, y: 0 }),
    looks("Control+ArrowDown", { x: 0, y: -80 }),
    looks("Control+ArrowUp", { x: 0, y: 80 }),
    looks("ArrowDown", { x: 0, y: -80 }),
    looks("+", { zoom: 1.25 }),
    looks("-", { zoom: 0.8 }),
    looks("+ + 0 -", { zoom: 0.8 }),
    [
      "1 fits everything",
      async (page) => {
        const fitted = await view(page);
        await page.keyboard.press("Control+ArrowLeft");
        await page.keyboard.press("+");
        await viewAfter(page, fitted);
        await page.keyboard.press("1");
        await expect.poll(() => view(page)).toEqual(fitted);
      },
    ],
    [
      "the wheel pans, and the page stays",
      async (page) => {
        const before = await view(page);
        const { x, y } = await nowhere(page);
        await page.mouse.move(x, y);
        await page.mouse.wheel(30, 90);
        await expectPanned(page, before, -30, -90);
        expect(await page.evaluate(() => window.scrollY)).toBe(0);
      },
    ],
    [
      "Ctrl+wheel zooms at the pointer",
      async (page) => {
        const before = await view(page);
        const at = await middle(node(page, "approve"));
        await page.mouse.move(at.x, at.y);
        await holding(page, "Control", () => page.mouse.wheel(0, -150));
        expect((await viewAfter(page, before)).zoom).toBeGreaterThan(before.zoom * 1.2);
        const after = await middle(node(page, "approve"));
        expect(Math.hypot(after.x - at.x, after.y - at.y)).toBeLessThan(3);
      },
    ],
    [
      "the middle button pans, even from a node",
      async (page) => {
        const before = await view(page);
        const at = await middle(node(page, "approve"));
        await page.mouse.move(at.x, at.y);
        await page.mouse.down({ button: "middle" });
        await page.mouse.move(at.x + 50, at.y + 20, { steps: 3 });
        await page.mouse.up({ button: "middle" });
        await expectPanned(page, before, 50, 20);
        await expect(undo(page)).toBeDisabled();
      },
    ],
    [
      "Space and a drag pan, even from a node",
      async (page) => {
        const before = await view(page);
        const at = await middle(node(page, "approve"));
        await holding(page, " ", () => drag(page, at, { x: at.x - 60, y: at.y + 30 }));
        await expectPanned(page, before, -60, 30);
        await expect(undo(page)).toBeDisabled();
        // Once it is let go, a node is dragged again.
        await drag(page, await middle(node(page, "approve")), { x: at.x + 40, y: at.y + 90 });
        await expect(undo(page)).toBeEnabled();
      },
    ],
    [
      "the small map leads elsewhere",
      async (page) => {
        // It is there when there is much to see.
        await click(page, await middle(node(page, "done")));
        for (let copies = 0; copies < 5; copies++) await page.keyboard.press("Control+d");
        await page.keyboard.press("0");
        const map = page.locator(".minimap");
        await expect(map).toBeVisible();
        const before = await view(page);
        const { x, y, width, height } = (await map.boundingBox())!;
        await click(page, { x: x + width - 4, y: y + height - 4 });
        const low = await viewAfter(page, before);
        await click(page, { x: x + 4, y: y + 4 });
        const high = await viewAfter(page, low);
        expect([low.x < high.x, low.y < high.y]).toEqual([true, true]);
      },
    ],
  ]);
});

test("one selects", async ({ page, baton }) => {
  test.slow();
  await each(page, baton, [
    [
      "click, Shift+click, Ctrl+click, and once more",
      async (page) => {
        await click(page, await middle(node(page, "approve")));
        await expect.poll(() => chosen(page)).toEqual(["approve"]);
        await holding(page, "Shift", async () => click(page, await middle(node(page, "done"))));
        await expect.poll(() => chosen(page)).toEqual(["approve", "done"]);
        await holding(page, "Control", async () => click(page, await middle(node(page, "start"))));
        await expect.poll(() => chosen(page)).toEqual(["approve", "done", "start"]);
        await holding(page, "Control", async () => click(page, await middle(node(page, "approve"))));
        await expect.poll(() => chosen(page)).toEqual(["done", "start"]);
        await page.keyboard.press("Escape");
        await expect.poll(() => chosen(page)).toEqual([]);
      },
    ],
    [
      "Shift and a drag draw a box",
      async (page) => {
        const [done, refused] = [(await node(page, "done").boundingBox())!, (await node(page, "refused").boundingBox())!];
        const from = { x: Math.min(done.x, refused.x) - 12, y: Math.min(done.y, refused.y) - 12 };
        const to = { x: Math.max(done.x + done.width, refused.x + refused.width) + 12, y: Math.max(done.y + done.height, refused.y + refused.height) + 12 };
        await holding(page, "Shift", () => drag(page, from, to));
        await expect.poll(() => chosen(page)).toEqual(["done", "refused"]);
        await expect(undo(page)).toBeDisabled();
      },
    ],
    [
      "Tab and Shift+Tab go from node to node, and on",
      async (page) => {
        for (const name of ["start", "approve"]) {
          await page.keyboard.press("Tab");
          await expect.poll(() => chosen(page)).toEqual([name]);
        }
        await page.keyboard.press("Shift+Tab");
        await expect.poll(() => chosen(page)).toEqual(["start"]);
        await page.keyboard.press("Shift+Tab");
        await expect(stage(page)).not.toBeFocused();
      },
    ],
    [
      "a double click opens the settings, on an edge the menu",
      async (page) => {
        const { x, y } = await middle(node(page, "approve"));
        await page.mouse.dblclick(x, y);
        await expect(page.locator("#settings-title")).toBeFocused();
        await expect(page.getByLabel("Name in the text")).toHaveValue("approve");
        const on = await along(edge(page, "From Start to Approve"));
        await page.mouse.dblclick(on.x, on.y);
        await expect(page.getByRole("dialog", { name: "Insert a node" })).toBeVisible();
      },
    ],
  ]);
});

test("one moves, connects and removes", async ({ page, baton }) => {
  test.slow();
  const add = (page: Page, kind: string) => page.getByRole("button", { name: new RegExp(`^Add ${kind}:`) });
  const handle = async (page: Page, name: string, at: number) => middle(node(page, name).locator(".handle").nth(at));
  await each(page, baton, [
    [
      "arrows nudge, with Shift farther",
      async (page) => {
        await click(page, await middle(node(page, "done")));
        const before = await place(node(page, "done"));
        await page.keyboard.press("ArrowRight");
        await expect.poll(async () => (await place(node(page, "done"))).x).toBeGreaterThan(before.x);
        const step = (await place(node(page, "done"))).x - before.x;
        await page.keyboard.press("Shift+ArrowDown");
        await expect.poll(async () => (await place(node(page, "done"))).y - before.y).toBeCloseTo(10 * step, 0);
        await page.keyboard.press("Control+z");
        await expectBack(node(page, "done"), before);
        await page.keyboard.press("Control+Shift+Z");
        await expect.poll(async () => (await place(node(page, "done"))).x).toBeGreaterThan(before.x);
      },
    ],
    [
      "a drag keeps to the grid, with Alt to the pixel",
      async (page) => {
        const before = await place(node(page, "done"));
        const at = await middle(node(page, "done"));
        await holding(page, "Alt", () => drag(page, at, { x: at.x + 41, y: at.y - 27 }));
        await expect.poll(async () => (await place(node(page, "done"))).x - before.x).toBeCloseTo(41, 0);
        expect((await place(node(page, "done"))).y - before.y).toBeCloseTo(-27, 0);
      },
    ],
    [
      "Backspace removes",
      async (page) => {
        await click(page, await middle(node(page, "refused")));
        await page.keyboard.press("Backspace");
        await expect(node(page, "refused")).toHaveCount(0);
        await expect(page).toHaveURL(/\?new=1$/);
      },
    ],
    [
      "an edge's end is taken elsewhere",
      async (page) => {
        await click(page, await along(edge(page, "From Approve, approve, to Done")));
        const grip = page.locator(".stage .grip");
        await expect(grip).toHaveCount(2);
        await drag(page, await middle(grip.last()), await middle(node(page, "refused")));
        await expect(edge(page, "From Approve, approve, to Refused")).toHaveCount(1);
        await expect(edge(page, "From Approve, approve, to Done")).toHaveCount(0);
      },
    ],
    [
      "what is dropped on an edge is inserted",
      async (page) => {
        await drag(page, await middle(add(page, "timer")), await along(edge(page, "From Start to Approve")));
        await expect(edge(page, "From Start to Timer")).toHaveCount(1);
        await expect(edge(page, "From Timer to Approve")).toHaveCount(1);
        // One that is there already, too.
        const { x, y } = await nowhere(page);
        await drag(page, await middle(add(page, "compute")), { x: x + 300, y });
        await expect(node(page, "compute")).toBeVisible();
        await drag(page, await middle(node(page, "compute")), await along(edge(page, "From Approve, refuse, to Refused")));
        await expect(edge(page, "From Compute to Refused")).toHaveCount(1);
      },
    ],
    [
      "a handle that is drawn into empty space offers what may follow",
      async (page) => {
        await drag(page, await handle(page, "approve", 1), await nowhere(page));
        const asks = page.getByRole("dialog", { name: /^What follows Approve/ });
        await asks.getByRole("button", { name: /^timer/ }).click();
        await expect(edge(page, "From Approve, refuse, to Timer")).toHaveCount(1);
        await expect(stage(page)).toBeFocused();
      },
    ],
    [
      "Escape gives up a drag",
      async (page) => {
        const before = await place(node(page, "done"));
        const at = await middle(node(page, "done"));
        await page.mouse.move(at.x, at.y);
        await page.mouse.down();
        await page.mouse.move(at.x + 60, at.y + 40, { steps: 3 });
        await expect.poll(async () => (await place(node(page, "done"))).x).toBeGreaterThan(before.x);
        await page.keyboard.press("Escape");
        await page.mouse.up();
        await expectBack(node(page, "done"), before);
        await expect(undo(page)).toBeDisabled();
      },
    ],
  ]);
});
