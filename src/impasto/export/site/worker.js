// What paints: from the bytes of a photograph to the bytes of a painting, beside the page.
//
// Reading order: paint (the order of things), styleOf, levelsOf and planesOf (pixels in), paintedPng
// (pixels out), sessionOf. The graphs hold everything that is specific to the painter.

import * as ort from "./onnxruntime/ort.wasm.min.mjs";

const MOST_PIXELS = 2 ** 21; // 1920 x 1080 and a little; a phone's memory ends soon after
const STYLE_SIDE = 512; // short side to which larger paintings are reduced, as the package does

ort.env.wasm.wasmPaths = new URL("onnxruntime/", import.meta.url).href;

class Refusal extends Error {}

const sessions = new Map();

self.onmessage = async ({ data }) => {
  try {
    self.postMessage(await paint(data));
  } catch (error) {
    if (error instanceof Refusal) self.postMessage({ refused: error.message });
    else self.postMessage({ refused: failure(error), broken: true });
  }
};

async function paint({ photo, style, alpha }) {
  tell("reading the photograph");
  const levels = await levelsOf(photo, ({ width, height }) => fitted(width, height, MOST_PIXELS));
  const { width, height, of } = levels;
  const painter = await sessionOf("paint.onnx", "unpacking the painter");
  const { style_mean, style_variance } = await styleOf(style);
  tell(`painting ${width} × ${height} pixels`);
  const inputs = {
    content: planesOf(levels.image),
    style_mean,
    style_variance,
    alpha: new ort.Tensor("float32", Float32Array.of(alpha), [1]),
  };
  const { stylized } = await painter.run(inputs);
  return { painted: await paintedPng(stylized.data, levels.image), width, height, of,
    most: MOST_PIXELS };
}

async function styleOf({ mean, variance, painting }) {
  if (!painting) {
    const row = (values) => new ort.Tensor("float32", values, [1, values.length]);
    return { style_mean: row(mean), style_variance: row(variance) };
  }
  const { image } = await levelsOf(painting, ({ width, height }) => {
    const factor = Math.min(1, STYLE_SIDE / Math.min(width, height));
    const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * factor)));
    return fitted(w, h, MOST_PIXELS);
  });
  const looker = await sessionOf("look.onnx", "unpacking the painter's eye");
  tell("looking at the painting");
  return looker.run({ style: planesOf(image) });
}

// The largest size of the same proportion with at most so many pixels.
function fitted(width, height, most) {
  if (width * height <= most) return { width, height };
  const scale = Math.sqrt(most / (width * height));
  const [w, h] = [width, height].map((side) => Math.max(1, Math.floor(side * scale)));
  return { width: Math.min(w, most), height: Math.min(h, most) };
}

async function levelsOf({ blob, name }, sizeOf) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    throw new Refusal(
      `${name} is no picture that this browser can read; give a JPEG, PNG or WebP file.`,
    );
  }
  const of = { width: bitmap.width, height: bitmap.height };
  const { width, height } = sizeOf(of);
  const context = contextOf(width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { image: context.getImageData(0, 0, width, height), width, height, of };
}

function contextOf(width, height) {
  return new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
}

// From levels, pixel by pixel, to numbers in [0, 1], colour by colour.
function planesOf({ data, width, height }) {
  const area = width * height;
  const planes = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) {
    planes[i] = data[4 * i] / 255;
    planes[area + i] = data[4 * i + 1] / 255;
    planes[2 * area + i] = data[4 * i + 2] / 255;
  }
  return new ort.Tensor("float32", planes, [1, 3, height, width]);
}

// And back; what was transparent stays so.
function paintedPng(planes, { data, width, height }) {
  const area = width * height;
  const context = contextOf(width, height);
  const image = context.createImageData(width, height);
  for (let i = 0; i < area; i++) {
    image.data[4 * i] = planes[i] * 255; // these arrays round and clamp
    image.data[4 * i + 1] = planes[area + i] * 255;
    image.data[4 * i + 2] = planes[2 * area + i] * 255;
    image.data[4 * i + 3] = data[4 * i + 3];
  }
  context.putImageData(image, 0, 0);
  return context.canvas.convertToBlob({ type: "image/png" });
}

// A graph that is ready to run; fetched once.
async function sessionOf(file, news) {
  if (!sessions.has(file)) {
    tell(news);
    const answer = await fetch(new URL(file, import.meta.url)).catch(() => null);
    if (!answer) throw new Refusal(`${file} cannot be fetched; is this page's server running?`);
    if (!answer.ok) throw new Refusal(`${file} is missing beside the page; copy the whole folder.`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    sessions.set(file, await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] }));
  }
  return sessions.get(file);
}

function tell(news) {
  self.postMessage({ news });
}

// onnxruntime-web throws a number where its memory ends, and errors of several kinds.
function failure(error) {
  const reason = String(error?.message ?? error).split("\n")[0].slice(0, 200);
  if (/alloc|memory|out of bounds|^\d+$/i.test(reason)) {
    return "the browser's memory does not hold a painting of that size; give a smaller photograph.";
  }
  return `the painter failed (${reason}); reload the page, or try another browser.`;
}
