/** An ordinality run into a folder: resumable, trajectory by trajectory; see `npm run qa`. */
import { appendFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cancelled, StudioError } from '../src/errors';
import { csvOf, ordinalityJson, tablesOf } from '../src/exchange/ordinality';
import {
  measure,
  ordinalityRequestSchema,
  plannedTrajectories,
  sampleRequestOf,
  trajectoryKey,
  trajectorySchema,
  type OrdinalityRequest,
  type Trajectory,
} from '../src/models/ordinality';
import { invalidRequest } from '../src/models/sampling';
import type { Bundle } from './bundle';
import { openGrader } from './grader';
import { openNetwork, RUNTIME_VERSION, type CliNetwork } from './session';
import { STUDIO_VERSION } from './version';

const readText = (file: string) =>
  readFile(file, 'utf8').catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw thrown;
  });

/** The lines of an earlier part of the run; one that was not written to its end is cut off. */
async function readTrajectories(file: string): Promise<Trajectory[]> {
  const text = await readText(file);
  if (text === null) return [];
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) await truncate(file, Buffer.byteLength(whole));
  return whole
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      try {
        return trajectorySchema.parse(JSON.parse(line));
      } catch (thrown) {
        throw new StudioError({
          code: 'request-invalid',
          message: `${file} holds a line that is no trajectory.`,
          remedy: 'Choose another folder for the results, or remove this file.',
          cause: thrown,
        });
      }
    });
}

/**
 * Runs what is not done yet and writes the results.
 * @param onProgress done and planned trajectories, once before the first and after each.
 * @returns the paths of the files written.
 * @throws StudioError `request-invalid` (also when the folder holds another run), `cancelled` (what is done stays), or
 * as `openNetwork` and `Network.run`.
 */
export async function runQa(
  bundle: Bundle,
  request: OrdinalityRequest,
  out: string,
  threads: number,
  signal: AbortSignal,
  onProgress: (done: number, planned: number) => void = () => undefined,
): Promise<string[]> {
  const parsed = ordinalityRequestSchema.safeParse(request);
  if (!parsed.success) throw invalidRequest('The request is not valid.', parsed.error.message);
  const { manifest } = bundle;
  const weights = Object.fromEntries(
    request.variants.map((key) => [key, manifest.variants[key]?.sha256 ?? null]),
  );
  await mkdir(out, { recursive: true });
  const asked = JSON.stringify({ request, weights, grader: manifest.grader?.sha256 ?? null }, null, 1) + '\n';
  const requestFile = path.join(out, 'request.json');
  const before = await readText(requestFile);
  if (before !== null && before !== asked) {
    throw new StudioError({
      code: 'request-invalid',
      message: `${out} holds results of other settings or other weights.`,
      remedy: 'Choose another folder for the results.',
    });
  }
  await writeFile(requestFile, asked);

  const lines = path.join(out, 'trajectories.jsonl');
  const done = new Map((await readTrajectories(lines)).map((one) => [trajectoryKey(one), one]));
  const planned = plannedTrajectories(request);
  const networks = new Map<string, CliNetwork>();
  const grader = await openGrader(bundle, threads);
  try {
    onProgress(done.size, planned.length);
    for (const name of planned) {
      if (done.has(trajectoryKey(name))) continue;
      let network = networks.get(name.variant);
      if (!network) networks.set(name.variant, (network = await openNetwork(bundle, name.variant, threads)));
      const { steps, picture } = await measure(manifest, network, sampleRequestOf(request, name), () => {
        if (signal.aborted) throw cancelled();
      });
      const one: Trajectory = { ...name, steps, read: grader ? await grader.read(picture) : null };
      await appendFile(lines, JSON.stringify(one) + '\n');
      done.set(trajectoryKey(name), one);
      onProgress(done.size, planned.length);
    }
  } finally {
    for (const network of networks.values()) await network.release();
    await grader?.release();
  }

  const run = {
    request,
    manifest,
    trajectories: planned.map((name) => done.get(trajectoryKey(name))!),
    computedBy: `onnxruntime-node ${RUNTIME_VERSION}, CPU, ${threads} thread${threads === 1 ? '' : 's'}`,
    studio: STUDIO_VERSION,
  };
  const files = [
    ...tablesOf(run).map((table) => ({ name: `${table.name}.csv`, text: csvOf(table) })),
    { name: 'ordinality.json', text: ordinalityJson(run) },
  ];
  for (const { name, text } of files) await writeFile(path.join(out, name), text);
  return [lines, ...files.map(({ name }) => path.join(out, name))];
}
