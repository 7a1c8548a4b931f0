/**
 * `npm run qa`: measures the order of the grades along sampling trajectories, as the Ordinality workspace does, and
 * writes every number to a folder. Each trajectory is one line of `trajectories.jsonl`, so a run that was stopped goes on
 * where it was; the tables and the summary are written from these lines.
 */
import { availableParallelism } from 'node:os';
import { StudioError } from '../src/errors';
import { isDiffusion } from '../src/models/manifest';
import { SAMPLERS } from '../src/models/request';
import { parseSeeds } from '../src/models/seeds';
import { samplingDefaults } from '../src/models/variants';
import { command, helpText, readChoice, readNumber, readOptions, UsageError, type Option } from './arguments';
import { openBundle } from './bundle';
import { runQa } from './qaRun';

const OPTIONS = {
  model: { value: 'NAME', help: 'folder under models/, or the path of a bundle' },
  seeds: { value: 'LIST', help: 'seeds, as 0..63 or 1,5,9..12', default: '0..15' },
  out: { value: 'DIR', help: 'folder for the results; one that holds part of the same run is gone on with' },
  variants: { value: 'LIST', help: 'variants, separated by commas (all diffusion variants of the model)' },
  severities: { value: 'LIST', help: 'severities drawn, separated by commas (every grade)' },
  sampler: { value: 'NAME', help: `${SAMPLERS.join(', ')} (the model's own default)` },
  steps: { value: 'N', help: "sampler steps (the model's own default)" },
  guidance: { value: 'G', help: 'guidance scale', default: '1' },
  eta: { value: 'E', help: "DDIM's eta, 0..1", default: '0' },
  threads: { value: 'N', help: 'threads of the runtime', default: String(availableParallelism()) },
} satisfies Record<string, Option>;

const list = (text: string) => text.split(',').map((part) => part.trim());

await command(async (argv, signal) => {
  const given = readOptions(OPTIONS, argv);
  if (given.help) {
    process.stdout.write(
      helpText(
        'npm run qa -- --model phantom --seeds 0..63 --out DIR',
        'Measures whether the grades’ noise estimates lie in order on a line, along sampling trajectories.',
        OPTIONS,
      ),
    );
    return;
  }
  if (given.model === undefined) throw new UsageError('--model is needed.');
  if (given.out === undefined) throw new UsageError('--out is needed.');
  const bundle = await openBundle(given.model);
  const { manifest } = bundle;
  // A generator has no trajectory to measure along.
  const measurable = Object.keys(manifest.variants).filter((key) => isDiffusion(manifest.variants[key]!));
  const variants = given.variants === undefined ? measurable : list(given.variants);
  for (const key of variants) readChoice('variants', key, measurable);
  const defaults = samplingDefaults(manifest, variants[0]!);
  const finite = { min: -1e6, max: 1e6 };
  const request = {
    model: manifest.id,
    variants,
    severities:
      given.severities === undefined
        ? manifest.grades.map((g) => g.value)
        : list(given.severities).map((text) => readNumber('severities', text, finite)),
    seeds: parseSeeds(given.seeds ?? ''),
    sampler: given.sampler === undefined ? defaults.sampler : readChoice('sampler', given.sampler, SAMPLERS),
    steps:
      given.steps === undefined
        ? defaults.steps
        : readNumber('steps', given.steps, { min: 1, max: 1000, integer: true }),
    guidance: readNumber('guidance', given.guidance ?? '1', { min: 0, max: 20 }),
    eta: readNumber('eta', given.eta ?? '0', { min: 0, max: 1 }),
  };
  const threads = readNumber('threads', given.threads ?? '1', { min: 1, max: 256, integer: true });

  const start = Date.now();
  let resumed: number | undefined;
  let lastShown = 0;
  const files = await runQa(bundle, request, given.out, threads, signal, (done, planned) => {
    resumed ??= done;
    const now = Date.now();
    if (now - lastShown < 500 && done < planned) return;
    lastShown = now;
    const perOne = (now - start) / Math.max(1, done - resumed);
    const left = done > resumed ? `, about ${Math.ceil(((planned - done) * perOne) / 1000)} s left` : '';
    process.stderr.write(`${done} of ${planned} trajectories${done < planned ? left : ''}\n`);
  }).catch((thrown: unknown) => {
    if (!(thrown instanceof StudioError) || thrown.code !== 'cancelled') throw thrown;
    throw new StudioError({
      code: 'cancelled',
      message: 'Stopped.',
      remedy: 'The same command goes on from here.',
    });
  });
  process.stdout.write(files.map((file) => `${file}\n`).join(''));
});
