/** `pico-deploy serve` with a real bundle behind it, and Chromium in front: what a user has.
 *
 * PICO_SERVE is the command as JSON, without its arguments; PICO_BUNDLE and PICO_PHOTO are what it is given. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

export const CONFIGURED = Boolean(process.env.PICO_SERVE && process.env.PICO_BUNDLE);
export const PHOTO = process.env.PICO_PHOTO ?? '';

export interface Served {
  browser: Browser;
  results: string;
  /** The link that is open now. */
  link: () => Promise<string>;
  close: () => Promise<void>;
}

export async function serve(...options: string[]): Promise<Served> {
  const [program, ...rest] = JSON.parse(process.env.PICO_SERVE as string) as [string, ...string[]];
  const results = mkdtempSync(join(tmpdir(), 'pico-e2e-'));
  const server = spawn(program, [
    ...rest,
    ...['serve', process.env.PICO_BUNDLE as string, '--photo', PHOTO, '--level', '5'],
    ...['--iterations', '2', '--host', '127.0.0.1', '-o', results, ...options],
  ]);
  const links: string[] = [];
  const waiting: ((link: string) => void)[] = [];
  server.stdout.on('data', (chunk: Buffer) => {
    for (const [link] of chunk.toString().matchAll(/https?:\/\/\S+/g)) {
      const next = waiting.shift();
      if (next) next(link);
      else links.push(link);
    }
  });
  const browser = await chromium.launch({
    executablePath: process.env.PICO_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
  return {
    browser,
    results,
    link: () =>
      new Promise((resolve, reject) => {
        const known = links.shift();
        if (known) resolve(known);
        else waiting.push(resolve);
        setTimeout(() => reject(new Error(`serve printed no link: ${ended(server)}`)), 30_000);
      }),
    close: async () => {
      await browser.close();
      server.kill('SIGINT');
    },
  };
}

const ended = (server: ChildProcess): string =>
  server.exitCode === null ? 'it is still running' : `it ended with ${server.exitCode}`;

/** Open a link and wait until its bundle is open; errors of the page's scripts are collected. */
export async function open(
  served: Served,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<{ page: Page; problems: string[] }> {
  const page = await served.browser.newPage({ ignoreHTTPSErrors: true, ...options });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(await served.link());
  await page.waitForSelector('#round-trip:not([disabled])', { timeout: 60_000 });
  return { page, problems };
}
