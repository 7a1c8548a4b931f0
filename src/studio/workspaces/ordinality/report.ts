/**
 * A run as one HTML file that needs nothing else: settings, charts, tables, the worst places, and what to know when
 * reading them. No script, no request.
 */
import type { OrdinalityRun } from '../../../exchange/ordinality';
import type { Place } from '../../../models/ordinalityAnalysis';
import { formatSeeds } from '../../../models/seeds';
import { formatMeasure, formatSigned } from '../../store/format';
import { chartSvg, type Chart, type ChartTable } from './charts';

const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

function table({ header, rows }: ChartTable): string {
  const cells = (tag: string, values: readonly string[]) =>
    values.map((value) => `<${tag}>${escape(value)}</${tag}>`).join('');
  return (
    `<table><thead><tr>${cells('th', header)}</tr></thead>` +
    `<tbody>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('')}</tbody></table>`
  );
}

/** Places as a table; `short` names grades by index. */
export function placesTable(
  places: readonly Place[],
  titles: (variant: string) => string,
  short: readonly string[],
): ChartTable {
  return {
    header: [
      'Variant',
      'Drawn at',
      'Seed',
      'Step',
      't',
      'Grades',
      'Slack',
      'Straightness',
      'Cosine',
      'In order',
    ],
    rows: places.map(({ variant, severity, seed, step, t, triple }) => [
      titles(variant),
      String(severity),
      String(seed),
      String(step),
      t.toFixed(3),
      [triple.p, triple.q, triple.r].map((i) => short[i]!).join(' – '),
      Number.isFinite(triple.slack) ? formatMeasure(triple.slack) : '∞',
      formatMeasure(triple.straightness),
      formatSigned(triple.cosine, 3),
      triple.ordered ? 'yes' : 'no',
    ]),
  };
}

const STYLE = `
body { max-width: 860px; margin: 2rem auto; padding: 0 1rem; font: 15px/1.5 system-ui, 'Segoe UI', Roboto, sans-serif; color: #15191d; background: #fff; }
h1 { font-size: 1.5rem; } h2 { margin-top: 2rem; font-size: 1.15rem; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px; border-bottom: 1px solid #d3d7db; text-align: right; }
th:first-child, td:first-child { text-align: left; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 1rem; } dt { color: #4d565f; } dd { margin: 0; }
.badge { padding: 6px 12px; border: 1px solid #8a4b00; border-radius: 6px; color: #8a4b00; font-weight: 600; }
figure { margin: 1.5rem 0; overflow-x: auto; } svg { max-width: 100%; height: auto; border: 1px solid #d3d7db; border-radius: 6px; }
details { overflow-x: auto; } summary { cursor: pointer; color: #0b6b7b; }`;

export interface ReportParts {
  readonly run: OrdinalityRun;
  readonly planned: number;
  readonly charts: readonly Chart[];
  readonly caption: string;
  readonly worst: ChartTable;
  readonly made: Date;
}

export function reportHtml({ run, planned, charts, caption, worst, made }: ReportParts): string {
  const { request, manifest, trajectories } = run;
  const facts: [string, string][] = [
    ['Model', `${manifest.title} (${manifest.id})`],
    ['Scale', manifest.scale],
    ['Grades', manifest.grades.map((g) => `${g.short}, ${g.label}`).join('; ')],
    ...request.variants.map((key): [string, string] => [
      `Weights of ${manifest.variants[key]?.title ?? key}`,
      `SHA-256 ${manifest.variants[key]?.sha256 ?? '–'}`,
    ]),
    ['Seeds', formatSeeds(request.seeds)],
    ['Pictures drawn at', request.severities.join(', ')],
    [
      'Sampler',
      `${request.sampler}, ${request.steps} steps, guidance ${request.guidance}` +
        (request.sampler === 'ddim' ? `, eta ${request.eta}` : ''),
    ],
    ['Trajectories', `${trajectories.length} of ${planned}`],
    ['Computed by', run.computedBy],
    ['Studio', `${run.studio}, ${made.toISOString()}`],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Order of the grades: ${escape(manifest.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Order of the grades: ${escape(manifest.title)}</h1>
<p class="badge">Synthetic – not a patient, not for diagnosis. An order of noise estimates is not an order of lesions.</p>
<dl>${facts.map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`).join('')}</dl>
<h2>How to read this</h2>
<p>At every step of a sampling run, the noise that the model estimates for each grade is compared from the very same noisy
picture. Distances are root-mean-square over the values of the estimates (standard noise has 1). For grades p &lt; q &lt; r:
slack is (d<sub>pq</sub> + d<sub>qr</sub>) / d<sub>pr</sub> − 1, 0 on a straight, ordered line; straightness is d<sub>pr</sub> / (d<sub>pq</sub> + d<sub>qr</sub>), 1 on
such a line; the cosine is that of the angle at q, 1 on such a line; the order is kept where d<sub>pr</sub> is the longest of the three.
Means are over seeds, after averaging the pictures and triples of each; intervals are 95 % percentile bootstraps over seeds.</p>
${charts
  .map(
    (chart) =>
      `<figure>${chartSvg(chart, caption)}<details><summary>${escape(chart.title)} as a table</summary>${table(chart.table)}</details></figure>`,
  )
  .join('\n')}
${worst.rows.length > 0 ? `<h2>Farthest from a straight, ordered line</h2>\n${table(worst)}` : ''}
</body>
</html>
`;
}
