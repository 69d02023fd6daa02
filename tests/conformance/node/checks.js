// What cos-nodejs-sdk-v5, unmodified, sees of a local cloud. Each check has buckets of its own.
//
// Arguments: the cloud's URL, a folder for files, and names of checks (all without any). One line of
// JSON goes out for each: {"name", "error"}, where no error means that it passed.
'use strict';

const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');
const { Readable, Writable } = require('stream');
const COS = require('cos-nodejs-sdk-v5');

const [url, folder, ...wanted] = process.argv.slice(2);
const Region = process.env.COS_REGION;
const appid = process.env.COS_BUCKET.split('-').pop();
const keys = { SecretId: process.env.COS_SECRET_ID, SecretKey: process.env.COS_SECRET_KEY };
const MB = 1024 * 1024;
const AWKWARD = ['plain', 'a b+c&d=e?f#g%2F%20', "!'()*~", '//x//', 'dir/', '日本/文', '😀', './a', 'k;a=b,c'];

const client = (options) => new COS({ ...keys, Protocol: 'http:', Proxy: url, ...options });
const cos = client();
const md5 = (data) => crypto.createHash('md5').update(data).digest('hex');
const noise = (size) => crypto.createHash('shake256', { outputLength: size }).update('seed').digest();

function file(name, data) {
  const place = path.join(folder, name);
  fs.writeFileSync(place, data);
  return place;
}

async function newBucket(options) {
  const Bucket = `node-${crypto.randomBytes(6).toString('hex')}-${appid}`;
  await cos.putBucket({ Bucket, Region, ...options });
  return { Bucket, Region };
}

async function refused(promise, code, status) {
  const error = await promise.then(() => assert.fail(`${code} was expected`), (caught) => caught);
  assert.strictEqual(error.code, code, error.stack);
  if (status) assert.strictEqual(error.statusCode, status);
  return error;
}

// The SDK's own `request` knows no promise for streams; a link is fetched as any program would.
function fetched(link, { method = 'GET', headers = {}, body } = {}) {
  const target = new URL(link);
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port: new URL(url).port, path: link, method, headers: { Host: target.host, ...headers } },
      (answer) => {
        const pieces = [];
        answer.on('data', (piece) => pieces.push(piece));
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces) }));
      }
    );
    request.on('error', reject);
    request.end(body);
  });
}

const checks = {
  async buckets() {
    const at = await newBucket();
    assert.strictEqual((await cos.headBucket(at)).statusCode, 200);
    const { Buckets } = await cos.getService({ Region });
    assert(Buckets.some((bucket) => bucket.Name === at.Bucket && bucket.Location === Region));
    assert((await cos.getService()).Buckets.some((bucket) => bucket.Name === at.Bucket));
    assert.strictEqual((await cos.getBucketLocation(at)).LocationConstraint, Region);
    await refused(cos.putBucket(at), 'BucketAlreadyOwnedByYou', 409);
    await cos.putObject({ ...at, Key: 'k', Body: 'x' });
    await refused(cos.deleteBucket(at), 'BucketNotEmpty', 409);
    await cos.deleteObject({ ...at, Key: 'k' });
    assert.strictEqual((await cos.deleteBucket(at)).statusCode, 204);
    await refused(cos.headBucket(at), '404', 404);
    await refused(cos.getBucket(at), 'NoSuchBucket', 404);
  },

  async multiZoneBuckets() {
    const at = await newBucket({ BucketAZConfig: 'MAZ' });
    assert.strictEqual((await cos.headBucket(at)).headers['x-cos-bucket-az-type'], 'MAZ');
  },

  async awkwardKeys() {
    const at = await newBucket();
    for (const Key of AWKWARD) {
      await cos.putObject({ ...at, Key, Body: `content of ${Key}` });
      const got = await cos.getObject({ ...at, Key });
      assert.strictEqual(got.Body.toString(), `content of ${Key}`, Key);
      assert.strictEqual((await cos.headObject({ ...at, Key })).ETag, `"${md5(`content of ${Key}`)}"`, Key);
    }
    const listed = (await cos.getBucket(at)).Contents.map((item) => item.Key);
    assert.deepStrictEqual([...listed].sort(), [...AWKWARD].map((key) => key.replace(/^\//, '')).sort());
    for (const Key of AWKWARD) await cos.deleteObject({ ...at, Key });
    assert.deepStrictEqual((await cos.getBucket(at)).Contents, []);
  },

  async bodies() {
    const at = await newBucket();
    const data = noise(300000);
    const place = file('body.bin', data);
    const progress = [];
    const bodies = {
      buffer: data,
      stream: fs.createReadStream(place),
      text: 'ü€'.repeat(1000),
      empty: '',
    };
    for (const [Key, Body] of Object.entries(bodies)) {
      const answer = await cos.putObject({ ...at, Key, Body, onProgress: (step) => progress.push(step) });
      assert(answer.ETag && answer.Location.endsWith(`/${Key}`), Key);
    }
    assert.deepStrictEqual((await cos.getObject({ ...at, Key: 'buffer' })).Body, data);
    assert.deepStrictEqual((await cos.getObject({ ...at, Key: 'stream' })).Body, data);
    assert.strictEqual((await cos.getObject({ ...at, Key: 'text' })).Body.toString(), 'ü€'.repeat(1000));
    assert.strictEqual((await cos.getObject({ ...at, Key: 'empty' })).Body.length, 0);
    assert.strictEqual(progress[progress.length - 1].percent, 1);
    // A stream that nobody knows the length of goes out in chunks.
    await cos.putObject({ ...at, Key: 'chunked', Body: Readable.from([data.subarray(0, 1000), data.subarray(1000)]) });
    assert.deepStrictEqual((await cos.getObject({ ...at, Key: 'chunked' })).Body, data);
  },

  async headersAndMetadata() {
    const at = await newBucket();
    const kept = {
      CacheControl: 'max-age=5', ContentDisposition: 'attachment; filename="a b.txt"', ContentEncoding: 'identity',
      ContentType: 'text/plain; charset=utf-8', Expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
    };
    await cos.putObject({ ...at, Key: 'k', Body: 'x', ...kept, StorageClass: 'STANDARD_IA', 'x-cos-meta-colour': 'red', 'x-cos-meta-shape': 'a b' });
    const { headers } = await cos.headObject({ ...at, Key: 'k' });
    assert.strictEqual(headers['cache-control'], kept.CacheControl);
    assert.strictEqual(headers['content-disposition'], kept.ContentDisposition);
    assert.strictEqual(headers['content-type'], kept.ContentType);
    assert.strictEqual(headers['x-cos-meta-colour'], 'red');
    assert.strictEqual(headers['x-cos-meta-shape'], 'a b');
    assert.strictEqual(headers['x-cos-storage-class'], 'STANDARD_IA');
    assert.strictEqual((await cos.getBucket(at)).Contents[0].StorageClass, 'STANDARD_IA');
  },

  async integrity() {
    const checked = client({ UploadCheckContentMd5: true });
    const at = await newBucket();
    const answer = await checked.putObject({ ...at, Key: 'k', Body: 'checked' });
    assert.strictEqual(answer.headers['x-cos-hash-crc64ecma'], (await cos.headObject({ ...at, Key: 'k' })).headers['x-cos-hash-crc64ecma']);
    const wrong = { 'Content-MD5': Buffer.alloc(16).toString('base64') };
    await refused(cos.putObject({ ...at, Key: 'k', Body: 'other', Headers: wrong }), 'BadDigest', 400);
    assert.strictEqual((await cos.getObject({ ...at, Key: 'k' })).Body.toString(), 'checked');
    await refused(cos.putObject({ ...at, Key: 'k', Body: 'other', Headers: { 'x-cos-forbid-overwrite': 'true' } }), 'FileAlreadyExists', 409);
  },

  async rangesAndConditions() {
    const at = { ...(await newBucket()), Key: 'k' };
    const { ETag } = await cos.putObject({ ...at, Body: '0123456789' });
    const part = await cos.getObject({ ...at, Range: 'bytes=2-4' });
    assert.strictEqual(part.statusCode, 206);
    assert.strictEqual(part.Body.toString(), '234');
    assert.strictEqual(part.headers['content-range'], 'bytes 2-4/10');
    assert.strictEqual((await cos.getObject({ ...at, Range: 'bytes=-3' })).Body.toString(), '789');
    await refused(cos.getObject({ ...at, Range: 'bytes=10-' }), 'InvalidRange', 416);
    const LastModified = (await cos.headObject(at)).headers['last-modified'];
    assert.strictEqual((await cos.getObject({ ...at, IfModifiedSince: LastModified })).NotModified, true);
    assert.strictEqual((await cos.headObject({ ...at, IfModifiedSince: LastModified })).NotModified, true);
    await refused(cos.getObject({ ...at, IfNoneMatch: ETag }), '304', 304);
    await refused(cos.getObject({ ...at, IfMatch: '"other"' }), 'PreconditionFailed', 412);
    const past = 'Wed, 28 Oct 2015 20:30:00 GMT';
    await refused(cos.getObject({ ...at, IfUnmodifiedSince: past }), 'PreconditionFailed', 412);
    assert.strictEqual((await cos.getObject({ ...at, IfModifiedSince: past })).statusCode, 200);
    const shown = await cos.getObject({ ...at, ResponseContentType: 'text/x', ResponseCacheControl: 'no-store', ResponseContentDisposition: 'inline' });
    assert.strictEqual(shown.headers['content-type'], 'text/x');
    assert.strictEqual(shown.headers['cache-control'], 'no-store');
    assert.strictEqual(shown.headers['content-disposition'], 'inline');
    await refused(cos.getObject({ ...at, Key: 'gone' }), 'NoSuchKey', 404);
    const lost = await cos.headObject({ ...at, Key: 'gone' }).catch((error) => error);
    assert.strictEqual(lost.statusCode, 404);
  },

  async downloads() {
    const at = { ...(await newBucket()), Key: 'k' };
    const data = noise(5 * MB + 7);
    await cos.putObject({ ...at, Body: data });
    const target = path.join(folder, 'downloaded.bin');
    const progress = [];
    await cos.getObject({ ...at, Output: fs.createWriteStream(target), onProgress: (step) => progress.push(step.loaded) });
    assert.deepStrictEqual(fs.readFileSync(target), data);
    assert.strictEqual(progress[progress.length - 1], data.length);
    const pieces = [];
    await new Promise((resolve, reject) => {
      const sink = new Writable({ write(piece, _, next) { pieces.push(piece); next(); } });
      cos.getObjectStream(at, (error) => error && reject(error)).pipe(sink).on('finish', resolve);
    });
    assert.deepStrictEqual(Buffer.concat(pieces), data);
    const parts = path.join(folder, 'parts.bin');
    await cos.downloadFile({ ...at, FilePath: parts, ChunkSize: MB, ParallelLimit: 4, RetryTimes: 1, TaskId: 'node' });
    assert.deepStrictEqual(fs.readFileSync(parts), data);
  },

  async listing() {
    const at = await newBucket();
    const names = ['a/1', 'a/2', 'a/b/3', 'b', 'c d/x', 'dir/', 'dir/x&y', '中/文'];
    for (const Key of names) await cos.putObject({ ...at, Key, Body: 'x' });
    const every = async (options) => {
      const found = [];
      for (let Marker = ''; ; ) {
        const page = await cos.getBucket({ ...at, ...options, Marker });
        found.push(...page.Contents.map((item) => item.Key), ...page.CommonPrefixes.map((item) => item.Prefix));
        if (page.IsTruncated !== 'true') return found.sort();
        Marker = page.NextMarker;
      }
    };
    assert.deepStrictEqual(await every({}), names);
    assert.deepStrictEqual(await every({ MaxKeys: 1 }), names);
    const groups = ['a/', 'b', 'c d/', 'dir/', '中/'];
    for (const MaxKeys of [1, 2, 1000]) assert.deepStrictEqual(await every({ Delimiter: '/', MaxKeys }), groups);
    assert.deepStrictEqual(await every({ Prefix: 'a/', Delimiter: '/' }), ['a/1', 'a/2', 'a/b/']);
    assert.deepStrictEqual(await every({ Prefix: 'dir/x&' }), ['dir/x&y']);
    const encoded = await cos.getBucket({ ...at, EncodingType: 'url', Prefix: '中', Delimiter: '/' });
    assert.strictEqual(encoded.CommonPrefixes[0].Prefix, encodeURIComponent('中') + '/');
  },

  async copies() {
    const at = await newBucket();
    const Key = 'from/a +ü';
    await cos.putObject({ ...at, Key, Body: 'copied', 'x-cos-meta-m': '1' });
    const host = `${at.Bucket}.cos.${Region}.myqcloud.com`;
    const CopySource = `${host}/${encodeURIComponent(Key).replace(/%2F/g, '/')}`;
    const made = await cos.putObjectCopy({ ...at, Key: 'same', CopySource });
    assert.strictEqual(made.ETag, `"${md5('copied')}"`);
    await cos.putObjectCopy({ ...at, Key: 'new', CopySource, MetadataDirective: 'Replaced', Headers: { 'x-cos-meta-m': '2' } });
    const meta = async (name) => (await cos.headObject({ ...at, Key: name })).headers['x-cos-meta-m'];
    assert.deepStrictEqual([await meta('same'), await meta('new')], ['1', '2']);
    await refused(cos.putObjectCopy({ ...at, Key: 'x', CopySource: `${host}/gone` }), 'NoSuchKey', 404);
    // sliceCopyFile copies small objects at once and large ones in parts.
    await cos.sliceCopyFile({ ...at, Key: 'slice', CopySource });
    assert.strictEqual((await cos.getObject({ ...at, Key: 'slice' })).Body.toString(), 'copied');
    const data = noise(3 * MB);
    await cos.putObject({ ...at, Key: 'large', Body: data });
    await cos.sliceCopyFile({ ...at, Key: 'large2', CopySource: `${host}/large`, CopySliceSize: MB, CopyChunkSize: MB });
    const copied = await cos.getObject({ ...at, Key: 'large2' });
    assert.deepStrictEqual(copied.Body, data);
    assert(copied.ETag.endsWith('-3"'), copied.ETag);
  },

  async multipart() {
    const at = { ...(await newBucket()), Key: 'dir/m ü' };
    const data = noise(2 * MB + 5);
    const { UploadId } = await cos.multipartInit({ ...at, 'x-cos-meta-m': '1', ContentType: 'text/x' });
    const Parts = [];
    for (let number = 1; number <= 3; number++) {
      const Body = data.subarray((number - 1) * MB, number * MB);
      const { ETag } = await cos.multipartUpload({ ...at, UploadId, PartNumber: number, Body, ContentLength: Body.length });
      Parts.push({ PartNumber: number, ETag });
    }
    const listed = await cos.multipartListPart({ ...at, UploadId });
    assert.deepStrictEqual(listed.Part.map((part) => part.ETag), Parts.map((part) => part.ETag));
    const page = await cos.multipartListPart({ ...at, UploadId, MaxParts: 1, PartNumberMarker: 1 });
    assert.deepStrictEqual([page.Part[0].PartNumber, page.IsTruncated, page.NextPartNumberMarker], ['2', 'true', '2']);
    const open = await cos.multipartList({ ...at, Prefix: 'dir/' });
    assert.deepStrictEqual(open.Upload.map((upload) => upload.UploadId), [UploadId]);
    const wrong = Parts.map((part) => ({ ...part, ETag: `"${md5('x')}"` }));
    await refused(cos.multipartComplete({ ...at, UploadId, Parts: wrong }), 'InvalidPart', 400);
    const done = await cos.multipartComplete({ ...at, UploadId, Parts });
    assert(done.ETag.endsWith('-3"') && done.Location.includes(at.Bucket), JSON.stringify(done));
    const got = await cos.getObject(at);
    assert.deepStrictEqual(got.Body, data);
    assert.strictEqual(got.headers['x-cos-meta-m'], '1');
    const other = await cos.multipartInit({ ...at, Key: 'gone' });
    assert.strictEqual((await cos.multipartAbort({ ...at, Key: 'gone', UploadId: other.UploadId })).statusCode, 204);
    await refused(cos.multipartAbort({ ...at, Key: 'gone', UploadId: other.UploadId }), 'NoSuchUpload', 404);
    const host = `${at.Bucket}.cos.${Region}.myqcloud.com`;
    const copy = await cos.multipartInit({ ...at, Key: 'copy' });
    const part = await cos.uploadPartCopy({
      ...at, Key: 'copy', UploadId: copy.UploadId, PartNumber: 1,
      CopySource: `${host}/${encodeURIComponent(at.Key)}`, CopySourceRange: 'bytes=1-9',
    });
    await cos.multipartComplete({ ...at, Key: 'copy', UploadId: copy.UploadId, Parts: [{ PartNumber: 1, ETag: part.ETag }] });
    assert.deepStrictEqual((await cos.getObject({ ...at, Key: 'copy' })).Body, data.subarray(1, 10));
  },

  async sliceUploadFile() {
    const at = { ...(await newBucket()), Key: 'sliced' };
    const data = noise(4 * MB + 1);
    const FilePath = file('slices.bin', data);
    const progress = [];
    const done = await cos.sliceUploadFile({ ...at, FilePath, ChunkSize: MB, onProgress: (step) => progress.push(step.percent) });
    assert(done.ETag.endsWith('-5"'), done.ETag);
    assert.strictEqual(progress[progress.length - 1], 1);
    assert.deepStrictEqual((await cos.getObject(at)).Body, data);
  },

  async resumedUpload() {
    const at = { ...(await newBucket()), Key: 'resumed' };
    const data = noise(6 * MB);
    const FilePath = file('resumed.bin', data);
    // One part is there already, from a run that ended early.
    const { UploadId } = await cos.multipartInit(at);
    await cos.multipartUpload({ ...at, UploadId, PartNumber: 2, Body: data.subarray(MB, 2 * MB) });
    const resuming = client();
    let sent = 0;
    resuming.on('before-send', (options) => (sent += /partNumber|uploadId/i.test(JSON.stringify(options.qs)) && options.method === 'PUT' ? 1 : 0));
    await resuming.sliceUploadFile({ ...at, FilePath, ChunkSize: MB });
    assert.strictEqual(sent, 5);
    assert.deepStrictEqual((await cos.getObject(at)).Body, data);
    assert.deepStrictEqual((await cos.multipartList(at)).Upload, []);
    // Cancelled, its parts stay; abortUploadTask takes them away.
    const again = client({ ChunkParallelLimit: 1 });
    await new Promise((resolve) => {
      let id;
      let parts = 0;
      again.on('before-send', ({ qs }) => qs && qs.partNumber && ++parts === 3 && (again.cancelTask(id), resolve()));
      again.sliceUploadFile({ ...at, Key: 'cancelled', FilePath, ChunkSize: MB, onTaskReady: (task) => (id = task) }, () => {});
    });
    assert.strictEqual((await cos.multipartList({ ...at, Prefix: 'cancelled' })).Upload.length, 1);
    await cos.abortUploadTask({ ...at, Key: 'cancelled', Level: 'file' });
    assert.deepStrictEqual((await cos.multipartList(at)).Upload, []);
  },

  async uploadFiles() {
    const at = await newBucket();
    const small = file('small.txt', 'small'), large = file('large.bin', noise(3 * MB));
    const FilePath = small;
    const one = await cos.uploadFile({ ...at, Key: 'one', FilePath, SliceSize: MB });
    assert.strictEqual(one.ETag, `"${md5('small')}"`);
    const { files } = await cos.uploadFiles({
      SliceSize: 2 * MB,
      files: [{ ...at, Key: 'small', FilePath: small }, { ...at, Key: 'large', FilePath: large }],
    });
    assert.deepStrictEqual(files.map((each) => each.error), [null, null]);
    assert((await cos.headObject({ ...at, Key: 'large' })).ETag.endsWith('-3"'));
  },

  async deleteMany() {
    const at = await newBucket();
    for (const Key of AWKWARD) await cos.putObject({ ...at, Key, Body: 'x' });
    const Objects = [...AWKWARD.map((Key) => ({ Key: Key.replace(/^\//, '') })), { Key: 'never' }];
    const { Deleted, Error: errors } = await cos.deleteMultipleObject({ ...at, Objects });
    assert.strictEqual(Deleted.length, Objects.length);
    assert.deepStrictEqual(errors, []);
    assert.deepStrictEqual((await cos.getBucket(at)).Contents, []);
  },

  async append() {
    const at = { ...(await newBucket()), Key: 'log' };
    const first = await cos.appendObject({ ...at, Position: 0, Body: 'one,' });
    assert.strictEqual(first.headers['x-cos-next-append-position'], '4');
    await cos.appendObject({ ...at, Position: 4, Body: 'two' });
    assert.strictEqual((await cos.getObject(at)).Body.toString(), 'one,two');
    await refused(cos.appendObject({ ...at, Position: 1, Body: 'x' }), 'PositionNotEqualToLength', 409);
  },

  async tagging() {
    const at = { ...(await newBucket()), Key: 'k' };
    await cos.putObject({ ...at, Body: 'x', Headers: { 'x-cos-tagging': 'a=1&b=%C3%BC' } });
    assert.deepStrictEqual((await cos.getObjectTagging(at)).Tags, [{ Key: 'a', Value: '1' }, { Key: 'b', Value: 'ü' }]);
    await cos.putObjectTagging({ ...at, Tags: [{ Key: 'c', Value: '3' }] });
    assert.deepStrictEqual((await cos.getObjectTagging(at)).Tags, [{ Key: 'c', Value: '3' }]);
    await cos.deleteObjectTagging(at);
    assert.deepStrictEqual((await cos.getObjectTagging(at)).Tags, []);
    assert.deepStrictEqual((await cos.getBucketTagging(at)).Tags, []);
    await cos.putBucketTagging({ ...at, Tags: [{ Key: 'k', Value: 'v' }] });
    assert.deepStrictEqual((await cos.getBucketTagging(at)).Tags, [{ Key: 'k', Value: 'v' }]);
    await cos.deleteBucketTagging(at);
    assert.deepStrictEqual((await cos.getBucketTagging(at)).Tags, []);
  },

  async acls() {
    const at = { ...(await newBucket({ ACL: 'private' })), Key: 'k' };
    await cos.putObject({ ...at, Body: 'open', ACL: 'public-read' });
    const acl = await cos.getObjectAcl(at);
    assert.strictEqual(acl.ACL, 'public-read');
    const link = `http://${at.Bucket}.cos.${Region}.myqcloud.com/k`;
    assert.strictEqual((await fetched(link)).body.toString(), 'open');
    await cos.putObjectAcl({ ...at, ACL: 'private' });
    assert.strictEqual((await fetched(link)).status, 403);
    const id = 'qcs::cam::uin/200000000001:uin/200000000001';
    await cos.putBucketAcl({ ...at, GrantRead: `id="${id}"`, GrantFullControl: `id="${id}"` });
    const granted = await cos.getBucketAcl(at);
    assert.strictEqual(granted.GrantFullControl, `id="${id}"`);
    await cos.putBucketAcl({ ...at, AccessControlPolicy: { Owner: granted.Owner, Grants: granted.Grants } });
    await cos.putBucketAcl({ ...at, ACL: 'public-read-write' });
    assert.strictEqual((await cos.getBucketAcl(at)).ACL, 'public-read-write');
    await cos.putBucketAcl({ ...at, GrantRead: 'id="200000000001/200000000011"' });
    assert((await cos.getBucketAcl(at)).GrantRead.includes('uin/200000000001:uin/200000000011'));
    await cos.putBucketAcl({ ...at, GrantRead: 'id="qcs::cam::anyone:anyone"' });
    assert.strictEqual((await cos.getBucketAcl(at)).ACL, 'public-read');
    await cos.putObjectAcl({ ...at, ACL: 'default' });
    assert.strictEqual((await fetched(link)).body.toString(), 'open');
  },

  async cors() {
    const at = await newBucket();
    const ask = { ...at, Key: 'k', Origin: 'https://www.example.com', AccessControlRequestMethod: 'PUT', AccessControlRequestHeaders: 'x-cos-meta-a,authorization' };
    assert.strictEqual((await cos.optionsObject(ask)).OptionsForbidden, true);
    assert.deepStrictEqual((await cos.getBucketCors(at)).CORSRules, []);
    const CORSRules = [{
      AllowedOrigins: ['https://*.example.com'], AllowedMethods: ['GET', 'PUT'], AllowedHeaders: ['*'],
      ExposeHeaders: ['ETag', 'x-cos-request-id'], MaxAgeSeconds: '60',
    }];
    await cos.putBucketCors({ ...at, CORSRules });
    const [rule] = (await cos.getBucketCors(at)).CORSRules;
    assert.deepStrictEqual(rule.AllowedOrigins, CORSRules[0].AllowedOrigins);
    assert.deepStrictEqual(rule.ExposeHeaders, CORSRules[0].ExposeHeaders);
    const allowed = await cos.optionsObject(ask);
    assert.strictEqual(allowed.AccessControlAllowOrigin, 'https://www.example.com');
    assert.strictEqual(allowed.AccessControlMaxAge, '60');
    await cos.deleteBucketCors(at);
    assert.deepStrictEqual((await cos.getBucketCors(at)).CORSRules, []);
  },

  async lifecycle() {
    const at = await newBucket();
    assert.deepStrictEqual((await cos.getBucketLifecycle(at)).Rules, []);
    const Rules = [
      { ID: 'one', Status: 'Enabled', Filter: { Prefix: 'tmp/' }, Expiration: { Days: '3' } },
      { ID: 'two', Status: 'Disabled', Filter: {}, AbortIncompleteMultipartUpload: { DaysAfterInitiation: '1' }, NoncurrentVersionExpiration: { NoncurrentDays: '5' } },
    ];
    await cos.putBucketLifecycle({ ...at, Rules });
    const shown = (await cos.getBucketLifecycle(at)).Rules;
    assert.deepStrictEqual(shown.map((rule) => rule.ID), ['one', 'two']);
    assert.strictEqual(shown[0].Expiration.Days, '3');
    await cos.deleteBucketLifecycle(at);
    assert.deepStrictEqual((await cos.getBucketLifecycle(at)).Rules, []);
  },

  async versioning() {
    const at = { ...(await newBucket()), Key: 'k' };
    assert.deepStrictEqual((await cos.getBucketVersioning(at)).VersioningConfiguration, {});
    await cos.putBucketVersioning({ ...at, VersioningConfiguration: { Status: 'Enabled' } });
    assert.strictEqual((await cos.getBucketVersioning(at)).VersioningConfiguration.Status, 'Enabled');
    const first = await cos.putObject({ ...at, Body: 'one' });
    await cos.putObject({ ...at, Body: 'two' });
    const VersionId = first.headers['x-cos-version-id'];
    assert.strictEqual((await cos.getObject({ ...at, VersionId })).Body.toString(), 'one');
    const gone = await cos.deleteObject(at);
    assert.strictEqual(gone.headers['x-cos-delete-marker'], 'true');
    await refused(cos.getObject(at), 'NoSuchKey', 404);
    const listed = await cos.listObjectVersions({ ...at, Prefix: 'k' });
    assert.strictEqual(listed.Versions.length, 2);
    assert.strictEqual(listed.DeleteMarkers[0].IsLatest, 'true');
    await cos.deleteObject({ ...at, VersionId: gone.headers['x-cos-version-id'] });
    assert.strictEqual((await cos.getObject(at)).Body.toString(), 'two');
    await cos.deleteMultipleObject({ ...at, Objects: listed.Versions.map(({ Key, VersionId: id }) => ({ Key, VersionId: id })) });
    assert.deepStrictEqual((await cos.listObjectVersions(at)).Versions, []);
  },

  async policies() {
    const at = await newBucket();
    await refused(cos.getBucketPolicy(at), 'NoSuchBucketPolicy', 404).catch(() => {});
    const Policy = {
      version: '2.0',
      Statement: [{ Effect: 'allow', Principal: { qcs: ['qcs::cam::anyone:anyone'] }, Action: ['name/cos:GetObject'], Resource: [`qcs::cos:${Region}:uid/${appid}:${at.Bucket}/*`] }],
    };
    await cos.putBucketPolicy({ ...at, Policy });
    assert((await cos.getBucketPolicy(at)).Policy);
    await cos.putObject({ ...at, Key: 'k', Body: 'by policy' });
    assert.strictEqual((await fetched(`http://${at.Bucket}.cos.${Region}.myqcloud.com/k`)).body.toString(), 'by policy');
    await cos.deleteBucketPolicy(at);
    assert.strictEqual((await fetched(`http://${at.Bucket}.cos.${Region}.myqcloud.com/k`)).status, 403);
  },

  async otherSettings() {
    const at = await newBucket(), target = await newBucket();
    await cos.putBucketWebsite({ ...at, WebsiteConfiguration: { IndexDocument: { Suffix: 'index.html' }, ErrorDocument: { Key: 'error.html' }, RoutingRules: [{ Condition: { KeyPrefixEquals: 'old/' }, Redirect: { ReplaceKeyPrefixWith: 'new/' } }] } });
    assert.strictEqual((await cos.getBucketWebsite(at)).WebsiteConfiguration.IndexDocument.Suffix, 'index.html');
    assert.strictEqual((await cos.getBucketWebsite(at)).WebsiteConfiguration.RoutingRules.length, 1);
    await cos.deleteBucketWebsite(at);
    assert.strictEqual((await cos.getBucketWebsite(at)).statusCode, 404);
    await cos.putBucketReferer({ ...at, RefererConfiguration: { Status: 'Enabled', RefererType: 'White-List', DomainList: { Domains: ['*.example.com', 'a.cn'] }, EmptyReferConfiguration: 'Allow' } });
    assert.deepStrictEqual((await cos.getBucketReferer(at)).RefererConfiguration.DomainList.Domains, ['*.example.com', 'a.cn']);
    await cos.putBucketLogging({ ...at, BucketLoggingStatus: { LoggingEnabled: { TargetBucket: at.Bucket, TargetPrefix: 'logs/' } } });
    assert.strictEqual((await cos.getBucketLogging(at)).BucketLoggingStatus.LoggingEnabled.TargetPrefix, 'logs/');
    await cos.putBucketOrigin({ ...at, OriginRule: [{ OriginType: 'Mirror', OriginCondition: { HTTPStatusCode: '404', Prefix: '' }, OriginParameter: { Protocol: 'HTTP', FollowQueryString: 'true', HttpHeader: { FollowAllHeaders: 'true' }, FollowRedirection: 'true' }, OriginInfo: { HostInfo: { HostName: 'www.example.com' } } }] });
    assert.strictEqual((await cos.getBucketOrigin(at)).OriginRule[0].OriginType, 'Mirror');
    await cos.deleteBucketOrigin(at);
    await cos.putBucketDomain({ ...at, DomainRule: [{ Status: 'ENABLED', Name: 'www.example.com', Type: 'REST' }] });
    assert.strictEqual((await cos.getBucketDomain(at)).DomainRule[0].Name, 'www.example.com');
    await cos.deleteBucketDomain(at);
    await cos.putBucketInventory({ ...at, Id: 'list1', InventoryConfiguration: { Id: 'list1', IsEnabled: 'true', IncludedObjectVersions: 'All', Filter: { Prefix: 'p' }, Schedule: { Frequency: 'Daily' }, OptionalFields: ['Size', 'ETag'], Destination: { COSBucketDestination: { AccountId: '100000000001', Bucket: `qcs::cos:${Region}::${target.Bucket}`, Prefix: 'lists', Format: 'CSV' } } } });
    assert.strictEqual((await cos.getBucketInventory({ ...at, Id: 'list1' })).InventoryConfiguration.Id, 'list1');
    assert.strictEqual((await cos.listBucketInventory(at)).InventoryConfigurations.length, 1);
    await cos.deleteBucketInventory({ ...at, Id: 'list1' });
    assert.deepStrictEqual((await cos.getBucketReplication(at)).ReplicationConfiguration.Rules, []);
    for (const each of [at, target]) await cos.putBucketVersioning({ ...each, VersioningConfiguration: { Status: 'Enabled' } });
    await cos.putBucketReplication({ ...at, ReplicationConfiguration: { Role: 'qcs::cam::uin/100000000001:uin/100000000001', Rules: [{ ID: '1', Status: 'Enabled', Prefix: 'p', Destination: { Bucket: `qcs::cos:${Region}::${target.Bucket}` } }] } });
    assert.strictEqual((await cos.getBucketReplication(at)).ReplicationConfiguration.Rules.length, 1);
    await cos.deleteBucketReplication(at);
    await cos.putBucketAccelerate({ ...at, AccelerateConfiguration: { Status: 'Enabled' } });
    assert.strictEqual((await cos.getBucketAccelerate(at)).AccelerateConfiguration.Status, 'Enabled');
    await cos.putBucketEncryption({ ...at, ServerSideEncryptionConfiguration: { Rule: [{ ApplySideEncryptionConfiguration: { SSEAlgorithm: 'AES256' } }] } });
    assert.strictEqual((await cos.getBucketEncryption(at)).ServerSideEncryptionConfiguration.Rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm, 'AES256');
    await cos.deleteBucketEncryption(at);
  },

  async restore() {
    const at = { ...(await newBucket()), Key: 'k' };
    await cos.putObject({ ...at, Body: 'x', StorageClass: 'ARCHIVE' });
    await refused(cos.getObject(at), 'InvalidObjectState', 403);
    const RestoreRequest = { Days: 1, CASJobParameters: { Tier: 'Expedited' } };
    assert.strictEqual((await cos.restoreObject({ ...at, RestoreRequest })).statusCode, 202);
  },

  async select() {
    const at = { ...(await newBucket()), Key: 'table.csv' };
    await cos.putObject({ ...at, Body: 'name,age\nann,31\nbob,7\n' });
    const answer = await cos.selectObjectContent({
      ...at, SelectType: 2,
      SelectRequest: {
        Expression: 'Select s.name from COSObject s where cast(s.age as int) > 10', ExpressionType: 'SQL',
        InputSerialization: { CompressionType: 'NONE', CSV: { FileHeaderInfo: 'USE', RecordDelimiter: '\\n', FieldDelimiter: ',', QuoteCharacter: '"', QuoteEscapeCharacter: '"', Comments: '#', AllowQuotedRecordDelimiter: 'FALSE' } },
        OutputSerialization: { CSV: { QuoteFields: 'ASNEEDED', RecordDelimiter: '\\n', FieldDelimiter: ',', QuoteCharacter: '"', QuoteEscapeCharacter: '"' } },
        RequestProgress: { Enabled: 'FALSE' },
      },
    });
    assert.strictEqual(answer.Payload.toString().trim(), 'ann');
    assert.strictEqual(answer.Stats.BytesReturned, '4');
  },

  async links() {
    const at = { ...(await newBucket()), Key: 'a b+ü/(x).txt' };
    const put = cos.getObjectUrl({ ...at, Method: 'PUT', Sign: true, Protocol: 'http:' });
    assert.strictEqual((await fetched(put, { method: 'PUT', body: 'by link' })).status, 200);
    const get = cos.getObjectUrl({ ...at, Sign: true, Expires: 60, Protocol: 'http:', Query: { 'response-content-type': 'text/x', empty: '' } });
    const got = await fetched(get);
    assert.strictEqual(got.body.toString(), 'by link');
    assert.strictEqual(got.headers['content-type'], 'text/x');
    assert.strictEqual((await fetched(get.replace('text%2Fx', 'text%2Fy'))).status, 403);
    const plain = cos.getObjectUrl({ ...at, Sign: false, Protocol: 'http:' });
    assert.strictEqual((await fetched(plain)).status, 403);
    const Authorization = cos.getAuth({ Method: 'GET', Key: at.Key, Expires: 60 });
    assert.strictEqual((await fetched(plain, { headers: { Authorization } })).body.toString(), 'by link');
  },

  async temporaryCredentials() {
    const at = await newBucket();
    const temporary = JSON.parse(process.env.COS_TEMPORARY);
    let asked = 0;
    const lent = new COS({
      Protocol: 'http:', Proxy: url,
      getAuthorization: (_, callback) => {
        asked++;
        callback({ ...temporary, StartTime: Math.floor(Date.now() / 1000) - 5, ExpiredTime: Math.floor(Date.now() / 1000) + 600 });
      },
    });
    await lent.putObject({ ...at, Key: 'mine/k', Body: 'x' });
    await refused(lent.putObject({ ...at, Key: 'theirs/k', Body: 'x' }), 'AccessDenied', 403);
    assert(asked > 0);
    const fixed = client({ SecretId: temporary.TmpSecretId, SecretKey: temporary.TmpSecretKey, SecurityToken: temporary.SecurityToken });
    assert.strictEqual((await fixed.getObject({ ...at, Key: 'mine/k' })).Body.toString(), 'x');
    const link = fixed.getObjectUrl({ ...at, Key: 'mine/k', Sign: true, Protocol: 'http:' });
    assert.strictEqual((await fetched(link)).body.toString(), 'x');
    const lost = client({ SecretId: temporary.TmpSecretId, SecretKey: temporary.TmpSecretKey });
    await refused(lost.getObject({ ...at, Key: 'mine/k' }), 'InvalidAccessKeyId', 403);
  },

  async refusals() {
    const at = await newBucket();
    await refused(client({ SecretKey: 'other' }).getBucket(at), 'SignatureDoesNotMatch', 403);
    await refused(client({ SecretId: 'AKIDother' }).getBucket(at), 'InvalidAccessKeyId', 403);
    const late = client({ SystemClockOffset: -86400000, CorrectClockSkew: false });
    await refused(late.getBucket(at), 'AccessDenied', 403);
    // With its own correction it notices, and asks again at the right time.
    assert.strictEqual((await client({ SystemClockOffset: -86400000 }).getBucket(at)).statusCode, 200);
    await refused(cos.getBucket({ ...at, Region: 'ap-beijing' }), 'NoSuchBucket', 404);
  },

  async otherWays() {
    const at = await newBucket();
    await cos.putObject({ ...at, Key: 'a b', Body: 'x' });
    const port = new URL(url).port;
    const direct = new COS({ ...keys, Protocol: 'http:', Domain: `{Bucket}.localhost:${port}`, Ip: `127.0.0.1:${port}` });
    assert.strictEqual((await direct.getObject({ ...at, Key: 'a b' })).Body.toString(), 'x');
    const raw = await cos.request({ ...at, Key: 'a b', Method: 'GET', RawBody: true });
    assert.strictEqual(raw.Body.toString(), 'x');
    const image = await cos.request({ ...at, Key: 'a b', Method: 'GET', Action: 'imageInfo', RawBody: true }).catch((error) => error);
    assert(image.statusCode >= 400 && image.code, JSON.stringify(image));
  },
};

(async () => {
  for (const name of wanted.length ? wanted : Object.keys(checks)) {
    let error = null;
    try {
      await checks[name]();
    } catch (caught) {
      error = (caught && caught.stack) || JSON.stringify(caught);
    }
    process.stdout.write(JSON.stringify({ name, error }) + '\n');
  }
  process.exit(0);
})();
