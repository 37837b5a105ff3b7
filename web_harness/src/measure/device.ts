/** What a browser says of the machine it runs on. All of it is the browser's word: none of it is evidence. */

import type { Device } from '../generated/result';

interface HighEntropy {
  architecture?: string;
  bitness?: string;
  model?: string;
  platform?: string;
  platformVersion?: string;
  fullVersionList?: { brand: string; version: string }[];
}

interface UserAgentData {
  getHighEntropyValues(hints: string[]): Promise<HighEntropy>;
}

const HINTS = [
  'architecture',
  'bitness',
  'model',
  'platform',
  'platformVersion',
  'fullVersionList',
];

export interface Machine {
  device: Device;
  /** Name and version of the browser. */
  browser: string;
}

/** The machine, from client hints where the browser has them, else from its user agent line. */
export async function describeMachine(): Promise<Machine> {
  const hints = await (navigator as { userAgentData?: UserAgentData }).userAgentData
    ?.getHighEntropyValues(HINTS)
    .catch(() => undefined);
  const agent = navigator.userAgent;
  const system = systemOf(agent);
  const memory = (navigator as { deviceMemory?: number }).deviceMemory;
  const cpu = hints?.architecture
    ? `${hints.architecture}${hints.bitness ? ` ${hints.bitness} bit` : ''}`
    : '';
  return {
    device: {
      model: hints?.model || system.model,
      architecture: cpu || 'not told by this browser',
      cpu_count: navigator.hardwareConcurrency || null,
      // rounded by the browser to a power of two, and capped
      memory_bytes: memory === undefined ? null : memory * 2 ** 30,
      os: hints?.platform || system.os,
      os_version: hints?.platformVersion || system.version,
    },
    browser: browserOf(agent, hints?.fullVersionList),
  };
}

/** System, version and model in a user agent line. */
export function systemOf(agent: string): { os: string; version: string; model: string } {
  const unknown = 'not told by this browser';
  const ios = /(iPhone|iPad|iPod).*? OS (\d+(?:_\d+)*)/.exec(agent);
  if (ios)
    return { os: 'iOS', version: (ios[2] as string).replaceAll('_', '.'), model: ios[1] as string };
  const android = /Android (\d+(?:\.\d+)*)(?:; ([^;)]+))?/.exec(agent);
  if (android)
    return { os: 'Android', version: android[1] as string, model: android[2]?.trim() || unknown };
  const mac = /Mac OS X (\d+(?:[._]\d+)*)/.exec(agent);
  if (mac) return { os: 'macOS', version: (mac[1] as string).replaceAll('_', '.'), model: 'Mac' };
  const windows = /Windows NT (\d+\.\d+)/.exec(agent);
  if (windows) return { os: 'Windows', version: windows[1] as string, model: 'PC' };
  if (/Linux|X11/.test(agent)) return { os: 'Linux', version: unknown, model: 'PC' };
  return { os: unknown, version: unknown, model: unknown };
}

/** Name and version of a browser. */
export function browserOf(
  agent: string,
  brands: { brand: string; version: string }[] = [],
): string {
  const known = brands.filter(({ brand }) => !/not.?a.?brand/i.test(brand));
  const brand = known.find(({ brand }) => brand !== 'Chromium') ?? known[0];
  if (brand) return `${brand.brand} ${brand.version}`;
  for (const [name, pattern] of [
    ['Edge', /Edg(?:A|iOS)?\/([\d.]+)/],
    ['Firefox', /(?:Firefox|FxiOS)\/([\d.]+)/],
    ['Chrome', /(?:Chrome|CriOS)\/([\d.]+)/],
    ['Safari', /Version\/([\d.]+).*Safari/],
  ] as const) {
    const found = pattern.exec(agent);
    if (found) return `${name} ${found[1]}`;
  }
  return 'unknown browser';
}
