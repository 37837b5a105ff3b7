/** Busy time by phase, as a stacked bar for each direction. */

import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  Legend,
  LinearScale,
  Tooltip,
} from 'chart.js';
import type { Result } from '../generated/result';
import { percentile } from '../measure/statistics';
import { type PhaseSummary, summarise } from '../measure/summary';
import { PHASES, type Phase } from '../runtime/observer';
import { block, canvas, humanMs, tableRow } from './dom';

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Legend, Tooltip);

/** Okabe and Ito's colours: apart from each other for every kind of colour vision, on light and dark. */
const COLOURS: Record<Phase, string> = {
  pixels_in: '#56b4e9',
  analysis: '#0072b2',
  scale_indices: '#999999',
  entropy: '#e69f00',
  synthesis: '#009e73',
  read_back: '#cc79a7',
  pixels_out: '#d55e00',
};

let chart: Chart | null = null;

function draw(operations: Record<string, PhaseSummary[]>): void {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue('--ink').trim();
  const line = style.getPropertyValue('--line').trim();
  const shown = PHASES.filter((phase) =>
    Object.values(operations).some((all) =>
      all.some((s) => s.phase === phase && s.partOf === null),
    ),
  );
  chart?.destroy();
  chart = new Chart(canvas('phases'), {
    type: 'bar',
    data: {
      labels: Object.keys(operations),
      datasets: shown.map((phase) => ({
        label: phase.replaceAll('_', ' '),
        backgroundColor: COLOURS[phase],
        data: Object.values(operations).map(
          (all) => (all.find((s) => s.phase === phase)?.p50 ?? 0) / 1e6,
        ),
      })),
    },
    options: {
      indexAxis: 'y',
      animation: false,
      maintainAspectRatio: false,
      scales: {
        x: {
          stacked: true,
          title: { display: true, text: 'busy time, ms (p50)', color: ink },
          ticks: { color: ink },
          grid: { color: line },
        },
        y: { stacked: true, ticks: { color: ink }, grid: { display: false } },
      },
      plugins: { legend: { position: 'bottom', labels: { color: ink, boxWidth: 12 } } },
    },
  });
}

/** Show the one run of a result: headline, chart, table, notes. */
export function showResult(result: Result): void {
  const run = result.runs[0];
  if (!run?.encode || !run.decode) return;
  const encode = summarise(run.encode);
  const decode = summarise(run.decode);
  const { width, height } = result.workload;
  block('bench-headline').textContent =
    `${((width * height) / 1e6).toFixed(1)} MP on ${run.accelerator_observed}: encode ` +
    `${humanMs(percentile(run.encode.latency_ns, 0.5))}, decode ` +
    `${humanMs(percentile(run.decode.latency_ns, 0.5))} (p50 of ${run.encode.latency_ns.length})`;
  const cell = (all: PhaseSummary[], phase: Phase, which: 'p50' | 'p90'): [string, string] => {
    const found = all.find((s) => s.phase === phase);
    return [
      found === undefined ? '–' : humanMs(found[which]),
      which === 'p50' ? 'number' : 'number detail',
    ];
  };
  const rows = PHASES.filter((p) => [...encode, ...decode].some((s) => s.phase === p)).map(
    (phase) => {
      const part = [...encode, ...decode].find((s) => s.phase === phase)?.partOf;
      return tableRow(phase.replaceAll('_', ' ') + (part ? ` (within ${part})` : ''), [
        cell(encode, phase, 'p50'),
        cell(encode, phase, 'p90'),
        cell(decode, phase, 'p50'),
        cell(decode, phase, 'p90'),
      ]);
    },
  );
  block('phase-rows').replaceChildren(...rows);
  block('bench-notes').textContent = [
    'Not a device measurement: a browser gives no evidence of the machine it runs on',
    ...(result.notes ?? []),
    ...(run.notes ?? []),
  ].join(' · ');
  block('bench-result').hidden = false;
  draw({ encode, decode });
  matchMedia('(prefers-color-scheme: dark)').onchange = () => draw({ encode, decode });
}
