/** A thread of the core: an instance of the module on the shared memory, with a stack of its own. */

import { type CoreExports, type Heavy, instantiate } from './exports';

export interface PoolStart {
  kind: 'start';
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  stack: number;
}
export interface PoolRequest {
  kind: 'call';
  name: Heavy;
  args: number[];
}
export interface PoolReply {
  status: number;
  ns: number;
}

let core: CoreExports;

self.onmessage = async (event: MessageEvent<PoolStart | PoolRequest>) => {
  const message = event.data;
  if (message.kind === 'start') {
    core = await instantiate(message.module, message.memory);
    core.__stack_pointer.value = message.stack;
    self.postMessage({ status: 0, ns: 0 } satisfies PoolReply);
    return;
  }
  const start = performance.now();
  const status = core[message.name](...message.args);
  const ns = Math.round((performance.now() - start) * 1e6);
  self.postMessage({ status, ns } satisfies PoolReply);
};
