// What the visitor sees: the photograph, the painters, the strength, before and after.
//
// Reading order: press (the order of things), newWorker, choosePhoto, hang (the painters).
// Pixels are the worker's matter alone (worker.js), so that the page is never blocked.

const FOLDER = new URL(".", import.meta.url);
const STYLE_NAME = "style";

const part = (id) => document.getElementById(id);

let photo = null; // {blob, name}
let chosen = null; // {name, mean, variance} or {name, painting}
let worker = null;
let working = null; // what to call with the answer
let shownUrl = "", paintedUrl = "";

function say(sentence, kind = "") {
  part("status").hidden = !sentence;
  part("status").className = `imp-status ${kind}`;
  part("status").setAttribute("role", kind === "imp-refused" ? "alert" : "status");
  part("said").textContent = sentence;
  part("bar").hidden = kind !== "imp-busy";
}

const refuse = (sentence) => say(sentence, "imp-refused");

// ---- painting

async function press(event) {
  event.preventDefault();
  if (working) {
    dismiss();
    say("stopped.");
    return;
  }
  if (!photo) {
    refuse("a photograph is needed: drop one, or take our landscape.");
    return;
  }
  if (!chosen) {
    refuse("a painter is needed: choose one, or drop a painting.");
    return;
  }
  const began = performance.now();
  const order = { photo, style: chosen, alpha: Number(part("strength").value) };
  say("getting ready", "imp-busy");
  part("paint").textContent = "Stop";
  part("easel").scrollIntoView({ block: "nearest", behavior: "smooth" });
  const answer = await new Promise((resolve) => {
    working = resolve;
    worker ??= newWorker();
    worker.postMessage(order);
  });
  working = null;
  part("paint").textContent = "Paint";
  if (!answer) return;
  if (answer.refused) {
    if (answer.broken) dismiss();
    refuse(answer.refused);
    return;
  }
  await show(answer.painted, order);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(`finished in ${seconds} s: ${sizeSaid(answer)}.`, "imp-done");
}

function sizeSaid({ width, height, of, most }) {
  const size = `${width} × ${height} pixels`;
  if (width === of.width && height === of.height) return size;
  const millions = (most / 1e6).toFixed(1);
  return `${size}, reduced from ${of.width} × ${of.height} because a browser's memory holds about ` +
    `${millions} million`;
}

function newWorker() {
  // A worker from a file has a policy of its own, that is none; one from a blob keeps the page's.
  const address = JSON.stringify(new URL("worker.js", FOLDER).href);
  const source = new Blob([`import ${address};`], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  const made = new Worker(url, { type: "module" });
  made.onmessage = ({ data }) => {
    if (data.news) say(data.news, "imp-busy");
    else working?.(data);
  };
  made.onerror = (event) => {
    event.preventDefault();
    working?.({
      refused: "the painter cannot be loaded; copy the whole folder, and open it through a server.",
      broken: true,
    });
  };
  return made;
}

function dismiss() {
  worker?.terminate();
  worker = null;
  working?.(null);
}

async function show(painted, { photo, style }) {
  URL.revokeObjectURL(paintedUrl);
  paintedUrl = URL.createObjectURL(painted);
  await loaded(part("after"), paintedUrl);
  for (const id of ["after", "cut", "slider", "download"]) part(id).hidden = false;
  part("slider").value = 50;
  cut();
  const stem = photo.name.replace(/\.[^.]*$/, "");
  part("download").href = paintedUrl;
  part("download").download = `${stem}-${style.name}.png`;
}

function cut() {
  part("canvas").style.setProperty("--cut", `${part("slider").value}%`);
}

// ---- the photograph

function loaded(image, url) {
  return new Promise((resolve, reject) => {
    image.onload = resolve;
    image.onerror = () => reject(new Error(url));
    image.src = url;
  });
}

const unreadable = (name) =>
  `${name} is no picture that this browser can read; give a JPEG, PNG or WebP file.`;

async function choosePhoto(blob, name) {
  const url = URL.createObjectURL(blob);
  const before = part("before");
  try {
    await loaded(new Image(), url);
  } catch {
    URL.revokeObjectURL(url);
    refuse(unreadable(name));
    return;
  }
  if (working) dismiss(); // what is being painted is of another photograph
  URL.revokeObjectURL(shownUrl);
  shownUrl = url;
  photo = { blob, name };
  await Promise.all([loaded(before, url), loaded(part("photo-shown"), url)]);
  part("photo-shown").hidden = false;
  part("photo-said").textContent = name;
  part("empty").hidden = true;
  part("canvas").hidden = false;
  for (const id of ["after", "cut", "slider", "download"]) part(id).hidden = true;
  part("canvas").style.setProperty("--ratio", before.naturalWidth / before.naturalHeight);
  say("");
}

async function takeSample() {
  const answer = await fetch(new URL("sample.jpg", FOLDER)).catch(() => null);
  if (answer?.ok) await choosePhoto(await answer.blob(), "landscape.jpg");
  else refuse("sample.jpg cannot be fetched; is the server of this page still running?");
}

// ---- the painters

async function hang() {
  const answer = await fetch(new URL("styles.json", FOLDER)).catch(() => null);
  if (!answer?.ok) {
    refuse("styles.json cannot be fetched; copy the whole folder, or drop a painting.");
    return;
  }
  const { styles } = await answer.json();
  for (const style of styles) {
    style.mean = unpacked(style.mean);
    style.variance = unpacked(style.variance);
    part("painters").append(tile(style, style.thumbnail));
  }
  part("painters").querySelector("input")?.click();
}

function unpacked(text) {
  return new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
}

function tile(style, picture) {
  const made = document.createElement("label");
  made.className = "imp-tile";
  const input = Object.assign(document.createElement("input"), {
    type: "radio", name: STYLE_NAME, value: style.name, className: "imp-unseen",
  });
  const image = Object.assign(document.createElement("img"), { src: picture, alt: "" });
  const caption = document.createElement("span");
  caption.textContent = style.painting ? style.name : style.name.replaceAll("-", " ");
  input.addEventListener("change", () => choose(style));
  made.append(input, image, caption);
  return made;
}

function choose(style) {
  chosen = style;
  const who = document.createElement("b"), what = document.createElement("small");
  who.textContent = style.painter || style.title || style.name;
  what.textContent = style.painter ? [style.title, style.year].filter(Boolean).join(", ") : "";
  part("chosen").replaceChildren("In the manner of ", who, what);
}

async function choosePainting(blob, name) {
  const url = URL.createObjectURL(blob);
  try {
    await loaded(new Image(), url);
  } catch {
    URL.revokeObjectURL(url);
    refuse(unreadable(name));
    return;
  }
  const stem = name.replace(/\.[^.]*$/, "");
  part("painters").prepend(tile({ name: stem, painting: { blob, name } }, url));
  part("painters").querySelector("input").click();
  part("painters").scrollTop = 0;
  say("");
}

// ---- hands

async function take(files, choose) {
  if (files.length) await choose(files[0], files[0].name);
}

function takesFiles(input, choose) {
  input.addEventListener("change", async () => {
    await take(input.files, choose);
    input.value = ""; // so that the same file may be chosen again
  });
}

function takesDrops(drop, choose) {
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("imp-over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("imp-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("imp-over");
    take(event.dataTransfer.files, choose);
  });
}

function begin() {
  part("asleep").remove();
  part("tools").addEventListener("submit", press);
  part("sample").addEventListener("click", takeSample);
  part("slider").addEventListener("input", cut);
  part("strength").addEventListener("input", () => {
    part("strength-said").value = Number(part("strength").value).toFixed(2);
  });
  takesFiles(part("photo"), choosePhoto);
  takesFiles(part("painting"), choosePainting);
  for (const id of ["photo-drop", "easel"]) takesDrops(part(id), choosePhoto);
  takesDrops(part("painting-drop"), choosePainting);
  // A file dropped beside would replace the page.
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (e) => e.preventDefault());
  hang();
}

begin();
