/** `npm run generate`: n pictures a grade with consecutive seeds into a folder, laid out as a data set. */
import { availableParallelism } from 'node:os';
import { StudioError } from '../src/errors';
import { parseShard } from '../src/exchange/dataset';
import { SAMPLERS } from '../src/models/request';
import { command, helpText, readChoice, readNumber, readOptions, UsageError, type Option } from './arguments';
import { openBundle } from './bundle';
import { generate, planOf } from './generateRun';

const OPTIONS = {
  model: { value: 'NAME', help: 'folder under models/, or the path of a bundle' },
  variant: { value: 'NAME', help: 'variant of the model', default: 'odm' },
  grade: { value: 'LIST', help: 'grades or severities, separated by commas, or all', default: 'all' },
  count: { value: 'N', help: 'pictures a grade', default: '10' },
  seed: { value: 'N', help: 'the first seed', default: '0' },
  out: { value: 'DIR', help: 'folder for the pictures; one that holds part of the same set is gone on with' },
  shard: { value: 'I/N', help: 'draw only the I-th of N parts, e.g. 1/4 in an array job', default: '1/1' },
  sampler: { value: 'NAME', help: `${SAMPLERS.join(', ')} (the model's own default)` },
  steps: { value: 'N', help: "sampler steps (the model's own default)" },
  guidance: { value: 'G', help: "guidance scale (the model's own default)" },
  eta: { value: 'E', help: "DDIM's eta, 0..1 (0)" },
  strip: { help: 'burn “Synthetic – not a patient” in under each picture (it would be learned from them)' },
  threads: { value: 'N', help: 'threads of the runtime', default: String(availableParallelism()) },
} satisfies Record<string, Option>;

await command(async (argv, signal) => {
  const given = readOptions(OPTIONS, argv);
  if (given.help) {
    process.stdout.write(
      helpText(
        'npm run generate -- --model fundus-idrid --grade all --count 100 --seed 7 --out DIR',
        'Draws a set of synthetic pictures. Start it again to go on with one that was stopped.',
        OPTIONS,
      ),
    );
    return;
  }
  if (given.model === undefined) throw new UsageError('--model is needed.');
  const { out } = given;
  if (out === undefined) throw new UsageError('--out is needed.');
  const bundle = await openBundle(given.model);
  const { manifest } = bundle;
  const variant = readChoice('variant', given.variant ?? 'odm', Object.keys(manifest.variants));
  const plan = planOf(manifest, variant, given);
  const options = {
    shard: parseShard(given.shard ?? '1/1'),
    threads: readNumber('threads', given.threads ?? '1', { min: 1, max: 256, integer: true }),
    strip: Boolean(given.strip),
  };

  const start = Date.now();
  let lastShown = 0;
  await generate(bundle, plan, out, options, signal, (done, total) => {
    const now = Date.now();
    if (now - lastShown < 500 && done < total) return;
    lastShown = now;
    const left =
      done > 0 && done < total
        ? `, about ${Math.ceil((((now - start) / done) * (total - done)) / 1000)} s left`
        : '';
    process.stderr.write(`${done} of ${total} pictures${left}\n`);
  }).catch((thrown: unknown) => {
    if (!(thrown instanceof StudioError) || thrown.code !== 'cancelled') throw thrown;
    throw new StudioError({
      code: 'cancelled',
      message: 'Stopped; the pictures drawn so far are kept.',
      remedy: 'The same command goes on from there.',
    });
  });
  process.stdout.write(`${out}\n`);
});
