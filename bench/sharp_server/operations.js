// The other side of bench/operations.py: sharp on buffers in memory, one line of JSON in, one out.
// In: {"operation": "resize", "source": "/path", ...}; out: {"ms": 12.3, "path": "/path"}.
// Reading the source and writing the result are outside of the time.
"use strict";
const { readFileSync, writeFileSync } = require("node:fs");
const { createInterface } = require("node:readline");
const sharp = require("sharp");

sharp.cache(false);
sharp.concurrency(1);

const jpeg = (picture, quality) => picture.jpeg({ quality, chromaSubsampling: "4:2:0" });
const operations = {
  resize: (source, { width, quality }) => jpeg(sharp(source).resize({ width }), quality),
  cut: (source, { area, quality }) => jpeg(sharp(source).extract(area), quality),
  blur: (source, { sigma, quality }) => jpeg(sharp(source).blur(sigma), quality),
  png: (source, { width }) => sharp(source).resize({ width }).png(),
  text: (source, { text, quality }) =>
    jpeg(sharp(source).composite([{ input: { text }, gravity: "southeast" }]), quality),
  image: (source, { mark, quality }) =>
    jpeg(sharp(source).composite([{ input: mark, gravity: "southeast" }]), quality),
  gif: (source, { width }) => sharp(source, { animated: true }).resize({ width }).gif(),
  pixel: (source) => sharp(source).resize(1, 1, { fit: "fill" }).raw(),
};

async function run(request) {
  const source = readFileSync(request.source);
  if (request.mark) request.mark = readFileSync(request.mark);
  const start = process.hrtime.bigint();
  let result;
  if (request.operation === "stats") {
    const { channels } = await sharp(source).stats();
    result = Buffer.from(channels.map((channel) => Math.round(channel.mean)));
  } else {
    result = await operations[request.operation](source, request).toBuffer();
  }
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  writeFileSync(request.result, result);
  return { ms };
}

const lines = createInterface({ input: process.stdin });
lines.on("line", async (line) => console.log(JSON.stringify(await run(JSON.parse(line)))));
