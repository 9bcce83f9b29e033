// The world around the two shipped examples, decided by the test instead of by dice: airlines, hotels, an advertising
// network. `baton demo` has one with dice; this one does what a spec says.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Baton } from "./baton.ts";
import { Participant, type Received, type Reply } from "./participant.ts";

export const QUOTES = [
  { code: "AF267", carrier: "Air France", price: 910 },
  { code: "KE901", carrier: "Korean Air", price: 640 },
  { code: "LH713", carrier: "Lufthansa", price: 1180 },
];
/** The quote that an algorithm should pick. */
export const CHEAPEST = QUOTES[1]!;

export const TRIP = {
  employee: "mina",
  manager: "sora",
  from: "ICN",
  to: "CDG",
  depart: "2027-03-01",
  return: "2027-03-05",
  hotels: ["Hotel Lumen", "Parkside Inn"],
};

/** The aggregate types that commands of the examples go to. */
const RECEIVERS = ["flights", "hotels", "ad-publishing", "campaign"];

export class World {
  hotelsFree = true;
  publishing: "confirmed" | "rejected" = "confirmed";
  readonly participant: Participant;

  private constructor(participant: Participant) {
    this.participant = participant;
  }

  /** Starts the participants, and makes their destinations, their routes and the shipped definitions in Baton. */
  static async start(baton: Baton): Promise<World> {
    // The handler needs the world, and the world its participant.
    const handler: { answer?: (command: Received) => Reply[] } = {};
    const world = new World(await Participant.start((command) => handler.answer?.(command) ?? []));
    handler.answer = (command) => world.#answer(command);
    for (const name of RECEIVERS) {
      await baton.put(`/destinations/${name}`, { kind: "http", url: world.participant.url });
      await baton.put(`/routes/${name}-commands`, { kind: "command", aggregate_type: name, to: name });
    }
    for (const { name, kind, source } of shipped()) {
      await baton.put(`/${kind}/${name}/draft`, { source });
      await baton.post(`/${kind}/${name}/versions`, {});
    }
    return world;
  }

  async stop(): Promise<void> {
    await this.participant.stop();
  }

  /** The commands of one type that arrived, in order. */
  commands(type: string): Received[] {
    return this.participant.received.filter((command) => command.type === type);
  }

  #answer(command: Received): Reply[] {
    const says = (type: string, payload: unknown): Reply[] => [
      { type, aggregateType: command.attributes.aggregatetype!, aggregateId: command.attributes.aggregateid!, payload },
    ];
    switch (command.type) {
      case "RequestQuotes":
        return says("QuotesReceived", { quotes: QUOTES });
      case "BookFlight":
        return says("FlightBooked", { pnr: "QX7L2P" });
      case "BookHotel":
        return this.hotelsFree
          ? says("HotelBooked", { hotel: TRIP.hotels[0], confirmation: "LUMEN-1" })
          : says("NoHotelFree", { reason: "fully booked for these nights" });
      case "CancelFlight":
        return says("FlightCancelled", { refund: 320 });
      case "SubmitAdvertisement":
        return this.publishing === "confirmed"
          ? says("PublishingConfirmed", { campaign_id: command.data.campaign_id, ad_id: "AD-1" })
          : says("PublishingRejected", { campaign_id: command.data.campaign_id, reason: "too much text" });
      default:
        return [];
    }
  }
}

/** The definitions that Baton ships as examples. */
export function shipped(): { name: string; kind: "sagas" | "processes"; source: string }[] {
  const folder = join(import.meta.dirname, "..", "..", "domain", "definitions");
  return readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => {
      const source = readFileSync(join(folder, file), "utf8");
      return { name: file.replace(".yaml", ""), kind: source.includes("baton: saga/") ? "sagas" : "processes", source };
    });
}
