// Campaign publishing, the shipped stateless saga: an event of one context becomes a command to another.
import { type Database, eventually } from "../support/baton.ts";
import { expect, test } from "../support/fixtures.ts";
import { insertFromOutside } from "../support/outsider.ts";

const ACTIVATED = {
  type: "CampaignActivated",
  aggregateType: "campaign",
  aggregateId: "c-1",
  payload: { campaign_id: "c-1", title: "Spring sale", budget: 1200 },
};

for (const database of ["sqlite", "postgres"] satisfies Database[]) {
  test.describe(`on ${database}`, () => {
    test.use({ database });

    test("an activated campaign is submitted, and the campaign hears that it was published", async ({ page, baton, world }) => {
      insertFromOutside(baton.databaseUrl, [ACTIVATED]);
      const tracked = await eventually("the confirmation is tracked", async () => world.commands("TrackPublishingConfirmation")[0]);
      expect(tracked.attributes).toMatchObject({ batonkind: "command", aggregatetype: "campaign", aggregateid: "c-1" });
      const [submitted] = world.commands("SubmitAdvertisement");
      expect(submitted!.data).toEqual({ campaign_id: "c-1", title: "Spring sale", budget: 1200 });
      expect(submitted!.subject).toBe("ad-publishing/c-1");
      expect(world.commands("TrackPublishingRejection")).toEqual([]);

      // and the list shows the four messages
      await page.goto(`${baton.url}/messages`);
      for (const type of [ACTIVATED.type, "SubmitAdvertisement", "PublishingConfirmed", "TrackPublishingConfirmation"]) {
        await expect(page.getByRole("link", { name: type, exact: true })).toBeVisible();
      }
    });
  });
}

test("a rejected campaign hears that it was rejected", async ({ baton, world }) => {
  world.publishing = "rejected";
  insertFromOutside(baton.databaseUrl, [ACTIVATED]);
  await eventually("the rejection is tracked", async () => world.commands("TrackPublishingRejection")[0]);
  expect(world.commands("TrackPublishingConfirmation")).toEqual([]);
});

test("the saga's page draws it and shows its source", async ({ page, baton, world }) => {
  expect(world.participant.received).toEqual([]);
  await page.goto(`${baton.url}/sagas`);
  await page.getByRole("link", { name: /campaign.publishing/i }).first().click();
  await expect(page.getByRole("region", { name: "Diagram of campaign-publishing" })).toBeVisible();
  await expect(page.locator("svg.diagram .node").first()).toBeVisible();
});
