/** A team's chat. */
import {
  AuthoredMap,
  Counter,
  Dictionary,
  Map,
  Set,
  Text,
  UserStorage,
  app,
  emit,
  env,
  fail,
  init,
  view,
} from "@shoal/app";
import {
  Channel,
  ChannelCreated,
  Message,
  MessageEdited,
  MessageRemoved,
  MessageSent,
  Page,
  Profile,
  Reacted,
  Reaction,
} from "./values";

const PAGE_MAX = 200;
const TEXT_MAX = 4000;

@app
class TeamChat {
  channels: Map<string, Channel>;
  topics: Map<string, Text>;
  /** By channel, then by id: ids are in the order of their time. */
  messages: Map<string, AuthoredMap<string, Message>>;
  sent: Map<string, Counter>;
  /** By message. */
  reactions: Map<string, Set<Reaction>>;
  profiles: UserStorage<Profile>;
  /** By channel: the last message that was read here. */
  @private marks: Map<string, string>;
  /** By channel: the last message that named this node's user. */
  @private mentions: Map<string, string>;

  @init
  init(channels: string[] = ["general"]): void {
    for (let i = 0; i < channels.length; i++) this.createChannel(channels[i]);
  }

  createChannel(name: string): void {
    if (name.length == 0 || name.includes(" ")) fail("a channel's name is one word", "invalid_argument");
    if (this.channels.has(name)) fail("there is a channel " + name + " already", "already_exists");
    this.channels.set(name, new Channel(name, env.executorId(), env.timeMs()));
    this.topics.open(name);
    this.messages.open(name);
    this.sent.open(name);
    emit(new ChannelCreated(name));
  }

  @view
  listChannels(): Channel[] {
    return this.channels.values().sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Takes `remove` characters out of the topic at `at` and puts `insert` there; edits of several at once all stay. */
  editTopic(channel: string, at: i32, remove: i32 = 0, insert: string = ""): void {
    this.demandChannel(channel);
    const topic = this.topics.open(channel);
    topic.delete(at, remove);
    if (insert.length > 0) topic.insert(at, insert);
  }

  @view
  topic(channel: string): string {
    this.demandChannel(channel);
    return this.topics.open(channel).toString();
  }

  /** The new message's id. */
  send(channel: string, text: string, replyTo: string | null = null): string {
    this.demandChannel(channel);
    this.demandText(text);
    const messages = this.messages.open(channel);
    if (replyTo !== null && !messages.has(replyTo)) fail("no such message to reply to: " + replyTo, "not_found");
    const author = env.executorId();
    const id = env.uniqueId();
    messages.add(id, new Message(id, author, text, env.timeMs(), replyTo));
    this.sent.open(channel).increment();
    emit(new MessageSent(channel, id, author, text), "received");
    return id;
  }

  /** Only who wrote a message changes it: the node refuses everybody else, and so does every other node. */
  edit(channel: string, id: string, text: string): void {
    this.demandText(text);
    const old = this.demandMessage(channel, id);
    const edited = new Message(id, old.author, text, old.sentAtMs, old.replyTo, env.timeMs());
    this.messages.open(channel).update(id, edited);
    emit(new MessageEdited(channel, id, text));
  }

  remove(channel: string, id: string): void {
    this.demandMessage(channel, id);
    this.messages.open(channel).delete(id);
    emit(new MessageRemoved(channel, id));
  }

  /** The newest first; `before`: an id, as `next` of the page before. */
  @view
  page(channel: string, before: string = "", limit: i32 = 50): Page {
    this.demandChannel(channel);
    const messages = this.messages.open(channel);
    const ids = messages.keys().sort();
    const found = new Array<Message>();
    let next: string | null = null;
    for (let i = ids.length - 1; i >= 0; i--) {
      if (before != "" && ids[i] >= before) continue;
      if (found.length >= min(limit, PAGE_MAX)) {
        next = found.length > 0 ? found[found.length - 1].id : null;
        break;
      }
      found.push(messages.get(ids[i])!);
    }
    return new Page(found, next);
  }

  /** How many messages were ever sent to the channel. */
  @view
  count(channel: string): u64 {
    this.demandChannel(channel);
    return this.sent.open(channel).value;
  }

  react(channel: string, id: string, emoji: string): void {
    this.demandMessage(channel, id);
    const me = env.executorId();
    this.reactions.open(id).add(new Reaction(emoji, me));
    emit(new Reacted(id, emoji, me, true));
  }

  unreact(channel: string, id: string, emoji: string): bool {
    this.demandMessage(channel, id);
    const me = env.executorId();
    if (!this.reactions.open(id).delete(new Reaction(emoji, me))) return false;
    emit(new Reacted(id, emoji, me, false));
    return true;
  }

  /** How many gave each emoji. */
  @view
  reactionsOf(id: string): Dictionary<u32> {
    const counts = new Dictionary<u32>();
    const all = this.reactions.get(id);
    const given = all === null ? new Array<Reaction>() : all.values();
    for (let i = 0; i < given.length; i++) {
      const emoji = given[i].emoji;
      counts.set(emoji, (counts.has(emoji) ? counts.get(emoji) : 0) + 1);
    }
    return counts;
  }

  setProfile(name: string, status: string = ""): void {
    this.profiles.set(new Profile(name, status));
  }

  @view
  profile(user: string): Profile | null {
    return this.profiles.getFor(user);
  }

  /** Nobody else learns how far somebody has read. */
  markRead(channel: string, id: string): void {
    this.demandMessage(channel, id);
    this.marks.set(channel, id);
  }

  @view
  unread(channel: string): i32 {
    this.demandChannel(channel);
    const mark = this.marks.getOr(channel, "");
    const ids = this.messages.open(channel).keys();
    let count = 0;
    for (let i = 0; i < ids.length; i++) if (ids[i] > mark) count += 1;
    return count;
  }

  /** Runs on every other node when a message reaches it. */
  received(channel: string, id: string, author: string, text: string): void {
    const me = this.profiles.get();
    if (me !== null && text.includes("@" + me.name)) this.mentions.set(channel, id);
  }

  @view
  lastMention(channel: string): string | null {
    return this.mentions.get(channel);
  }

  private demandChannel(channel: string): void {
    if (!this.channels.has(channel)) fail("no such channel: " + channel, "not_found");
  }

  private demandMessage(channel: string, id: string): Message {
    this.demandChannel(channel);
    const message = this.messages.open(channel).get(id);
    if (message === null) throw new Error("no such message: " + id);
    return message;
  }

  private demandText(text: string): void {
    if (text.length == 0 || text.length > TEXT_MAX) {
      fail("a message has 1 to " + TEXT_MAX.toString() + " characters", "invalid_argument");
    }
  }
}
