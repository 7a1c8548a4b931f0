/** The one file of the command line that talks to onnxruntime-node: a bundle's network on the CPU. */
import { InferenceSession, Tensor, env } from 'onnxruntime-node';
import { StudioError } from '../src/errors';
import {
  inputForm,
  networkOf,
  requireNames,
  type Network,
  type PlainTensor,
  type RunBatch,
} from '../src/models/network';
import { invalidRequest } from '../src/models/sampling';
import { readVerified, type Bundle } from './bundle';

export interface CliNetwork extends Network {
  release(): Promise<void>;
}

/** onnxruntime-node's version, as results name it. */
export const RUNTIME_VERSION: string = env.versions.node ?? env.versions.common;

const toTensor = ({ type, data, dims }: PlainTensor): Tensor =>
  type === 'float32' ? new Tensor(type, data, dims) : new Tensor(type, data, dims);

/** How a session runs a batch of plain tensors. */
export function runBatchOf(session: InferenceSession): RunBatch {
  return async (inputs, output, read) => {
    const feeds = Object.entries(inputs).map(([name, tensor]) => [name, toTensor(tensor)] as const);
    return read((await session.run(Object.fromEntries(feeds), [output]))[output]);
  };
}

/** A session of an ONNX file. @throws StudioError `model-unsupported`. */
export async function openOnnx(weights: Uint8Array, threads: number): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(weights, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
  } catch (thrown) {
    throw new StudioError({
      code: 'model-unsupported',
      message: `The runtime can't open this model: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      remedy: 'Export it with operators that onnxruntime knows.',
      cause: thrown,
    });
  }
}

/**
 * The network of one variant.
 * @param threads how many threads an evaluation may use; 0 lets the runtime choose.
 * @throws StudioError `request-invalid` for an unknown variant, or as `readVerified`, `openOnnx` and `Network.run`.
 */
export async function openNetwork(bundle: Bundle, variant: string, threads: number): Promise<CliNetwork> {
  const { manifest } = bundle;
  const entry = manifest.variants[variant];
  if (!entry) {
    throw invalidRequest(
      `The model ${manifest.id} has no variant ${variant}; there are ${Object.keys(manifest.variants).join(', ')}.`,
    );
  }
  const weights = await readVerified(bundle, entry);
  const session = await openOnnx(weights, threads);
  requireNames(manifest, variant, session);
  return {
    ...networkOf(manifest, variant, inputForm(weights, manifest, variant), runBatchOf(session)),
    release: () => session.release(),
  };
}
