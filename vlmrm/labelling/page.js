"use strict";

// A key shows the next frame at once, from those that are loaded already, and its answer is sent behind it. Names of
// frames only ever become text, never HTML.

const byId = (id) => document.getElementById(id);
const KEYS = {
  ArrowRight: "goal", 1: "goal", y: "goal",
  ArrowLeft: "other", 0: "other", n: "other",
  " ": "skip", s: "skip",
  u: "undo", Backspace: "undo",
};
const IN_GOAL = { goal: true, other: false, skip: null };
const WORD = { goal: "goal", other: "not goal", skip: "skipped" };
const SMALL_PX = 128;

let state = null; // as the server said last
let queue = []; // frames to show, the current one first
let waiting = 0; // requests that are not answered yet
let sending = Promise.resolve();
let over = false;
const pictures = new Map(); // by index of the frame, loaded or loading

async function ask(path, body) {
  let reply;
  try {
    reply = await fetch(path, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  } catch {
    over = true;
    throw new Error("The command behind this page has stopped. Start it again to go on; all earlier answers are saved.");
  }
  const said = await reply.json();
  if (!reply.ok) throw new Error(said.error);
  return said;
}

function picture(frame) {
  if (!pictures.has(frame.frame)) {
    const image = new Image();
    image.alt = `Frame ${frame.name}`;
    image.onload = () => image.classList.toggle("small", Math.max(image.naturalWidth, image.naturalHeight) <= SMALL_PX);
    image.onerror = () => fail(new Error(`The picture of ${frame.name} could not be loaded.`));
    image.src = `picture/${frame.frame}`;
    image.decode().catch(() => {}); // onerror says it
    pictures.set(frame.frame, image);
  }
  return pictures.get(frame.frame);
}

function note(text) {
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  return paragraph;
}

function show() {
  const current = queue[0];
  for (const id of ["goal", "other", "skip"]) byId(id).disabled = over || !current;
  byId("undo").disabled = over || !state.can_undo;
  byId("done").disabled = over;
  byId("name").textContent = current ? current.name : "";
  if (current) byId("frame").replaceChildren(picture(current));
  else if (waiting || over) byId("frame").replaceChildren(note("…"));
  else byId("frame").replaceChildren(note("All frames are labelled. Press Done, or take back the last answer."));
  queue.forEach(picture);
  const kept = new Set(queue.map((frame) => frame.frame));
  for (const frame of pictures.keys()) if (!kept.has(frame)) pictures.delete(frame);
}

function take(said) {
  state = said;
  if (!waiting) queue = [...said.upcoming]; // or it would show a frame again whose answer is on its way
  byId("question").textContent = said.question;
  byId("about").textContent = [said.rater, said.file].filter(Boolean).join(" · ");
  byId("progress").textContent = said.progress;
  byId("bar").max = said.total;
  byId("bar").value = said.labelled;
  show();
}

function fail(error) {
  byId("error").textContent = error.message;
  byId("error").hidden = false;
}

function send(path, body, spoken) {
  waiting += 1;
  sending = sending.then(async () => {
    try {
      const said = await ask(path, body);
      waiting -= 1;
      byId("error").hidden = true;
      take(said);
      byId("spoken").textContent = `${spoken}. ${said.progress}.`;
    } catch (error) {
      waiting -= 1;
      byId("last").textContent = "";
      fail(new Error(`Not saved. ${error.message}`));
      await refresh();
    }
  });
}

async function refresh() {
  if (over) return show();
  try {
    take(await ask("state"));
  } catch (error) {
    fail(error);
  }
}

function act(what) {
  if (over || state === null) return;
  if (what === "undo") {
    if (!state.can_undo && !waiting) return;
    byId("last").textContent = "";
    send("undo", {}, "Undone");
    return;
  }
  const current = queue.shift();
  if (!current) return;
  const answer = `${current.name}: ${WORD[what]}`;
  byId("last").textContent = `Last answer: ${answer}`;
  send("answer", { frame: current.frame, in_goal: IN_GOAL[what] }, answer);
  show();
}

function finish() {
  if (over) return;
  sending = sending.then(async () => {
    try {
      const said = await ask("done", {});
      over = true;
      queue = [];
      show();
      byId("question").textContent = "Thank you. Everything is saved.";
      byId("last").textContent = "";
      byId("frame").replaceChildren(note(`${said.summary}\n\nThis page can be closed.`));
      byId("spoken").textContent = said.summary;
      document.body.classList.add("over");
    } catch (error) {
      fail(error);
    }
  });
}

for (const id of ["goal", "other", "skip", "undo", "done"]) {
  byId(id).addEventListener("click", (event) => {
    if (event.detail > 0) event.currentTarget.blur(); // a click: or space would press the same button again
    if (id === "done") finish();
    else act(id);
  });
}

document.addEventListener("keydown", (event) => {
  const what = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!what || !byId("keys").checked || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.closest("button, input")) return; // presses what has the focus
  event.preventDefault();
  if (!event.repeat) act(what);
});

refresh();
