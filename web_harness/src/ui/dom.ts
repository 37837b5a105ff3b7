/** The page's elements, and numbers as people read them. */

import { PicoError } from '../errors';

/** The element of this id; the page is broken without it. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new PicoError('error', `the page has no ${type.name} #${id}`);
  return found;
}

export const input = (id: string) => byId(id, HTMLInputElement);
export const button = (id: string) => byId(id, HTMLButtonElement);
export const canvas = (id: string) => byId(id, HTMLCanvasElement);
export const block = (id: string) => byId(id, HTMLElement);

export function humanBytes(size: number): string {
  if (size < 1000) return `${size} bytes`;
  return size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(2)} MB`;
}

export function humanMs(ns: number): string {
  const ms = ns / 1e6;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms).toLocaleString('en')} ms`;
}

/** Fill a description list. */
export function showFacts(id: string, facts: [string, string][]): void {
  const list = block(id);
  list.replaceChildren(
    ...facts.map(([term, text]) => {
      const pair = document.createElement('div');
      const dt = document.createElement('dt');
      const dd = document.createElement('dd');
      dt.textContent = term;
      dd.textContent = text;
      pair.append(dt, dd);
      return pair;
    }),
  );
  list.hidden = false;
}

/** A table row: a heading, then cells as text with a class. */
export function tableRow(
  head: string,
  cells: [text: string, className: string][],
): HTMLTableRowElement {
  const row = document.createElement('tr');
  const th = document.createElement('th');
  th.scope = 'row';
  th.textContent = head;
  row.append(th);
  for (const [text, className] of cells) {
    const td = document.createElement('td');
    td.textContent = text;
    td.className = className;
    row.append(td);
  }
  return row;
}

/** Offer bytes as a file to save. */
export function save(name: string, data: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
