/** What the chat stores, returns and tells. */
import { event, json } from "@shoal/app";

@json
export class Channel {
  constructor(
    readonly name: string,
    readonly createdBy: string,
    readonly createdAtMs: u64,
  ) {}
}

@json
export class Message {
  constructor(
    readonly id: string,
    readonly author: string,
    readonly text: string,
    readonly sentAtMs: u64,
    readonly replyTo: string | null = null,
    readonly editedAtMs: u64 = 0,
  ) {}
}

@json
export class Reaction {
  constructor(
    readonly emoji: string,
    readonly by: string,
  ) {}
}

/** A page of messages, the newest first; `next` is where the following page begins, null at the end. */
@json
export class Page {
  constructor(
    readonly messages: Message[],
    readonly next: string | null,
  ) {}
}

@json
export class Profile {
  constructor(
    readonly name: string,
    readonly status: string = "",
  ) {}
}

@event
export class ChannelCreated {
  constructor(readonly name: string) {}
}

@event
export class MessageSent {
  constructor(
    readonly channel: string,
    readonly id: string,
    readonly author: string,
    readonly text: string,
  ) {}
}

@event
export class MessageEdited {
  constructor(
    readonly channel: string,
    readonly id: string,
    readonly text: string,
  ) {}
}

@event
export class MessageRemoved {
  constructor(
    readonly channel: string,
    readonly id: string,
  ) {}
}

@event
export class Reacted {
  constructor(
    readonly message: string,
    readonly emoji: string,
    readonly by: string,
    readonly added: bool,
  ) {}
}
