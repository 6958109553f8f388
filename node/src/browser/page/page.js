/** What the page does: shows the tab's node as it is, and hands it what a person writes. */
import { openTab, wordsOf } from "../tab.ts";

const REFRESH_MS = 1000;
const EVENTS_SHOWN = 100;

const byId = (id) => document.getElementById(id);
const name = new URLSearchParams(location.search).get("name") ?? "tab";

try {
  const tab = await openTab({ name, peers: await defaultPeers() });
  // For whoever tries things out in the browser's console.
  globalThis.shoal.tab = tab;
  show(tab);
} catch (thrown) {
  byId("state").textContent = "Not open";
  const problem = byId("problem");
  problem.textContent = `The node did not open: ${wordsOf(thrown)}.`;
  problem.hidden = false;
}

/** Where the node that serves this page is reached; without one, only those that a person names. */
async function defaultPeers() {
  try {
    const { peers } = await (await fetch("peers.json")).json();
    return peers;
  } catch {
    return [];
  }
}

function show(tab) {
  byId("account").textContent = tab.account;
  byId("peer").textContent = tab.peerId;
  byId("name").textContent = name;
  byId("node").hidden = false;
  onSubmit("join", async ({ invitation }) => {
    await tab.join(invitation);
    // Asked for once there is something to lose; a refusal changes nothing that was promised.
    void navigator.storage?.persist?.().catch(() => undefined);
    return "Joined. The group's contexts follow.";
  });
  onSubmit("dial", async ({ address }) => `Connected to ${await tab.dial(address.trim())}`);
  onCall(tab);
  tab.onEvent((event) => tell(event));
  let isShowing = false;
  const refresh = async () => {
    // One that is slow is not overtaken by the next.
    if (isShowing) return;
    isShowing = true;
    try {
      await look(tab);
    } finally {
      isShowing = false;
    }
  };
  tab.onEvent(() => void refresh());
  setInterval(() => void refresh(), REFRESH_MS);
  void refresh();
}

async function look(tab) {
  const [contexts, peers] = await Promise.all([tab.contexts(), tab.peers()]);
  const here = contexts.length === 1 ? "1 context" : `${contexts.length} contexts`;
  byId("state").textContent = `${peers.length === 0 ? "No peer is" : counted(peers.length, "peer")} connected, ${here}`;
  list("contexts", contexts, ({ id, root, state, error }) => [
    element("code", id),
    element("small", `${STATES[state] ?? state}${root === undefined ? "" : `, root ${root}`}`),
    ...(error === undefined ? [] : [element("small", error, "bad")]),
  ]);
  list("peers", peers, (peer) => [element("code", peer)]);
  byId("calling").hidden = contexts.length === 0;
  options(
    byId("call").elements.context,
    contexts.map(({ id }) => id),
  );
}

const STATES = {
  waiting: "waiting for its first state",
  retrying: "not level, trying again",
  diverged: "differs from its peers",
};

const counted = (count, noun) => (count === 1 ? `1 ${noun} is` : `${count} ${noun}s are`);

function onCall(tab) {
  const form = byId("call");
  const { context } = form.elements;
  const result = byId("result");
  const took = byId("took");
  form.elements.method.addEventListener("focus", async () => {
    const chosen = (await tab.contexts()).find(({ id }) => id === context.value);
    byId("methods").replaceChildren(...(chosen?.methods ?? []).map((method) => new Option(method)));
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void whileBusy(form, async () => {
      const { method, args } = Object.fromEntries(new FormData(form));
      const began = performance.now();
      try {
        const output = await tab.call(context.value, method.trim(), argumentsOf(args));
        took.textContent = `${(performance.now() - began).toFixed(1)} ms`;
        result.textContent = output === undefined ? "nothing" : JSON.stringify(output, null, 2);
        result.className = "";
      } catch (thrown) {
        took.textContent = "";
        result.textContent = wordsOf(thrown);
        result.className = "bad";
      }
      result.hidden = false;
    });
  });
}

function argumentsOf(text) {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`the arguments are not JSON: ${cause.message}`, { cause });
  }
}

/** A form whose answer is a sentence. */
function onSubmit(id, act) {
  const form = byId(id);
  const answer = form.querySelector(".answer");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void whileBusy(form, async () => {
      answer.textContent = "";
      try {
        answer.textContent = await act(Object.fromEntries(new FormData(form)));
        answer.className = "answer";
        form.reset();
      } catch (thrown) {
        answer.textContent = wordsOf(thrown);
        answer.className = "answer bad";
      }
    });
  });
}

async function whileBusy(form, work) {
  const button = form.querySelector("button");
  // Enter submits too, whatever the button says.
  if (button.disabled) return;
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
  }
}

function tell({ contextId, groupId, type, ...rest }) {
  // How level a context is stands beside it.
  if (type === "SyncStatus") return;
  const time = new Date().toLocaleTimeString();
  const where = contextId === undefined ? `group ${groupId}` : `context ${contextId}`;
  const lines =
    type === "StateMutation"
      ? rest.events.map(({ kind, data }) => `${kind} ${JSON.stringify(data)}`)
      : [JSON.stringify(rest)];
  const events = byId("events");
  events.prepend(
    element("li", undefined, "", [
      element("span", type === "StateMutation" ? "The state changed" : type),
      ...lines.map((line) => element("code", line)),
      element("small", `${time}, ${where}`),
    ]),
  );
  while (events.children.length > EVENTS_SHOWN) events.lastElementChild.remove();
  byId("no-events").hidden = true;
}

/** Drawn again only where something changed: a reader's place and selection stay. */
function list(id, items, partsOf) {
  const rows = byId(id);
  byId(`no-${id}`).hidden = items.length > 0;
  const state = JSON.stringify(items);
  if (rows.dataset.state === state) return;
  rows.dataset.state = state;
  rows.replaceChildren(...items.map((item) => element("li", undefined, "", partsOf(item))));
}

function options(select, values) {
  if ([...select.options].map(({ value }) => value).join() === values.join()) return;
  const chosen = select.value;
  select.replaceChildren(...values.map((value) => new Option(value, value, false, value === chosen)));
}

function element(tag, text, className = "", children = []) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className !== "") made.className = className;
  made.append(...children);
  return made;
}
