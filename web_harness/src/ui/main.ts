/** The page: wires its controls to the engine. */

import { EngineClient } from '../engine/client';
import type { BenchDone, Encoded, Environment, Opened } from '../engine/protocol';
import { describe } from '../errors';
import { type Picture, synthetic } from '../runtime/picture';
import { setUpCompare } from './compare';
import {
  block,
  button,
  byId,
  canvas,
  humanBytes,
  humanMs,
  input,
  save,
  showFacts,
  tableRow,
} from './dom';
import { showResult } from './phases';
import { paint, readPhoto } from './photo';
import { Server } from './server';
import { showError, showProgress, task } from './status';
import { doTasks } from './tasks';

const TEST_WIDTH = 4032;
const TEST_HEIGHT = 3024;

/** Set by the build: are the conformance vectors beside the page? */
declare const VECTORS_COME_ALONG: boolean;

const engine = new EngineClient();
const provider = byId('provider', HTMLSelectElement);
const buttons = ['open', 'synthetic', 'round-trip', 'bench', 'vectors'].map(button);
const level = input('level');

let server: Server | null = null;
let opened: Opened | null = null;
let picture: Picture | null = null;
let encoded: Encoded | null = null;
let benchmark: BenchDone | null = null;

function showEnvironment(environment: Environment): void {
  const gpu = environment.adapter
    ? `WebGPU: ${environment.adapter}${environment.adapterIsSoftware ? ' (software)' : ''}`
    : `no WebGPU: ${environment.adapterReason}`;
  const threads = environment.isolated
    ? `${environment.cores} cores, threads`
    : 'one thread: not cross-origin isolated';
  block('environment').replaceChildren(
    ...[environment.browser, threads, gpu].map((text) => {
      const chip = document.createElement('li');
      chip.textContent = text;
      return chip;
    }),
  );
}

function updateButtons(): void {
  const ready = opened !== null && picture !== null;
  button('round-trip').disabled = !ready;
  button('bench').disabled = !ready;
}

async function openBundle(threads = 0): Promise<void> {
  const address = input('bundle-url').value.trim();
  const url = new URL(address.endsWith('/') ? address : `${address}/`, location.href);
  const name = server?.job.bundle ?? decodeURIComponent(url.pathname.split('/').at(-2) ?? address);
  opened = null;
  updateButtons();
  opened = await engine.call('open', {
    url: url.href,
    name,
    key: server?.key ?? null,
    provider: provider.value as 'auto' | 'webgpu' | 'wasm',
    threads,
  });
  level.max = String(opened.levels - 1);
  byId('level-value', HTMLOutputElement).value = level.value;
  showFacts('bundle-facts', [
    ['Codec', `${opened.codec} ${opened.modelVersion}`],
    ['Size', humanBytes(opened.bytes)],
    ['Runs on', opened.observed],
    [
      'Runtime',
      `${opened.runtime}, ${opened.threads} ${opened.threads === 1 ? 'thread' : 'threads'}`,
    ],
    [
      'Core',
      `${opened.kernels}, ` +
        (opened.coreThreads > 0
          ? `${opened.coreThreads} ${opened.coreThreads === 1 ? 'worker' : 'workers'}`
          : `one thread: ${opened.singleThreadReason}`),
    ],
    ['Cold load', humanMs(opened.loadNs)],
    ['Entropy model', opened.fingerprint],
  ]);
  updateButtons();
}

async function usePicture(chosen: Picture): Promise<void> {
  picture = chosen;
  const megapixels = ((chosen.width * chosen.height) / 1e6).toFixed(1);
  block('photo-facts').textContent =
    `${chosen.name}: ${chosen.width}×${chosen.height}, ${megapixels} MP`;
  block('round-trip-result').hidden = true;
  await engine.call('picture', chosen);
  updateButtons();
}

async function roundTrip(): Promise<void> {
  if (picture === null) return;
  encoded = await engine.call(
    'encode',
    { level: Number(level.value), symbols: false },
    showProgress,
  );
  const { stream } = encoded;
  const decoded = await engine.call('decode', { stream, symbols: false }, showProgress);
  const pixels = picture.width * picture.height;
  const bytes = encoded.stream.length;
  showFacts('round-trip-facts', [
    ['Size', `${humanBytes(bytes)} (${((8 * bytes) / pixels).toFixed(3)} bits a pixel)`],
    ['Encode', humanMs(encoded.ns)],
    ['Decode', humanMs(decoded.ns)],
    ['PSNR', decoded.psnrDb === null ? '–' : `${decoded.psnrDb.toFixed(2)} dB`],
  ]);
  paint(canvas('original'), picture.width, picture.height, picture.rgb);
  paint(canvas('decoded'), decoded.width, decoded.height, decoded.rgb);
  block('round-trip-result').hidden = false;
}

async function runBench(): Promise<void> {
  const settings = {
    level: Number(level.value),
    iterations: input('iterations').valueAsNumber || 1,
    warmUpIterations: input('warm-up').valueAsNumber || 1,
  };
  const tell = (done: number, total: number, what: string): void => {
    showProgress(done, total, what);
    server?.progress(done, total, what).catch(() => {}); // the result matters, not the bar
  };
  const vectorsUrl = VECTORS_COME_ALONG ? new URL('vectors/', location.href).href : null;
  benchmark = await engine.call('bench', { settings, vectorsUrl }, tell);
  showResult(benchmark.result);
  button('save-result').disabled = false;
  if (server !== null) {
    showProgress(1, 1, 'sending the result back');
    const stored = await server.submit(benchmark.result, benchmark.stream);
    block('bench-notes').textContent += ` · stored by pico-deploy as ${stored}`;
  }
}

async function runVectors(): Promise<void> {
  const url = new URL('vectors/', location.href).href;
  const found = await engine.call('vectors', { url, threads: 0 }, showProgress);
  const failed = found.outcomes.filter((outcome) => outcome.difference !== null).length;
  const passed = found.outcomes.length - failed;
  const headline = block('vectors-headline');
  headline.textContent =
    `${passed} of ${found.outcomes.length} vectors of set ${found.version} pass ` +
    `(kernels: ${found.kernels})`;
  headline.className = `headline ${failed > 0 ? 'fail' : 'pass'}`;
  const worstFirst = [...found.outcomes].sort(
    (a, b) => Number(a.difference === null) - Number(b.difference === null),
  );
  block('vector-rows').replaceChildren(
    ...worstFirst.map(({ name, difference, description }) =>
      tableRow(name, [
        [difference ?? 'pass', difference === null ? 'pass' : 'fail'],
        [description, 'detail'],
      ]),
    ),
  );
  block('vectors-result').hidden = false;
}

function listen(): void {
  byId('bundle-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    task('opening the bundle', buttons, () => openBundle());
  });
  input('photo').addEventListener('change', () => {
    const file = input('photo').files?.[0];
    if (file) task(`reading ${file.name}`, buttons, async () => usePicture(await readPhoto(file)));
  });
  button('synthetic').addEventListener('click', () =>
    task('making a test picture', buttons, async () =>
      usePicture(synthetic(TEST_WIDTH, TEST_HEIGHT)),
    ),
  );
  level.addEventListener('input', () => {
    byId('level-value', HTMLOutputElement).value = level.value;
  });
  button('round-trip').addEventListener('click', () => task('encode', buttons, roundTrip));
  button('bench').addEventListener('click', () => task('benchmark', buttons, runBench));
  button('vectors').addEventListener('click', () =>
    task('conformance vectors', buttons, runVectors),
  );
  button('save-stream').addEventListener('click', () => {
    if (encoded !== null) save('photo.pico', new Blob([encoded.stream]));
  });
  button('save-result').addEventListener('click', () => {
    if (benchmark === null) return;
    const text = `${JSON.stringify(benchmark.result, null, 1)}\n`;
    save('result.json', new Blob([text], { type: 'application/json' }));
  });
}

/** Take over what the server wants measured. */
async function accept(paired: Server): Promise<void> {
  const { job } = paired;
  input('bundle-url').value = 'bundle/';
  level.max = String(Math.max(Number(level.max), job.level));
  level.value = String(job.level);
  input('iterations').value = String(job.iterations);
  input('warm-up').value = String(job.warm_up_iterations);
  provider.value = job.provider;
  await openBundle(job.threads);
  const sent = await paired.picture();
  if (sent !== null) await usePicture(sent);
}

async function start(): Promise<void> {
  setUpCompare();
  listen();
  const address = new URLSearchParams(location.search).get('bundle');
  if (address !== null) input('bundle-url').value = address;
  try {
    server = await Server.connect();
    showEnvironment(await engine.call('environment', undefined));
    if (server === null) {
      if (address !== null) await task('opening the bundle', buttons, () => openBundle());
      return;
    }
    const paired = server;
    if (paired.job.mode === 'manual') {
      await task('opening the bundle', buttons, () => accept(paired));
      return;
    }
    await accept(paired);
    if (paired.job.mode === 'tasks') await doTasks(paired, engine);
    await runBench();
    byId('progress', HTMLDivElement).hidden = true;
  } catch (error) {
    showError(error);
    await server?.failure(describe(error)).catch(() => {}); // nobody is left to tell
  }
}

void start();
