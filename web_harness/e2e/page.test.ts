import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIGURED, open, PHOTO, type Served, serve } from './served';

const LONG_MS = 120_000;

describe.skipIf(!CONFIGURED)('the page, served to Chromium over HTTPS', () => {
  let served: Served;
  let page: Page;
  let problems: string[];

  beforeAll(async () => {
    served = await serve();
    ({ page, problems } = await open(served));
  }, LONG_MS);
  afterAll(() => served?.close());

  test('says what this browser has and what is open', async () => {
    expect(await page.innerText('#environment')).toContain('Chrom');
    const facts = await page.innerText('#bundle-facts');
    expect(facts).toContain('onnxruntime-web');
    expect(facts).toMatch(/\d workers?/);
    expect(await page.isHidden('#error')).toBe(true);
  });

  test('the spent token is no longer in the address', async () => {
    expect(page.url()).not.toContain('token');
  });

  test(
    'a photo makes the round trip, and the divider moves with the arrow keys',
    async () => {
      await page.setInputFiles('#photo', PHOTO);
      await page.waitForSelector('#round-trip:not([disabled])');
      await page.focus('#round-trip');
      await page.keyboard.press('Enter');
      await page.waitForSelector('#round-trip-result:not([hidden])', { timeout: LONG_MS });
      expect(await page.innerText('#round-trip-facts')).toMatch(/bits a pixel[\s\S]*\d dB/);
      await page.focus('#divider');
      for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowLeft');
      const at = await page.$eval('.stage', (stage) =>
        getComputedStyle(stage).getPropertyValue('--at'),
      );
      expect(at.trim()).toBe('48%');
    },
    LONG_MS,
  );

  test(
    'a benchmark is shown, offered as a file, and stored by the server that asked for it',
    async () => {
      await page.click('#bench');
      await page.waitForSelector('#save-result:not([disabled])', { timeout: LONG_MS });
      await page.waitForSelector('#progress[hidden]', { state: 'attached', timeout: LONG_MS });
      expect(await page.innerText('#phase-rows')).toContain('entropy');
      expect(await page.innerText('#bench-notes')).toContain('Not a device measurement');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.click('#save-result'),
      ]);
      const [stored] = readdirSync(served.results);
      const kept = JSON.parse(readFileSync(join(served.results, stored as string), 'utf8'));
      const saved = JSON.parse(readFileSync((await download.path()) as string, 'utf8'));
      expect(kept.provenance).toBe('claimed');
      expect(saved.runs[0].hashes).toEqual(kept.runs[0].hashes);
      expect(kept.runs[0].conformance.failures).toEqual([]);
    },
    LONG_MS,
  );

  test(
    'the conformance vectors pass',
    async () => {
      await page.click('#vectors');
      await page.waitForSelector('#vectors-result:not([hidden])', { timeout: LONG_MS });
      const [, passed, total] = /^(\d+) of (\d+) vectors/.exec(
        await page.innerText('#vectors-headline'),
      ) as RegExpExecArray;
      expect(Number(total)).toBeGreaterThan(100);
      expect(passed).toBe(total);
    },
    LONG_MS,
  );

  test('what is no picture is refused in one line, and the page goes on', async () => {
    await page.setInputFiles('#photo', {
      name: 'notes.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('no picture'),
    });
    await page.waitForSelector('#error:not([hidden])');
    expect(await page.innerText('#error')).toBe(
      'notes.txt cannot be read by this browser as a picture; choose a JPEG, PNG or WebP',
    );
    expect(await page.isEnabled('#round-trip')).toBe(true);
  });

  test('an address without a bundle is named', async () => {
    await page.fill('#bundle-url', 'elsewhere/');
    await page.click('#open');
    await page.waitForSelector('#error:not([hidden])');
    expect(await page.innerText('#error')).toContain('/elsewhere/manifest.json cannot be fetched');
  });

  test('nothing of all that was an error of a script', () => {
    const expected = /404/; // the address without a bundle
    expect(problems.filter((text) => !expected.test(text))).toEqual([]);
  });

  test(
    'the next link opens a phone: nothing is wider than its 390 px, in light and dark',
    async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { page: phone } = await open(served, {
          viewport: { width: 390, height: 844 },
          colorScheme,
        });
        const widths = await phone.$$eval('body *', (all) =>
          all
            .filter((e) => e.closest('.scroll') === null && e.getBoundingClientRect().right > 390.5)
            .map((e) => e.outerHTML.slice(0, 80)),
        );
        expect(widths).toEqual([]);
        expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
        const ground = await phone.$eval('body', (body) => getComputedStyle(body).backgroundColor);
        const brightness = Number(/\d+/.exec(ground)?.[0]);
        expect(brightness > 128).toBe(colorScheme === 'light');
        await phone.close();
      }
    },
    LONG_MS,
  );

  test('every control has a name, and can be reached with the keyboard', async () => {
    const unnamed = await page.$$eval('button, input, select, canvas', (controls) =>
      controls
        .filter((c) => {
          const labels = (c as HTMLInputElement).labels;
          const name = c.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? c.textContent;
          return !name?.trim() || (c.tagName !== 'CANVAS' && (c as HTMLElement).tabIndex < 0);
        })
        .map((c) => c.outerHTML),
    );
    expect(unnamed).toEqual([]);
  });
});

describe.skipIf(!CONFIGURED)('the page over plain HTTP from another address', () => {
  test(
    'works on one thread and says so',
    async () => {
      const served = await serve('--http');
      try {
        // Chromium trusts 127.0.0.1 as if it were encrypted; a name that leads there it does not
        const link = (await served.link()).replace('127.0.0.1', 'pico.test');
        const { chromium } = await import('playwright-core');
        const browser = await chromium.launch({
          executablePath: process.env.PICO_CHROMIUM ?? '/usr/bin/chromium',
          args: ['--no-sandbox', '--host-resolver-rules=MAP pico.test 127.0.0.1'],
        });
        const page = await browser.newPage();
        await page.goto(link);
        await page.waitForSelector('#round-trip:not([disabled])', { timeout: LONG_MS });
        expect(await page.innerText('#bundle-facts')).toContain(
          'one thread: the page came over plain HTTP',
        );
        expect(await page.innerText('#environment')).toContain('one thread');
        await page.click('#round-trip');
        await page.waitForSelector('#round-trip-result:not([hidden])', { timeout: LONG_MS });
        await browser.close();
      } finally {
        await served.close();
      }
    },
    LONG_MS,
  );
});
