// Classifies pictures with nsfwjs. Started by nsfwjs.py only, in the folder where npm installed it.
//
// Standard input: for each picture its width and height (4 bytes each, big-endian), then RGB pixels.
// Standard output: a line of JSON for each, {class: probability}; first {"ready": true}.
"use strict";

const path = require("node:path");
const modules = path.join(process.cwd(), "node_modules");
// What libraries print must not be taken for an answer.
console.log = console.info = console.warn = console.error;
const tf = require(path.join(modules, "@tensorflow/tfjs"));
const nsfwjs = require(path.join(modules, "nsfwjs"));

const HEAD = 8;
let waiting = Buffer.alloc(0);

function say(value) {
  process.stdout.write(JSON.stringify(value) + "\n");
}

async function classify(model, width, height, pixels) {
  const picture = tf.tensor3d(new Uint8Array(pixels), [height, width, 3], "int32");
  try {
    const found = await model.classify(picture, 5);
    return Object.fromEntries(found.map((one) => [one.className, one.probability]));
  } finally {
    picture.dispose();
  }
}

async function main() {
  tf.enableProdMode();
  const model = await nsfwjs.load("MobileNetV2");
  say({ ready: true });
  for await (const chunk of process.stdin) {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= HEAD) {
      const [width, height] = [waiting.readUInt32BE(0), waiting.readUInt32BE(4)];
      const end = HEAD + width * height * 3;
      if (waiting.length < end) break;
      const pixels = waiting.subarray(HEAD, end);
      say(await classify(model, width, height, pixels));
      waiting = waiting.subarray(end);
    }
  }
}

main();
