/** Tasks of the server that opened this page, one after the other, until it is gone. */

import type { EngineClient } from '../engine/client';
import { describe, PicoError } from '../errors';
import type { Server, Task } from './server';
import { showProgress } from './status';

export async function doTasks(server: Server, engine: EngineClient): Promise<never> {
  for (;;) {
    const task = await server.task();
    if (task === null) continue;
    try {
      const input = await server.taskInput(task);
      const { symbols, output } = await (task.operation === 'encode'
        ? encode(engine, task, input)
        : decode(engine, input));
      await server.finishTask(task, symbols, output);
    } catch (error) {
      await server.failTask(task, describe(error));
    }
  }
}

interface Done {
  symbols: Int8Array<ArrayBuffer>;
  output: Uint8Array<ArrayBuffer>;
}

async function encode(engine: EngineClient, task: Task, rgb: Uint8Array): Promise<Done> {
  if (task.picture === null || task.level === null)
    throw new PicoError('bad-input', 'the server sent no picture or no level to encode');
  await engine.call('picture', { ...task.picture, rgb });
  const request = { level: task.level, symbols: true };
  const { stream, symbols } = await engine.call('encode', request, showProgress);
  return { symbols, output: stream };
}

async function decode(engine: EngineClient, stream: Uint8Array): Promise<Done> {
  const request = { stream, symbols: true };
  const { rgb, symbols } = await engine.call('decode', request, showProgress);
  return { symbols, output: rgb };
}
