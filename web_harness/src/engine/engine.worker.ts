/** The engine on a thread of its own, so that the page stays alive while it works. */

import { describe } from '../errors';
import type { BenchSettings } from '../measure/bench';
import type { Picture } from '../runtime/picture';
import { Engine, type Report } from './engine';
import type { EngineMessage, EngineRequest, Methods, OpenRequest } from './protocol';

const engine = new Engine();

const methods: Record<keyof Methods, (argument: never, report: Report) => Promise<unknown>> = {
  environment: () => engine.environment(),
  open: (request: OpenRequest) => engine.open(request),
  picture: async (picture: Picture) => engine.setPicture(picture),
  encode: ({ level, symbols }: Methods['encode'][0], report) =>
    engine.encode(level, symbols, report),
  decode: ({ stream, symbols }: Methods['decode'][0], report) =>
    engine.decode(stream, symbols, report),
  bench: (
    { settings, vectorsUrl }: { settings: BenchSettings; vectorsUrl: string | null },
    report,
  ) => engine.bench(settings, vectorsUrl, report),
  vectors: ({ url, threads }: { url: string; threads: number }, report) =>
    engine.vectors(url, threads, report),
};

const send = (message: EngineMessage) => self.postMessage(message);
let last: Promise<void> = Promise.resolve();

async function answer({ id, method, argument }: EngineRequest): Promise<void> {
  try {
    const report: Report = (done, total, what) => send({ id, kind: 'progress', done, total, what });
    send({ id, kind: 'answer', value: await methods[method](argument as never, report) });
  } catch (error) {
    send({ id, kind: 'error', ...describe(error) });
  }
}

// one request after the other: they share the core's memory
self.onmessage = (event: MessageEvent<EngineRequest>) => {
  last = last.then(() => answer(event.data));
};
