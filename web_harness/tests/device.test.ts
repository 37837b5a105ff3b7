import { describe, expect, test } from 'vitest';
import { browserOf, systemOf } from '../src/measure/device';

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1';
const PIXEL =
  'Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0';

describe('what a user agent line says', () => {
  test.each([
    [IPHONE, { os: 'iOS', version: '18.5', model: 'iPhone' }],
    [PIXEL, { os: 'Android', version: '16', model: 'Pixel 10' }],
    [FIREFOX, { os: 'Linux', version: 'not told by this browser', model: 'PC' }],
  ])('system of %#', (agent, system) => {
    expect(systemOf(agent)).toEqual(system);
  });

  test.each([
    [IPHONE, 'Safari 18.5'],
    [PIXEL, 'Chrome 140.0.0.0'],
    [FIREFOX, 'Firefox 143.0'],
    ['', 'unknown browser'],
  ])('browser of %#', (agent, browser) => {
    expect(browserOf(agent)).toBe(browser);
  });

  test('client hints go first, and the brand that is none is passed over', () => {
    const brands = [
      { brand: 'Not/A)Brand', version: '8' },
      { brand: 'Chromium', version: '140.1' },
      { brand: 'Google Chrome', version: '140.1.2' },
    ];
    expect(browserOf(PIXEL, brands)).toBe('Google Chrome 140.1.2');
  });
});
