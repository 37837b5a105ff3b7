// One kernel set of bench.wasm on one workload: what benchmarks/core_wasm.py runs, with a folder as argument.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const file = (name) => readFileSync(join(folder, name));
const job = JSON.parse(file("job.json"));
const { exports: core } = new WebAssembly.Instance(new WebAssembly.Module(file("bench.wasm")));
const flags = job.flags ?? core.bench_cpu();
const { tiles, tileSize, group } = job;
const EXPAND_PADDING = 64;

let free = core.__heap_base.value;
function room(size) {
  const at = Math.ceil(free / 64) * 64;
  free = at + size;
  const missing = free - core.memory.buffer.byteLength;
  if (missing > 0) core.memory.grow(Math.ceil(missing / 65536));
  return at;
}
const bytes = (at, size) => new Uint8Array(core.memory.buffer, at, size);
function put(data) {
  const at = room(data.length);
  bytes(at, data.length).set(data);
  return at;
}

const tables = room(core.bench_size());
core.bench_init(tables, put(file("tables")), job.rows);
const index = put(file("index"));
const symbols = put(file("symbols"));
const decoded = room(tiles * tileSize);
const buffers = [tileSize, tileSize + EXPAND_PADDING, 4 * group * tileSize, 2 * group * tileSize, group * tileSize];
const work = buffers.map(room);

// The structures of core_bench.c on wasm32.
const streams = [];
for (let first = 0; first < tiles; first += group) {
  const count = Math.min(group, tiles - first);
  const at = room(48);
  const view = new DataView(core.memory.buffer);
  [flags, job.lanes, count].forEach((value, i) => view.setUint32(at + 4 * i, value, true));
  view.setInt32(at + 12, job.skip, true);
  view.setBigUint64(at + 16, BigInt(tileSize), true);
  work.forEach((value, i) => view.setUint32(at + 24 + 4 * i, value, true));
  const out = room(6 * count * tileSize + 1024);
  streams.push({ first, job: at, out, source: room(20), length: 0 });
}

function encode() {
  for (const s of streams) {
    s.length = core.bench_encode(tables, s.job, index + s.first * tileSize, symbols + s.first * tileSize, s.out);
  }
}

function decode() {
  const view = new DataView(core.memory.buffer);
  for (const s of streams) {
    const at = s.first * tileSize;
    const source = [s.out, index + at, decoded + at, work[0], work[1]];
    source.forEach((value, i) => view.setUint32(s.source + 4 * i, value, true));
    if (core.bench_decode(tables, s.job, s.source, 1) !== 1) throw new Error(`stream at tile ${s.first} did not decode`);
  }
}

function timed(action) {
  const times = [];
  const end = performance.now() + 1e3 * job.seconds;
  do {
    const start = performance.now();
    action();
    times.push(performance.now() - start);
  } while (performance.now() < end);
  return times;
}

encode();
decode();
if (Buffer.compare(bytes(decoded, tiles * tileSize), bytes(symbols, tiles * tileSize)) !== 0) {
  throw new Error("other symbols than were encoded");
}
const times = { encode: timed(encode), decode: timed(decode), lengths: streams.map((s) => s.length) };
writeFileSync(join(folder, "streams"), Buffer.concat(streams.map((s) => bytes(s.out, s.length))));
writeFileSync(join(folder, "times.json"), JSON.stringify(times));
