/** Who runs the core's heavy functions: this thread, or a pool of workers on one shared memory. */

import type { CoreExports, Heavy } from './exports';
import type { PoolReply, PoolRequest, PoolStart } from './pool.worker';

/** What a call returned, and how long it was busy. */
export interface Outcome {
  status: number;
  ns: number;
}

export interface Executor {
  /** Calls that can run at the same time. */
  readonly width: number;
  run(name: Heavy, args: number[]): Promise<Outcome>;
  close(): void;
}

export const toNanoseconds = (milliseconds: number): number => Math.round(milliseconds * 1e6);

/** Runs a call at once, on the thread that asks. */
export class InlineExecutor implements Executor {
  readonly width = 1;

  constructor(private readonly exports: CoreExports) {}

  async run(name: Heavy, args: number[]): Promise<Outcome> {
    const start = performance.now();
    const status = this.exports[name](...args);
    return { status, ns: toNanoseconds(performance.now() - start) };
  }

  close(): void {}
}

interface Waiting {
  request: Omit<PoolRequest, 'kind'>;
  resolve: (outcome: Outcome) => void;
  reject: (error: unknown) => void;
}

/** Workers that share the core's memory; a call goes to the next that is free, in order. */
export class WorkerPool implements Executor {
  private readonly queue: Waiting[] = [];
  private readonly free: Worker[];
  private readonly busy = new Map<Worker, Waiting>();

  private constructor(private readonly workers: Worker[]) {
    this.free = [...workers];
    for (const worker of workers) {
      worker.onmessage = (event: MessageEvent<PoolReply>) => this.finished(worker, event.data);
      worker.onerror = (event) => this.failed(worker, event.message);
    }
  }

  get width(): number {
    return this.workers.length;
  }

  /** Start workers; `stacks` are the addresses of the tops of their stacks. */
  static async start(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    stacks: number[],
  ): Promise<WorkerPool> {
    const workers = stacks.map(
      () => new Worker(new URL('./pool.worker.ts', import.meta.url), { type: 'module' }),
    );
    await Promise.all(
      workers.map(
        (worker, i) =>
          new Promise<void>((resolve, reject) => {
            worker.onmessage = () => resolve();
            worker.onerror = (event) => reject(new Error(event.message));
            const start: PoolStart = { kind: 'start', module, memory, stack: stacks[i] as number };
            worker.postMessage(start);
          }),
      ),
    );
    return new WorkerPool(workers);
  }

  run(name: Heavy, args: number[]): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.queue.push({ request: { name, args }, resolve, reject });
      this.next();
    });
  }

  close(): void {
    for (const worker of this.workers) worker.terminate();
  }

  private next(): void {
    while (this.queue.length > 0 && this.free.length > 0) {
      const worker = this.free.shift() as Worker;
      const waiting = this.queue.shift() as Waiting;
      this.busy.set(worker, waiting);
      worker.postMessage({ kind: 'call', ...waiting.request } satisfies PoolRequest);
    }
  }

  private finished(worker: Worker, reply: PoolReply): void {
    this.busy.get(worker)?.resolve(reply);
    this.busy.delete(worker);
    this.free.push(worker);
    this.next();
  }

  private failed(worker: Worker, message: string): void {
    this.busy.get(worker)?.reject(new Error(`a thread of the core stopped: ${message}`));
    this.busy.delete(worker);
  }
}
