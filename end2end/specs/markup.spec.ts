// Markup in every text that comes from outside: it is shown as text, on every page.
import { eventually, live, type Baton } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { Participant } from "../support/participant.ts";

/** Leaves whatever element it stands in, and then the page. */
const EVIL = `</title></textarea></script><meta http-equiv="refresh" content="0;url=/owned"><img src=x onerror="document.title='owned'">`;
/** The same as a CEL text. */
const EVIL_CEL = `='${EVIL.replaceAll("'", "\\'")}'`;

const DEFINITION = {
  baton: "process/1",
  name: "evil",
  title: EVIL,
  description: EVIL,
  input: { type: "object", properties: { text: { type: "string", title: EVIL, description: EVIL, default: EVIL, maxLength: 1000 } } },
  nodes: {
    start: { kind: "start", next: "ask" },
    ask: {
      kind: "approval",
      title: EVIL_CEL,
      outcomes: {
        yes: { title: EVIL, form: { type: "object", properties: { note: { type: "string", title: EVIL, default: EVIL, maxLength: 1000 } } }, next: "fail" },
        no: { next: "done" },
      },
    },
    fail: { kind: "compute", title: EVIL, set: { x: "=int(input.text)" }, next: "done" },
    done: { kind: "end", title: EVIL },
  },
};

/** Evil in all that is stored; gives the pages where it stands. */
async function evilEverywhere(baton: Baton): Promise<string[]> {
  const evil = await Participant.start();
  evil.refuse = () => 500;
  await baton.put("/destinations/evil", { kind: "http", url: evil.url, attempts_max: 1 });
  await baton.put("/routes/evil", { kind: "event", to: "evil" });
  const { accepted } = await baton.post("/messages", {
    type: EVIL.slice(0, 200),
    aggregate_type: EVIL,
    aggregate_id: EVIL,
    source: EVIL,
    payload: { [EVIL]: EVIL },
    headers: { "x-evil": EVIL },
    correlation_id: EVIL,
  });
  await eventually("the message is dead", async () => (await baton.get(`/messages/${accepted[0]}`)).state === "dead");
  await evil.stop();
  await baton.put("/processes/evil/draft", { source: JSON.stringify(DEFINITION) });
  await baton.post("/processes/evil/versions", { note: EVIL });
  const { id } = await baton.post("/processes/evil/instances", { business_key: EVIL, input: { text: EVIL } });
  const other = await baton.post("/processes/evil/instances", { business_key: EVIL, input: { text: EVIL } });
  const tasks = await eventually("both tasks are open", async () => {
    const { items } = await baton.get("/tasks?state=open");
    return items.length === 2 ? items : undefined;
  });
  await baton.post(`/instances/${other.id}/suspend`, { reason: EVIL });
  const task = tasks.find((it: any) => it.instance === id);
  await baton.post(`/tasks/${task.id}/complete`, { outcome: "yes", data: { note: EVIL } });
  await eventually("it is stuck", async () => (await baton.get(`/instances/${id}`)).state === "stuck");
  await baton.put("/processes/evil/draft", { source: `${JSON.stringify(DEFINITION)} ${EVIL}` });
  const encoded = encodeURIComponent(EVIL);
  return [
    "/",
    "/flow",
    `/messages?q=${encoded}`,
    `/messages?type=${encoded}`,
    "/messages",
    `/messages/${accepted[0]}`,
    `/conversations/${encoded}`,
    "/failures",
    "/destinations",
    "/processes",
    "/processes/evil",
    "/processes/evil?draft=1",
    "/processes/evil?version=1",
    "/processes/evil/start",
    `/processes/evil/start?fields[text]=${encoded}`,
    `/instances?q=${encoded}&business_key=${encoded}&definition=${encoded}`,
    "/instances",
    `/instances/${id}`,
    `/instances/${id}?at=2`,
    `/instances/${other.id}`,
    "/tasks",
    "/tasks?state=all",
    `/tasks/${task.id}`,
    `/tasks/${tasks.find((it: any) => it.instance === other.id).id}`,
    "/settings",
    `/instances/${encoded}`,
    `/processes/${encoded}`,
  ];
}

test("markup in any text is shown as text", async ({ page, baton }) => {
  test.setTimeout(120_000);
  for (const path of await evilEverywhere(baton)) {
    await test.step(path, async () => {
      // as the server writes it, without any script that could mend it
      const html = await (await page.request.get(baton.url + path)).text();
      expect.soft(html.includes("<meta http-equiv"), `${path}: the server wrote a meta`).toBe(false);
      expect.soft(html.includes("<img src=x"), `${path}: the server wrote an image`).toBe(false);
      await page.goto(baton.url + path);
      await live(page);
      expect.soft(new URL(page.url()).pathname, path).toBe(new URL(baton.url + path).pathname);
      await expect.soft(page.locator("meta[http-equiv], img"), path).toHaveCount(0);
      expect.soft(await page.title(), path).not.toBe("owned");
    }, { box: true });
  }
  // it is there, and nobody left it out
  await page.goto(`${baton.url}/processes/evil/start`);
  await expect(page.locator(`[name="fields[text]"]`)).toHaveValue(EVIL);
  await expect(page.locator("main")).toContainText("<img");
});
