// What operators do to an instance: every operation by the page's own dialogs, with its reason in the history and the
// audit.
import type { Page } from "@playwright/test";
import { eventually, live, type Baton, type Database } from "../support/baton.ts";
import { expectAccessible, expectNoSidewaysScroll } from "../support/accessibility.ts";
import { expect, test } from "../support/fixtures.ts";
import { Participant } from "../support/participant.ts";
import { inEveryLook, picture } from "../support/screenshots.ts";

// Rooms are held, then paid; a payment may take more than a second, and then a person looks.
const STAY = `
baton: process/1
name: stay
nodes:
  start: {kind: start, next: hold}
  hold:
    kind: command
    send: HoldRoom
    to: rooms
    undo: {send: ReleaseRoom, done: RoomReleased, failed: ReleaseRefused}
    on:
      RoomHeld: {set: {nights: =event.payload.nights}, next: price}
  price: {kind: compute, set: {total: =vars.nights * 80}, next: pay}
  pay:
    kind: command
    send: TakePayment
    to: payments
    payload: {total: =vars.total}
    undo: {send: GiveBack, payload: {payment: =event.payload.payment}, done: GivenBack}
    on:
      PaymentTaken: {next: check-in}
      timeout: {after: PT1S, next: look}
  look: {kind: wait, on: {PaymentFound: {next: check-in}}}
  check-in: {kind: wait, on: {GuestArrived: {next: done}}}
  done: {kind: end}
`;

// Each bag is weighed; what it costs cannot be made out of a word.
const BAGS = `
baton: process/1
name: bags
nodes:
  start: {kind: start, next: each-bag}
  each-bag: {kind: for-each, over: =input.bags, as: bag, mode: parallel, do: weigh, collect: =vars.cost, into: costs, next: done}
  weigh: {kind: command, send: Weigh, to: rooms, payload: {bag: =vars.bag}, on: {Weighed: {set: {grams: =event.payload.grams}, next: price}}}
  price: {kind: compute, set: {cost: =vars.grams * 2}, next: each-bag}
  done: {kind: end}
`;

// A journey has a stay in it.
const JOURNEY = `
baton: process/1
name: journey
nodes:
  start: {kind: start, next: sleep}
  sleep: {kind: call, process: stay, on: {completed: {next: done}, failed: {next: done}}}
  done: {kind: end}
`;

const REASON = "agreed with the guest by phone";

interface Stay {
  page: Page;
  baton: Baton;
  hotel: Participant;
  /** What the room says about the nights; the price cannot be made out of a word. */
  nights: unknown;
  pays: boolean;
}

async function prepared(page: Page, baton: Baton): Promise<Stay> {
  const stay = { page, baton, nights: 2, pays: true } as Stay;
  stay.hotel = await Participant.start((command) => {
    const says = (type: string, payload: unknown) => [{ type, aggregateType: "rooms", aggregateId: "1", payload }];
    switch (command.type) {
      case "HoldRoom":
        return says("RoomHeld", { nights: stay.nights });
      case "TakePayment":
        return stay.pays ? says("PaymentTaken", { payment: "p-1" }) : [];
      case "GiveBack":
        return says("GivenBack", {});
      case "ReleaseRoom":
        return says("RoomReleased", {});
      case "Weigh":
        return says("Weighed", { grams: command.data.bag === "b" ? "two" : 1 });
      default:
        return [];
    }
  });
  await baton.put("/destinations/hotel", { kind: "http", url: stay.hotel.url });
  for (const to of ["rooms", "payments"]) {
    await baton.put(`/routes/${to}-commands`, { kind: "command", aggregate_type: to, to: "hotel" });
  }
  await baton.put("/processes/stay/draft", { source: STAY });
  await baton.post("/processes/stay/versions", {});
  return stay;
}

/** Starts an instance, waits until it stands at `node`, and opens its page. */
async function startedAt({ page, baton }: Stay, node: string): Promise<string> {
  const { id } = await baton.post("/processes/stay/instances", { input: {}, business_key: "room 12" });
  await eventually(`it stands at ${node}`, async () => {
    const instance = await baton.get(`/instances/${id}`);
    return instance.at.includes(node) && instance.state !== "running";
  });
  await page.goto(`${baton.url}/instances/${id}`);
  await live(page);
  return id;
}

/** Opens the dialog of an operation, from the menu when it has no button of its own. */
async function opened(page: Page, operation: string) {
  const button = page.getByRole("button", { name: `${operation}…`, exact: true });
  if (!(await button.isVisible())) await page.locator("summary", { hasText: "More" }).click();
  await button.click();
  return page.getByRole("dialog");
}

/** Gives the reason, sends, and sees the dialog close. */
async function send(page: Page, word: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill(REASON);
  await dialog.getByRole("button", { name: word, exact: true }).click();
  await expect(dialog).toBeHidden();
}

async function expectState(page: Page, state: string): Promise<void> {
  await expect(page.locator(".page-head .beside")).toHaveText(state);
}

/** Publishes a version in which guests check in under another name. */
async function publishSecond({ baton }: Stay): Promise<void> {
  const source = STAY.replaceAll("check-in", "arrival");
  await baton.post("/processes/stay/versions", { source });
}

const sent = ({ hotel }: Stay) => hotel.received.map((command) => command.type);

for (const database of ["sqlite", "postgres"] satisfies Database[]) {
  test.describe(`on ${database}`, () => {
    test.use({ database });

    test("suspend and resume, with reasons in the history and the audit", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      const id = await startedAt(stay, "check-in");
      await opened(page, "Suspend");
      await expectAccessible(page, "the dialog of an operation");
      await send(page, "Suspend");
      await expectState(page, "suspended");
      // what arrives meanwhile is kept for later
      await baton.post("/messages", { type: "GuestArrived", aggregate_type: "rooms", aggregate_id: "1", payload: {}, correlation_id: id });
      await expect(page.locator(".history")).toContainText("GuestArrived");
      await expectState(page, "suspended");
      await opened(page, "Resume");
      await send(page, "Resume");
      await expectState(page, "completed");
      await expect(page.locator(".history")).toContainText(REASON);
      const actions = (await baton.get(`/audit?subject=instance/${id}`)).items.map((it: any) => [it.action, it.reason]);
      expect(actions).toEqual(expect.arrayContaining([["suspend-instance", REASON], ["resume-instance", REASON]]));
      // an instance that has ended takes nothing more, and says why
      const button = page.getByRole("button", { name: /^Cancel…/ });
      await expect(button).toBeDisabled();
      await expect(button).toHaveAttribute("title", /is completed; that never changes/);
      await stay.hotel.stop();
    });

    test("cancel and undo, in reverse order", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      await startedAt(stay, "check-in");
      const undo = page.getByRole("region", { name: "Steps and what undoes them" });
      await expect(undo.getByRole("listitem")).toHaveCount(2);
      await expect(undo.getByRole("listitem").first()).toContainText("GiveBack");
      const dialog = await opened(page, "Cancel");
      await expect(dialog).toContainText("In this order: Pay, Hold.");
      await dialog.getByLabel("Undo what was done first").check();
      await send(page, "Cancel the instance");
      await expectState(page, "cancelled");
      expect(sent(stay)).toEqual(["HoldRoom", "TakePayment", "GiveBack", "ReleaseRoom"]);
      await stay.hotel.stop();
    });

    test("changed variables and a retry mend what failed", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      stay.nights = "two";
      await startedAt(stay, "price");
      await expectState(page, "stuck");
      const incident = page.getByRole("alert");
      await expect(incident).toContainText("Stuck at Price");
      await incident.getByText("The data then").click();
      await expect(incident).toContainText(`"nights":"two"`);
      const dialog = await opened(page, "Change variables");
      const variables = dialog.getByLabel("Variables");
      await variables.fill("{nights: 2}");
      await dialog.getByLabel("Reason").fill(REASON);
      await dialog.getByRole("button", { name: "Change variables", exact: true }).click();
      await expect(dialog.getByRole("alert")).toBeVisible();
      await variables.fill(`{"nights": 2}`);
      // However long it takes until the page shows it: what one does next is about what one has just done.
      await page.route(/\/sfn\/instance\b/, async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        await route.continue();
      });
      await send(page, "Change variables");
      await opened(page, "Retry");
      await send(page, "Retry");
      await page.unrouteAll({ behavior: "ignoreErrors" });
      await expect(page.getByRole("listitem", { name: /Check in.*under way/ })).toBeVisible();
      expect(stay.hotel.received.find((it) => it.type === "TakePayment")!.data).toEqual({ total: 160 });
      await stay.hotel.stop();
    });

    test("of two operators, whoever looked before the other one acted is refused", async ({ page, baton, context }) => {
      const stay = await prepared(page, baton);
      const id = await startedAt(stay, "check-in");
      const variables = (page: Page) => page.getByRole("group", { name: "Variables", exact: true });
      const other = await context.newPage();
      await other.goto(page.url());
      await live(other);
      // both look, and one of them acts
      const slow = await opened(other, "Change variables");
      await slow.getByLabel("Variables").fill(`{"nights": 2, "total": 100}`);
      const quick = await opened(page, "Change variables");
      await quick.getByLabel("Variables").fill(`{"nights": 3, "total": 160}`);
      await send(page, "Change variables");
      await expect(variables(other)).toContainText(`"nights": 3`);
      // the page of the other one shows it by now, but what was decided is about what was there before
      await slow.getByLabel("Reason").fill(REASON);
      await slow.getByRole("button", { name: "Change variables", exact: true }).click();
      await expect(slow.getByRole("alert")).toContainText("since you looked");
      expect((await baton.get(`/instances/${id}`)).variables).toEqual({ nights: 3, total: 160 });
      // the same without anything typed, in a dialog that was open all the time
      await other.keyboard.press("Escape");
      await opened(other, "Suspend");
      const next = await opened(page, "Change variables");
      await next.getByLabel("Variables").fill(`{"nights": 4, "total": 160}`);
      await send(page, "Change variables");
      await expect(variables(other)).toContainText(`"nights": 4`);
      await other.getByRole("dialog").getByLabel("Reason").fill(REASON);
      await other.getByRole("dialog").getByRole("button", { name: "Suspend", exact: true }).click();
      await expect(other.getByRole("dialog").getByRole("alert")).toContainText("since you looked");
      expect((await baton.get(`/instances/${id}`)).state).toBe("waiting");
      // opened once more, a dialog begins with what is there now
      const third = await baton.post("/processes/stay/instances", { input: {}, business_key: "room 14" });
      await eventually("it stands", async () => (await baton.get(`/instances/${third.id}`)).at.includes("check-in"));
      await page.goto(`${baton.url}/instances/${third.id}`);
      await live(page);
      const left = await opened(page, "Change variables");
      await left.getByLabel("Variables").fill(`{"nights": 9, "total": 160}`);
      await page.keyboard.press("Escape");
      await baton.post(`/instances/${third.id}/variables`, { set: { nights: 5 }, reason: REASON });
      await expect(variables(page)).toContainText(`"nights": 5`);
      const again = await opened(page, "Change variables");
      await expect(again.getByLabel("Variables")).toHaveValue(/"nights": 5/);
      await stay.hotel.stop();
    });

    test("a step is skipped, and what it would have set is given", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      await startedAt(stay, "check-in");
      const dialog = await opened(page, "Skip a step");
      await dialog.getByLabel("Which step, and how to go on").selectOption({ label: "Check in → GuestArrived" });
      await dialog.getByLabel("Variables to set").fill(`{"arrived": "late"}`);
      await send(page, "Skip a step");
      await expectState(page, "completed");
      await expect(page.getByRole("group", { name: "Variables", exact: true })).toContainText(`"arrived": "late"`);
      await stay.hotel.stop();
    });

    test("a token is moved, and the node that it enters happens", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      await startedAt(stay, "check-in");
      const dialog = await opened(page, "Move a token");
      await dialog.getByLabel("From where, to where").selectOption({ label: "Check in → Hold" });
      await send(page, "Move a token");
      await eventually("the room is held again", async () => sent(stay).filter((it) => it === "HoldRoom").length === 2);
      await expect(page.locator(".history")).toContainText(REASON);
      await stay.hotel.stop();
    });

    test("a command that nobody answered is settled, and undone with the rest", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      stay.pays = false;
      await startedAt(stay, "look");
      await expect(page.getByRole("region", { name: "Steps and what undoes them" })).toContainText("unanswered");
      const dialog = await opened(page, "Settle a command");
      await dialog.getByLabel("It was done").check();
      await dialog.getByLabel("Reply").fill(`{"payment": "p-7"}`);
      await send(page, "Settle a command");
      await expect(page.getByRole("region", { name: "Steps and what undoes them" })).toContainText("GiveBack");
      await (await opened(page, "Cancel")).getByLabel("Undo what was done first").check();
      await send(page, "Cancel the instance");
      await expectState(page, "cancelled");
      expect(stay.hotel.received.find((it) => it.type === "GiveBack")!.data).toEqual({ payment: "p-7" });
      await expect(page.getByRole("region", { name: "Steps and what undoes them" }).getByText("undone")).toHaveCount(2);
      await stay.hotel.stop();
    });

    test("an undo that is refused makes it stuck; abandoning ends it as failed", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      await startedAt(stay, "check-in");
      // the answer to the release is taken away, and a refusal comes by itself
      stay.hotel.refuse = (event) => (event.type === "ReleaseRoom" ? 503 : undefined);
      await (await opened(page, "Cancel")).getByLabel("Undo what was done first").check();
      await send(page, "Cancel the instance");
      await expectState(page, "compensating");
      const release = await eventually("the release is sent", async () => {
        const { items } = await baton.get("/messages?type=ReleaseRoom");
        return items[0];
      });
      await baton.post("/messages", { type: "ReleaseRefused", aggregate_type: "rooms", aggregate_id: "1", payload: {}, causation_id: release.id, correlation_id: release.correlation_id });
      await expectState(page, "stuck");
      await opened(page, "Abandon the undoing");
      await send(page, "Abandon the undoing");
      await expectState(page, "failed");
      await stay.hotel.stop();
    });

    test("a step that failed begins again as a new instance, with another variable", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      const id = await startedAt(stay, "check-in");
      const restart = page.getByRole("button", { name: /^Restart…/, includeHidden: true });
      await expect(restart).toBeDisabled();
      await expect(restart).toHaveAttribute("title", /suspend or cancel it first/);
      await opened(page, "Suspend");
      await send(page, "Suspend");
      await expectState(page, "suspended");
      const dialog = await opened(page, "Restart");
      // the last step that it came to is offered first
      const steps = dialog.getByLabel("The step to begin at");
      await expect(steps.getByRole("option").first()).toHaveText(/^Check in, fact \d+$/);
      await expect(steps.getByRole("option").last()).toHaveText("Start, fact 1");
      await inEveryLook(page, async (look) => {
        await expectAccessible(page, `restart ${look}`);
        await expectNoSidewaysScroll(page, `restart ${look}`);
        await picture(page, `restart-dialog-${look}`);
      });
      await page.setViewportSize({ width: 1360, height: 860 });
      const priced = await steps.getByRole("option", { name: /^Price/ }).getAttribute("value");
      await steps.selectOption(priced);
      const variables = dialog.getByLabel("Variables to change");
      await variables.fill("[3]");
      await dialog.getByLabel("Reason").fill(REASON);
      await dialog.getByRole("button", { name: "Restart", exact: true }).click();
      await expect(dialog.getByRole("alert")).toContainText("names with their values");
      await variables.fill(`{"nights": 3}`);
      await send(page, "Restart");
      // the old one has ended, and says who goes on
      await expectState(page, "cancelled");
      await expect(page.locator(".history")).toContainText(`restarted it from fact ${priced} as`);
      await expect(restart).toBeDisabled();
      await inEveryLook(page, async (look) => {
        await expectAccessible(page, `restarted ${look}`);
        await expectNoSidewaysScroll(page, `restarted ${look}`);
        await picture(page, `restarted-${look}`);
      });
      await page.setViewportSize({ width: 1360, height: 860 });
      await page.locator(".notice").getByRole("link").click();
      await expect(page).not.toHaveURL(new RegExp(id));
      await expect(page.getByRole("listitem", { name: /Check in.*under way/ })).toBeVisible();
      expect(stay.hotel.received.filter((it) => it.type === "TakePayment").map((it) => it.data)).toEqual([{ total: 160 }, { total: 240 }]);
      // what the old one did can be undone from here, the old payment too
      const undo = page.getByRole("region", { name: "Steps and what undoes them" });
      await expect(undo.getByRole("listitem")).toHaveCount(3);
      await picture(page, "restarted-as");
      await page.getByRole("definition").filter({ hasText: `at fact ${priced}` }).getByRole("link").click();
      await expect(page).toHaveURL(new RegExp(`/instances/${id}\\?at=${priced}$`));
      await expect(page.getByText(`As it was after fact ${priced} of`)).toBeVisible();
      await stay.hotel.stop();
    });

    test("an instance migrates to another version by the names of its nodes", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      const id = await startedAt(stay, "check-in");
      await expect(page.getByRole("button", { name: /^Migrate…/, includeHidden: true })).toBeDisabled();
      await publishSecond(stay);
      await page.reload();
      await live(page);
      const dialog = await opened(page, "Migrate");
      await expect(dialog.getByLabel("Version")).toHaveText("v1 → v2");
      // without a mapping it says which node is missing, and nothing changes
      await dialog.getByLabel("Reason").fill(REASON);
      await dialog.getByRole("button", { name: "Migrate", exact: true }).click();
      await expect(dialog.getByRole("alert")).toContainText("has no node `check-in`");
      await dialog.getByLabel("Nodes with another name").fill("check-in = arrival");
      await send(page, "Migrate");
      await expect(page.getByRole("listitem", { name: /Arrival.*under way/ })).toBeVisible();
      await expect(page.locator(".history")).toContainText("migrated it from version 1 to version 2");
      await baton.post("/messages", { type: "GuestArrived", aggregate_type: "rooms", aggregate_id: "1", payload: {}, correlation_id: id });
      await expectState(page, "completed");
      await stay.hotel.stop();
    });

    test("the instances of a definition migrate together, after a look at which can", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      const id = await startedAt(stay, "check-in");
      await publishSecond(stay);
      await page.goto(`${baton.url}/processes/stay`);
      await live(page);
      await page.getByRole("button", { name: "Migrate instances…" }).click();
      const dialog = page.getByRole("dialog");
      const go = dialog.getByRole("button", { name: "Go", exact: true });
      await go.click();
      await expect(dialog).toContainText("0 can go on, 1 cannot.");
      // only those that are looked for
      const key = dialog.getByLabel("Business key");
      await key.fill("room 13");
      await go.click();
      await expect(dialog).toContainText("0 can go on, 0 cannot.");
      await key.fill("room 12");
      await dialog.getByLabel("In the state").selectOption("stuck");
      await go.click();
      await expect(dialog).toContainText("0 can go on, 0 cannot.");
      await dialog.getByLabel("In the state").selectOption("waiting");
      await go.click();
      await expect(dialog).toContainText("0 can go on, 1 cannot.");
      await expectAccessible(page, "the dialog that migrates many");
      await expect(dialog.getByRole("link", { name: "room 12" })).toBeVisible();
      await dialog.getByLabel("Nodes with another name").fill("check-in=arrival");
      await go.click();
      await expect(dialog).toContainText("1 can go on, 0 cannot.");
      await dialog.getByLabel("What to do").selectOption("Migrate those that can");
      await go.click();
      await expect(dialog.getByRole("alert")).toContainText("reason");
      await dialog.getByLabel("Reason").fill(REASON);
      await go.click();
      await expect(dialog).toContainText("It is begun: 1 are asked, one after the other.");
      // in the background, where it can be followed
      await dialog.getByRole("link", { name: "See how far it is" }).click();
      const batches = page.getByRole("region", { name: "Operations on many instances" });
      await expect(batches).toContainText("Migrate to version 2");
      await expect(batches).toContainText("1 of 1 asked");
      await expect(batches).toContainText("ended");
      expect((await baton.get(`/instances/${id}`)).version).toBe(2);
      await stay.hotel.stop();
    });

    test("the scrubber shows an instance as it was", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      const id = await startedAt(stay, "check-in");
      const variables = page.getByRole("group", { name: "Variables", exact: true });
      await expect(variables).toContainText(`"total": 160`);
      const slider = page.getByRole("slider", { name: "Moment in the history" });
      // to the beginning: nothing was done yet, and nothing can be done to it
      await slider.press("Home");
      await expect(page).toHaveURL(/\?at=1$/);
      await expect(page.getByText("As it was after fact 1 of")).toBeVisible();
      await expect(variables).not.toContainText("total");
      await expect(page.getByRole("button", { name: /^Suspend…/ })).toBeDisabled();
      // forward to the fact that made the price
      const { history } = await baton.get(`/instances/${id}`);
      const priced = history.find((item: any) => item.changes?.some((change: any) => change.name === "total"));
      for (let fact = 1; fact < priced.sequence; fact += 1) await slider.press("ArrowRight");
      await expect(page).toHaveURL(new RegExp(`at=${priced.sequence}$`));
      await expect(page.getByRole("list", { name: "Changed variables" }).first()).toContainText("total 160");
      await expect(variables).toContainText(`"total": 160`);
      await page.getByRole("link", { name: "Back to now" }).click();
      await expect(page).not.toHaveURL(/at=/);
      await expect(page.getByRole("button", { name: /^Suspend…/ })).toBeEnabled();
      await stay.hotel.stop();
    });

    test("all instances that pass a filter are operated at once, with progress", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      for (let guest = 1; guest <= 60; guest += 1) {
        await baton.post("/processes/stay/instances", { input: {}, business_key: `room ${guest}` });
      }
      await eventually("all stand at check-in", async () => {
        const { items } = await baton.get("/instances?state=waiting&limit=100");
        return items.length === 60 && items.every((it: any) => it.at.includes("check-in"));
      });
      await page.goto(`${baton.url}/instances`);
      await live(page);
      await expect(page.getByRole("button", { name: /^Operate on all of these…/ })).toBeDisabled();
      await page.goto(`${baton.url}/instances?definition=stay&state=waiting`);
      await live(page);
      const dialog = await opened(page, "Operate on all of these");
      await expect(dialog).toContainText("definition stay, state waiting");
      await dialog.getByLabel("What to do").selectOption({ label: "Suspend" });
      await expectAccessible(page, "the dialog for many");
      await send(page, "Begin");
      const batches = page.getByRole("region", { name: "Operations on many instances" });
      await expect(batches).toContainText("60 of 60 asked");
      await expect(batches).toContainText("ended");
      expect((await baton.get("/instances?state=suspended&limit=100")).items).toHaveLength(60);
      expect((await baton.get("/batches")).items[0]).toMatchObject({ total: 60, done: 60, refused: 0, reason: REASON });
      await stay.hotel.stop();
    });

    test("many steps are skipped, and those that stand elsewhere say so", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      stay.pays = false;
      const begin = (key: string) => baton.post("/processes/stay/instances", { input: {}, business_key: key });
      await begin("room 1");
      const standing = async (node: string, count: number) =>
        eventually(`${count} at ${node}`, async () => {
          const { items } = await baton.get("/instances?state=waiting&limit=100");
          return items.filter((it: any) => it.at.includes(node)).length === count;
        });
      await standing("look", 1);
      stay.pays = true;
      await begin("room 2");
      await standing("check-in", 1);
      await page.goto(`${baton.url}/instances?definition=stay&state=waiting`);
      await live(page);
      const dialog = await opened(page, "Operate on all of these");
      const what = dialog.getByLabel("What to do");
      // each operation asks for what it needs
      await what.selectOption({ label: "Move a token" });
      await expect(dialog.getByLabel("Node that it enters")).toBeVisible();
      await what.selectOption({ label: "Change variables" });
      await dialog.getByLabel("Variables, as JSON").fill("[1]");
      await dialog.getByLabel("Reason").fill(REASON);
      await dialog.getByRole("button", { name: "Begin", exact: true }).click();
      await expect(dialog.getByRole("alert")).toContainText("names with their values");
      await what.selectOption({ label: "Skip a step" });
      await dialog.getByLabel("Node where the token stands").fill("look");
      await dialog.getByLabel("Port").fill("PaymentFound");
      await dialog.getByLabel("Variables to set").fill(`{"found": true}`);
      await inEveryLook(page, async (look) => {
        await expectAccessible(page, `skip many ${look}`);
        await expectNoSidewaysScroll(page, `skip many ${look}`);
        await picture(page, `skip-many-${look}`);
      });
      await page.setViewportSize({ width: 1360, height: 860 });
      await send(page, "Begin");
      const batches = page.getByRole("region", { name: "Operations on many instances" });
      await expect(batches).toContainText("Skip Look by PaymentFound");
      await expect(batches).toContainText("2 of 2 asked");
      await batches.getByText("1 refused").click();
      await expect(batches).toContainText("No token stands at `look`.");
      await standing("check-in", 2);
      const { items } = await baton.get("/instances?business_key=room%201");
      expect((await baton.get(`/instances/${items[0].id}`)).variables).toMatchObject({ found: true });
      await stay.hotel.stop();
    });

    test("many that failed at one step begin again there as new instances", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      stay.nights = "two";
      for (const key of ["room 1", "room 2"]) await baton.post("/processes/stay/instances", { input: {}, business_key: key });
      const all = async (state: string) => (await baton.get(`/instances?state=${state}`)).items;
      await eventually("both are stuck", async () => (await all("stuck")).length === 2);
      await page.goto(`${baton.url}/instances?definition=stay&state=stuck`);
      await live(page);
      const dialog = await opened(page, "Operate on all of these");
      await dialog.getByLabel("What to do").selectOption({ label: "Restart as new instances" });
      await dialog.getByLabel("Step to begin at").fill("price");
      await dialog.getByLabel("Variables to change").fill(`{"nights": 3}`);
      await inEveryLook(page, async (look) => {
        await expectAccessible(page, `restart many ${look}`);
        await expectNoSidewaysScroll(page, `restart many ${look}`);
        await picture(page, `restart-many-${look}`);
      });
      await page.setViewportSize({ width: 1360, height: 860 });
      await send(page, "Begin");
      const batches = page.getByRole("region", { name: "Operations on many instances" });
      await expect(batches).toContainText("Restart at Price");
      await expect(batches).toContainText("2 of 2 asked");
      await expect(batches).not.toContainText("refused");
      const waiting = await eventually("the new ones wait for the guests", async () => {
        const items = await all("waiting");
        return items.length === 2 ? items : undefined;
      });
      for (const { id, business_key } of waiting) {
        const instance = await baton.get(`/instances/${id}`);
        expect(instance.variables).toMatchObject({ nights: 3, total: 240 });
        const original = await baton.get(`/instances/${instance.restarted_from.instance}`);
        expect(original).toMatchObject({ state: "cancelled", business_key, restarted_as: id });
      }
      await stay.hotel.stop();
    });

    test("an item of a loop that failed is mended by variables of its own", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      await baton.post("/processes/bags/versions", { source: BAGS });
      const { id } = await baton.post("/processes/bags/instances", { input: { bags: ["a", "b", "c"] } });
      await eventually("one is stuck", async () => (await baton.get(`/instances/${id}`)).state === "stuck");
      await page.goto(`${baton.url}/instances/${id}`);
      await live(page);
      await expect(page.getByRole("alert")).toContainText("Stuck at Price");
      const dialog = await opened(page, "Change variables");
      const variables = dialog.getByLabel("Variables", { exact: true });
      await expect(variables).toHaveValue("{}");
      await dialog.getByLabel("Whose").selectOption({ label: "Price" });
      await expect(variables).toHaveValue(/"grams": "two"/);
      await variables.fill(`{"bag": "b", "grams": 2}`);
      await picture(page, "variables-of-an-item");
      await send(page, "Change variables");
      await expect(page.locator(".history")).toContainText(REASON);
      await opened(page, "Retry");
      await send(page, "Retry");
      await expectState(page, "completed");
      expect((await baton.get(`/instances/${id}`)).variables).toEqual({ costs: [2, 4, 2] });
      await stay.hotel.stop();
    });

    test("caller and called lead to each other, and the node that works on them is told of", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      await baton.post("/processes/journey/versions", { source: JOURNEY });
      const { id } = await baton.post("/processes/journey/instances", { input: {}, business_key: "summer" });
      const child = await eventually("the stay has begun", async () => {
        const { items } = await baton.get(`/instances?parent=${id}`);
        return items[0]?.at.includes("check-in") ? items[0] : undefined;
      });
      await page.goto(`${baton.url}/instances/${id}`);
      await live(page);
      await page.getByRole("region", { name: "Called from here" }).locator(`a[href="/instances/${child.id}"]`).click();
      await expect(page).toHaveURL(new RegExp(`/instances/${child.id}$`));
      await page.getByRole("definition").filter({ hasText: id.replaceAll("-", "").slice(0, 12) }).getByRole("link").click();
      await expect(page).toHaveURL(new RegExp(`/instances/${id}$`));
      await page.goto(`${baton.url}/settings`);
      const row = page.getByRole("table", { name: "Nodes" }).getByRole("row").nth(1);
      await expect(row).toContainText("this one");
      await expect(row).toContainText("alive");
      await expect(row.getByRole("cell").nth(2)).toHaveText("64");
      await stay.hotel.stop();
    });

    test("an operation on many is paused, let go on and stopped", async ({ page, baton }) => {
      const stay = await prepared(page, baton);
      // more than are asked while somebody reaches for a button
      const guests = Array.from({ length: 400 }, (_, guest) => guest);
      for (let from = 0; from < guests.length; from += 20) {
        await Promise.all(guests.slice(from, from + 20).map((guest) => baton.post("/processes/stay/instances", { input: {}, business_key: `room ${guest}` })));
      }
      const { id } = await baton.post("/batches", { operation: { set_variables: { set: { vip: true } } }, filter: { definition: "stay" }, reason: REASON });
      const held = await baton.post(`/batches/${id}/pause`, {});
      expect(held.state).toBe("paused");
      await page.goto(`${baton.url}/instances`);
      await live(page);
      const batch = page.getByRole("region", { name: "Operations on many instances" }).getByRole("listitem").first();
      await expect(batch).toContainText("paused");
      await expect(batch).toContainText(`Change variables: {"vip":true}`);
      await batch.getByRole("button", { name: "Go on" }).click();
      await expect(batch).toContainText("ended");
      await expect(batch).toContainText("400 of 400 asked");
      const other = await baton.post("/batches", { operation: "suspend", filter: { definition: "stay" }, reason: REASON });
      await baton.post(`/batches/${other.id}/pause`, {});
      const second = page.getByRole("region", { name: "Operations on many instances" }).getByRole("listitem").filter({ hasText: "Suspend" });
      await second.getByRole("button", { name: "Stop" }).click();
      await expect(second).toContainText("cancelled");
      expect((await baton.get(`/batches/${other.id}`)).done).toBeLessThan(400);
      await stay.hotel.stop();
    });
  });
}
