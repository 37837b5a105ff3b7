/** Two pictures over each other, with a divider that a pointer or the arrow keys move. */

import { block, input } from './dom';

export function setUpCompare(): void {
  const stage = block('compare').querySelector<HTMLElement>('.stage');
  const divider = input('divider');
  const zoom = input('zoom');
  const move = () => stage?.style.setProperty('--at', `${divider.value}%`);
  divider.addEventListener('input', move);
  zoom.addEventListener('change', () => stage?.classList.toggle('actual', zoom.checked));
  move();
}
