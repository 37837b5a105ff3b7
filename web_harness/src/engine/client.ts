/** The page's side of the engine. */

import { PicoError } from '../errors';
import type { EngineMessage, EngineRequest, Methods } from './protocol';

export type OnProgress = (done: number, total: number, what: string) => void;

interface Call {
  resolve: (value: never) => void;
  reject: (error: PicoError) => void;
  progress: OnProgress;
}

export class EngineClient {
  private readonly worker: Worker;
  private readonly calls = new Map<number, Call>();
  private nextId = 0;

  constructor() {
    this.worker = new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module' });
    this.worker.onmessage = (event: MessageEvent<EngineMessage>) => this.receive(event.data);
    this.worker.onerror = (event) => this.failAll(event.message || 'its script did not load');
  }

  call<M extends keyof Methods>(
    method: M,
    argument: Methods[M][0],
    progress: OnProgress = () => {},
    transfer: Transferable[] = [],
  ): Promise<Methods[M][1]> {
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.calls.set(id, { resolve, reject, progress });
      this.worker.postMessage({ id, method, argument } satisfies EngineRequest, transfer);
    });
  }

  private receive(message: EngineMessage): void {
    const call = this.calls.get(message.id);
    if (message.kind === 'progress') {
      call?.progress(message.done, message.total, message.what);
      return;
    }
    this.calls.delete(message.id);
    if (message.kind === 'answer') call?.resolve(message.value as never);
    else call?.reject(new PicoError(message.code, message.message));
  }

  private failAll(reason: string): void {
    for (const call of this.calls.values())
      call.reject(new PicoError('error', `the engine of the page stopped: ${reason}`));
    this.calls.clear();
  }
}
