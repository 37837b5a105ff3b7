/** One error line, one progress bar: whatever runs, it is told in the same place. */

import { describe } from '../errors';
import { block, byId } from './dom';

const errorLine = block('error');
const panel = block('progress');
const text = block('progress-text');
const bar = byId('progress-bar', HTMLProgressElement);

export function showError(error: unknown): void {
  errorLine.textContent = describe(error).message;
  errorLine.hidden = false;
  errorLine.scrollIntoView({ block: 'nearest' });
}

export function clearError(): void {
  errorLine.hidden = true;
}

export function showProgress(done: number, total: number, what: string): void {
  panel.hidden = false;
  text.textContent = what;
  bar.max = Math.max(1, total);
  bar.value = done;
}

/** Run a task of the page: earlier errors go, its own is shown, buttons wait meanwhile. */
export async function task(
  what: string,
  buttons: HTMLButtonElement[],
  run: () => Promise<void>,
): Promise<void> {
  const enabled = buttons.filter((button) => !button.disabled);
  clearError();
  showProgress(0, 1, what);
  for (const button of enabled) button.disabled = true;
  try {
    await run();
  } catch (error) {
    showError(error);
  } finally {
    panel.hidden = true;
    for (const button of enabled) button.disabled = false;
  }
}
