/** The bundle's grader on onnxruntime-node: the probabilities of the grades for one picture. */
import { Tensor } from 'onnxruntime-node';
import { gradesRead } from '../src/models/network';
import { readVerified, type Bundle } from './bundle';
import { openOnnx } from './session';

export interface Grader {
  /** Probabilities of the grades for a flat CHW picture in -1..1. */
  read(picture: Float32Array): Promise<number[]>;
  release(): Promise<void>;
}

/** Opens the grader of a bundle, or nothing when it has none. @throws StudioError as `readVerified` and `openOnnx`. */
export async function openGrader(bundle: Bundle, threads: number): Promise<Grader | null> {
  const { grader, image, grades } = bundle.manifest;
  if (!grader) return null;
  const session = await openOnnx(await readVerified(bundle, grader), threads);
  return {
    async read(picture) {
      const input = new Tensor('float32', picture, [1, image.channels, image.height, image.width]);
      const results = await session.run({ [grader.input.name]: input }, [grader.output.name]);
      return gradesRead(results[grader.output.name], grades.length);
    },
    release: () => session.release(),
  };
}
