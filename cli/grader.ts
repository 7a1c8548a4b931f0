/** The bundle's grader on onnxruntime-node: the probabilities of the grades for one picture. */
import { graderOf } from '../src/models/network';
import { readVerified, type Bundle } from './bundle';
import { openOnnx, runBatchOf } from './session';

export interface Grader {
  /** See `graderOf`. */
  read(picture: Float32Array): Promise<number[]>;
  release(): Promise<void>;
}

/** Opens the grader of a bundle, or nothing when it has none. @throws StudioError as `readVerified` and `openOnnx`. */
export async function openGrader(bundle: Bundle, threads: number): Promise<Grader | null> {
  const { manifest } = bundle;
  if (!manifest.grader) return null;
  const session = await openOnnx(await readVerified(bundle, manifest.grader), threads);
  return {
    read: graderOf(manifest, manifest.grader, runBatchOf(session)),
    release: () => session.release(),
  };
}
