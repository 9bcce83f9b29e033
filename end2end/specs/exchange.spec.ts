// Definitions as files: out in every format and back, BPMN that other tools read and write, and files that do not fit.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BpmnModdle } from "bpmn-moddle";
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { inEveryLook, picture } from "../support/screenshots.ts";

const FOREIGN = join(import.meta.dirname, "..", "support", "order.bpmn");

// Every kind of node that BPMN has a shape for.
const KINDS = `
baton: process/1
name: kinds
title: All & <kinds>
input: {type: object, properties: {items: {type: array}, on: {type: string}}}
nodes:
  start: {kind: start, next: send}
  send:
    kind: command
    title: Send it
    send: SendIt
    to: post
    undo: {send: CallBack, done: CalledBack}
    fails: Refused
    on: {Sent: {next: await}, Refused: {next: undo}, timeout: {after: PT5M, next: undo}}
  await: {kind: wait, on: {Arrived: {next: choose}}}
  choose: {kind: decide, cases: [{when: =size(input.items) > 3, next: split}], default: {next: ask}}
  split: {kind: fork, branches: {left: {next: sum}, right: {next: each}}, join: both, timeout: {after: P1D, next: lost}}
  sum: {kind: compute, set: {n: =size(input.items)}, next: both}
  each: {kind: for-each, over: =input.items, as: item, do: nap, next: both}
  nap: {kind: timer, for: PT1S, next: each}
  both: {kind: join, next: other}
  other: {kind: call, process: trip-booking, input: {}, on: {completed: {next: done}, failed: {next: lost}}}
  ask: {kind: approval, title: Right?, group: office, outcomes: {yes: {next: done}, no: {next: lost}}, timeout: {after: P2D, next: lost}}
  undo: {kind: compensate, next: undone}
  undone: {kind: end, outcome: compensated}
  done: {kind: end}
  lost: {kind: end, outcome: failed, reason: "Lost \\u2028 & <gone>"}
`;

async function file(baton: Baton, path: string): Promise<string> {
  const answer = await fetch(`${baton.url}/api/v1${path}`, { headers: { authorization: `Bearer ${baton.token}` } });
  expect(answer.status, path).toBe(200);
  return answer.text();
}

async function meaning(baton: Baton, text: string): Promise<any> {
  const headers = { authorization: `Bearer ${baton.token}`, "content-type": "application/xml" };
  const answer = await fetch(`${baton.url}/api/v1/import`, { method: "POST", headers, body: text });
  expect(answer.status).toBe(200);
  return answer.json();
}

/** The signs of a PNG, and how large it is. */
function pngSize(bytes: Buffer): [number, number] {
  expect(bytes.subarray(1, 4).toString()).toBe("PNG");
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

test("BPMN is read and written by bpmn-moddle without a warning, and comes back as it was", async ({ baton, world }) => {
  void world;
  await baton.post("/processes/kinds/versions", { source: KINDS });
  const { items } = await baton.get<{ items: { name: string }[] }>("/processes");
  expect(items.map(({ name }) => name)).toContain("trip-booking");
  for (const { name } of items) {
    const { check } = await baton.get(`/processes/${name}`);
    const xml = await file(baton, `/processes/${name}/export?format=bpmn`);
    const moddle = new BpmnModdle();
    const { rootElement, warnings, elementsById } = await moddle.fromXML(xml);
    expect(warnings, name).toEqual([]);
    expect(rootElement.$type).toBe("bpmn:Definitions");
    const nodes = Object.keys(check.document.nodes);
    for (const node of nodes) {
      expect(elementsById[node], `${name}: ${node}`).toBeTruthy();
      expect(elementsById[`${node}.shape`]?.bounds?.width, `${name}: ${node}`).toBeGreaterThan(0);
    }
    for (const element of Object.values<any>(elementsById)) {
      if (element.$type === "bpmndi:BPMNEdge") expect(element.waypoint.length, element.id).toBeGreaterThan(1);
      if (element.$type === "bpmn:SequenceFlow") expect(element.sourceRef.id && element.targetRef.id, element.id).toBeTruthy();
    }
    const { xml: again } = await moddle.toXML(rootElement, { format: true });
    const back = await meaning(baton, again);
    expect(back.findings, name).toEqual([]);
    expect(back.check.document, name).toEqual(check.document);
  }
});

async function saved(page: Page, name: string): Promise<{ file: string; bytes: Buffer }> {
  const menu = page.locator("details.export");
  if (!(await menu.evaluate((details: HTMLDetailsElement) => details.open))) await menu.locator("summary").click();
  const coming = page.waitForEvent("download");
  await menu.getByText(name, { exact: true }).click();
  const download = await coming;
  expect(await download.failure()).toBeNull();
  return { file: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

test("a version is exported in every format from its page", async ({ page, baton, world }) => {
  void world;
  await page.goto(`${baton.url}/processes/trip-booking`);
  await live(page);
  for (const [name, extension, begins] of [
    ["YAML", "yaml", "# A process manager"],
    ["JSON", "json", "{"],
    ["BPMN 2.0", "bpmn", "<?xml"],
    ["SVG", "svg", "<svg"],
    ["SVG, dark", "svg", "<svg"],
  ] as const) {
    const { file, bytes } = await saved(page, name);
    expect(file).toBe(`trip-booking-v1.${extension}`);
    expect(bytes.toString().slice(0, begins.length)).toBe(begins);
  }
  for (const name of ["PNG", "PNG, dark"]) {
    const { file, bytes } = await saved(page, name);
    expect(file).toBe("trip-booking-v1.png");
    const [width, height] = pngSize(bytes);
    expect(width).toBeGreaterThan(1_000);
    expect(height).toBeGreaterThan(300);
    expect(bytes.length, "something is drawn").toBeGreaterThan(20_000);
  }
  await expectAccessible(page, "export menu");
  await inEveryLook(page, async (look) => {
    await picture(page, `export-${look}`);
    await expectNoSidewaysScroll(page, `export, ${look}`);
  });
});

test("foreign BPMN becomes a draft: what maps is drawn, and what does not is told", async ({ page, baton }) => {
  await page.goto(`${baton.url}/processes`);
  await live(page);
  await page.setInputFiles("input[type=file]", FOREIGN);
  await expect(page.getByRole("heading", { name: /^Imported from order\.bpmn/ })).toBeVisible();
  const findings = page.locator(".imported .diagnostics li");
  await expect(findings.filter({ hasText: "Which extras? (extras)" })).toContainText("exactly one is taken");
  await expect(findings.filter({ hasText: "Office (office)" })).toContainText("Lanes are not kept");
  await expect(findings.filter({ hasText: "Wrap as a gift (wrap)" })).toContainText("WrapAsAGift");
  await expect(findings.filter({ hasText: "Bank (bank)" })).toHaveCount(1);
  await inEveryLook(page, async (look) => {
    await picture(page, `import-${look}`);
    await expectAccessible(page, `import, ${look}`);
    await expectNoSidewaysScroll(page, `import, ${look}`);
  });
  await page.setViewportSize({ width: 1360, height: 860 });
  await expect(page.getByLabel("Name of the process")).toHaveValue("handle-order");
  await page.getByRole("button", { name: "Save as draft" }).click();
  await page.waitForURL(/\/processes\/handle-order\?draft=1/);
  for (const name of ["start", "check-the-order", "which-extras", "wrap-as-a-gift", "sent"]) {
    await expect(page.locator(`#node-${name}`)).toBeVisible();
  }
  await picture(page, "imported-draft");
  const { check } = await baton.get("/processes/handle-order/draft");
  expect(check.document.nodes["check-the-order"].assignee).toBe("kim");
  expect(check.document.nodes["which-extras"].cases[0].when).toBe("=input.gift == true");

  // a name that is taken is refused
  await page.goto(`${baton.url}/processes`);
  await live(page);
  await page.setInputFiles("input[type=file]", FOREIGN);
  await page.getByRole("button", { name: "Save as draft" }).click();
  await expect(page.getByText("there is a process handle-order already")).toBeVisible();
});

test("a file that is no definition keeps the work in hand, and one that is takes its place", async ({ page, baton }) => {
  await page.goto(`${baton.url}/processes/parcel?new=1`);
  await live(page);
  const source = page.getByLabel("Definition source");
  const mine = "baton: process/1\nname: parcel\nnodes:\n  start: {kind: start, next: mine}\n  mine: {kind: end}\n";
  await source.fill(mine);
  await expect(page.locator("#node-mine")).toBeVisible();
  const text = (content: string | Buffer, name = "notes.txt") => ({ name, mimeType: "text/plain", buffer: Buffer.from(content) });
  for (const [content, says] of [
    ["These are my notes.", "This is no definition"],
    ["<html><body>", "not whole"],
    ["<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "Document types"],
    ["baton: saga/1\nname: s\n", "import it on the page Sagas"],
    [Buffer.alloc(5 << 20, "x"), "5.0 MiB; a file has at most 4.0 MiB"],
  ] as const) {
    await page.setInputFiles("input[type=file]", text(content as string));
    await expect(page.getByRole("heading", { name: "notes.txt was not imported" })).toBeVisible();
    await expect(page.locator(".imported")).toContainText(says);
    await expect(source).toHaveValue(mine);
  }
  await inEveryLook(page, async (look) => {
    // What the bar on top covers half would be no target.
    await page.evaluate(() => window.scrollTo(0, 0));
    await picture(page, `import-refused-${look}`);
    await expectAccessible(page, `import refused, ${look}`);
    await expectNoSidewaysScroll(page, `import refused, ${look}`);
  });
  await page.setViewportSize({ width: 1360, height: 860 });

  // dropped onto the canvas
  const foreign = await readFile(FOREIGN, "utf8");
  const data = await page.evaluateHandle((foreign) => {
    const data = new DataTransfer();
    data.items.add(new File([foreign], "order.bpmn"));
    return data;
  }, foreign);
  await page.dispatchEvent("#stage", "drop", { dataTransfer: data });
  await expect(page.getByRole("heading", { name: /^Imported from order\.bpmn/ })).toBeVisible();
  await expect(page.locator("#node-check-the-order")).toBeVisible();
  await expect(source).toHaveValue(/name: parcel\n/);
  await expect.poll(async () => (await baton.get("/processes/parcel/draft")).source).toContain("check-the-order");

  // and taken back
  await page.locator("#stage").focus();
  await page.keyboard.press("Control+z");
  await expect(page.locator("#node-mine")).toBeVisible();
});
