// The other side of bench/thumbnail_http.py: the least that serves thumbnails with sharp over HTTP.
// No signature, no limits, no cache. usage: node server.js FOLDER; prints "ready PORT".
"use strict";
const { createServer } = require("node:http");
const { readFile } = require("node:fs/promises");
const { basename, join } = require("node:path");
const sharp = require("sharp");

const folder = process.argv[2];
sharp.cache(false);
// Two requests at a time with one thread each: the best of the settings tried on two cores.
sharp.concurrency(Number(process.env.SHARP_CONCURRENCY || 1));

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  try {
    const source = await readFile(join(folder, basename(decodeURIComponent(url.pathname))));
    const picture = await sharp(source)
      .resize({ width: Number(url.searchParams.get("w")) })
      .jpeg({ quality: Number(url.searchParams.get("q")), chromaSubsampling: "4:2:0" })
      .toBuffer();
    response.writeHead(200, { "Content-Type": "image/jpeg", "Content-Length": picture.length });
    response.end(picture);
  } catch (error) {
    response.writeHead(error.code === "ENOENT" ? 404 : 500);
    response.end();
  }
});
server.listen(0, "127.0.0.1", () => console.log(`ready ${server.address().port}`));
