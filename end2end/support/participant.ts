// A participant as somebody would write one: a small HTTP server that takes CloudEvents and may answer with some.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";

/** A CloudEvent as it arrived, with Baton's extension attributes. */
export interface Received {
  id: string;
  type: string;
  source: string;
  subject?: string;
  data: any;
  /** All context attributes, under their CloudEvents names. */
  attributes: Record<string, string>;
  headers: IncomingMessage["headers"];
}

/** What a participant says to a command: events, each with a type and a payload; their key is the participant's own. */
export interface Reply {
  type: string;
  aggregateType: string;
  aggregateId: string;
  payload: unknown;
}

export type Handler = (event: Received) => Reply[];

export class Participant {
  readonly received: Received[] = [];
  /** The events that are refused, by the status that they are answered with; they do not count as received. */
  refuse: (event: Received) => number | undefined = () => undefined;
  #server: Server;
  #handler: Handler;

  private constructor(handler: Handler) {
    this.#handler = handler;
    this.#server = createServer(async (request, response) => {
      const event = cloudEvent(request, await text(request));
      const status = this.refuse(event);
      if (status !== undefined) {
        response.writeHead(status, { "content-type": "text/plain" }).end("not now");
        return;
      }
      this.received.push(event);
      const replies = this.#handler(event).map((reply) => answer(event, reply));
      if (replies.length === 0) {
        response.writeHead(204).end();
      } else {
        response.writeHead(200, { "content-type": "application/cloudevents-batch+json" }).end(JSON.stringify(replies));
      }
    });
  }

  static async start(handler: Handler = () => []): Promise<Participant> {
    const participant = new Participant(handler);
    participant.#server.listen(0, "127.0.0.1");
    await once(participant.#server, "listening");
    return participant;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the participant was stopped");
    return `http://127.0.0.1:${address.port}/`;
  }

  /** The received events of one key, in the order in which they arrived. */
  of(subject: string): Received[] {
    return this.received.filter((event) => event.subject === subject);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Structured mode has everything in the body; binary mode has the attributes in `ce-` headers. */
function cloudEvent(request: IncomingMessage, body: string): Received {
  const headers = request.headers;
  const structured = headers["content-type"]?.startsWith("application/cloudevents+json");
  const { data, ...attributes } = structured ? JSON.parse(body) : { ...binary(headers), data: JSON.parse(body) };
  return { id: attributes.id, type: attributes.type, source: attributes.source, subject: attributes.subject, data, attributes, headers };
}

function binary(headers: IncomingMessage["headers"]): Record<string, string> {
  const attributes = Object.entries(headers).filter(([name]) => name.startsWith("ce-"));
  return Object.fromEntries(attributes.map(([name, value]) => [name.slice(3), String(value)]));
}

function answer(to: Received, reply: Reply) {
  return {
    specversion: "1.0",
    id: randomUUID(),
    type: reply.type,
    source: "participant",
    subject: `${reply.aggregateType}/${reply.aggregateId}`,
    causationid: to.id,
    correlationid: to.attributes.correlationid,
    datacontenttype: "application/json",
    data: reply.payload,
  };
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
