import { expect, it } from "vitest";
import { envelopeSchema } from "@shoal/shared/wire/envelope.ts";
import { messageIdOf } from "@shoal/shared/wire/message-id.ts";

it("finds a repeat's id again, and gives every other message another", () => {
  const first = { processorId: "p", epoch: 1, sequence: 1 };
  expect(messageIdOf({ ...first })).toBe(messageIdOf(first));
  const others = [
    { ...first, processorId: "q" },
    { ...first, epoch: 2 },
    { ...first, sequence: 2 },
    { processorId: "p", key: "1" },
  ];
  expect(new Set([first, ...others].map((origin) => messageIdOf(origin))).size).toBe(5);
});

it("is a UUID of version 8 that an envelope accepts", () => {
  for (let sequence = 0; sequence < 200; sequence++) {
    const id = messageIdOf({ processorId: "p", epoch: 1, sequence });
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(envelopeSchema.shape.message_id.parse(id)).toBe(id);
  }
});
