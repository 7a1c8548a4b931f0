/** Drawing on the command line: the finished picture of a request, step by step so that it can be stopped. */
import { cancelled } from '../src/errors';
import type { BundleManifest } from '../src/models/manifest';
import type { Network } from '../src/models/network';
import type { SampleRequest } from '../src/models/request';
import { sampleSteps } from '../src/models/sampling';

/**
 * The finished picture, flat CHW in the model's range.
 * @throws StudioError `request-invalid`, `cancelled`, or as `Network.run`.
 */
export async function draw(
  manifest: BundleManifest,
  network: Network,
  request: SampleRequest,
  signal: AbortSignal,
): Promise<Float32Array> {
  let picture = new Float32Array(0);
  for await (const { x } of sampleSteps(manifest, network, request)) {
    if (signal.aborted) throw cancelled();
    picture = x as Float32Array<ArrayBuffer>;
  }
  return picture;
}
