/** The server that opened this page, if it is `pico-deploy serve` or `bench`: pairing, its job, results back. */

import { PicoError } from '../errors';
import type { Result } from '../generated/result';
import type { Provider } from '../runtime/onnx';
import type { Picture } from '../runtime/picture';

/** What the server wants measured, and whether it starts by itself. */
export interface Job {
  bundle: string;
  level: number;
  iterations: number;
  warm_up_iterations: number;
  provider: Provider | 'auto';
  threads: number;
  picture: { name: string; source: 'file' | 'synthetic'; width: number; height: number } | null;
  /** Wait for a person; measure at once and hand the result in; ask for one task after the other. */
  mode: 'manual' | 'bench' | 'tasks';
}

/** A picture to encode at a level, or a stream to decode. */
export interface Task {
  number: number;
  operation: 'encode' | 'decode';
  level: number | null;
  picture: Job['picture'];
}

const STORED_KEY = 'pico-deploy key';

export class Server {
  private constructor(
    readonly key: string,
    readonly job: Job,
  ) {}

  /** Null when the address carries no token and this tab was not paired before. */
  static async connect(): Promise<Server | null> {
    const token = new URLSearchParams(location.hash.slice(1)).get('token');
    let key = sessionStorage.getItem(STORED_KEY);
    if (token !== null) {
      // the token is spent now: it must not stay in the address that a user copies
      history.replaceState(null, '', location.pathname + location.search);
      key = await pair(token);
      sessionStorage.setItem(STORED_KEY, key);
    }
    if (key === null) return null;
    const response = await request('api/job', { headers: bearer(key) });
    return new Server(key, (await response.json()) as Job);
  }

  async picture(): Promise<Picture | null> {
    if (this.job.picture === null) return null;
    const response = await request('api/picture', { headers: bearer(this.key) });
    const rgb = new Uint8Array(await response.arrayBuffer());
    const { width, height } = this.job.picture;
    if (rgb.length !== 3 * width * height)
      throw new PicoError(
        'bad-input',
        `the server's picture has ${rgb.length} bytes, not ${width}×${height}×3`,
      );
    return { ...this.job.picture, rgb };
  }

  /** Hand in the stream, then the result that names it. */
  async submit(result: Result, stream: Uint8Array<ArrayBuffer>): Promise<string> {
    await this.post('api/stream', stream);
    const response = await this.post('api/results', JSON.stringify(result));
    return ((await response.json()) as { stored: string }).stored;
  }

  async progress(done: number, total: number, what: string): Promise<void> {
    await this.post('api/progress', JSON.stringify({ done, total, what }));
  }

  async failure(error: { code: string; message: string }): Promise<void> {
    await this.post('api/failure', JSON.stringify(error));
  }

  /** The next task, or null when there is none yet. */
  async task(): Promise<Task | null> {
    const response = await request('api/task', { headers: bearer(this.key) });
    return response.status === 204 ? null : ((await response.json()) as Task);
  }

  async taskInput({ number }: Task): Promise<Uint8Array<ArrayBuffer>> {
    const response = await request(`api/task/${number}/input`, { headers: bearer(this.key) });
    return new Uint8Array(await response.arrayBuffer());
  }

  async finishTask(
    { number }: Task,
    symbols: Int8Array<ArrayBuffer>,
    output: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    await this.post(`api/task/${number}/symbols`, symbols);
    await this.post(`api/task/${number}/output`, output);
  }

  async failTask({ number }: Task, error: { code: string; message: string }): Promise<void> {
    await this.post(`api/task/${number}/failure`, JSON.stringify(error));
  }

  private post(path: string, body: BodyInit): Promise<Response> {
    return request(path, { method: 'POST', headers: bearer(this.key), body });
  }
}

const bearer = (key: string): HeadersInit => ({ Authorization: `Bearer ${key}` });

async function pair(token: string): Promise<string> {
  const response = await request('api/session', {
    method: 'POST',
    body: JSON.stringify({ token }),
  });
  return ((await response.json()) as { key: string }).key;
}

async function request(path: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...options, cache: 'no-store' });
  } catch {
    throw new PicoError(
      'disconnected',
      'the server does not answer; is pico-deploy still running?',
    );
  }
  if (response.ok) return response;
  const told = (await response.json().catch(() => null)) as { message?: string } | null;
  if (response.status === 401) sessionStorage.removeItem(STORED_KEY);
  throw new PicoError(
    'refused',
    told?.message ?? `the server answered ${path} with ${response.status}`,
  );
}
