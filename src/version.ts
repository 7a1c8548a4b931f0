/** The versions of the studio and of its runtime, from the one place that names them: package.json. */
import { dependencies, version } from '../package.json';

export const STUDIO_VERSION: string = version;

/** What computes in the browser, as a picture's record names it. */
export const VERSIONS: Record<string, string> = {
  studio: version,
  'onnxruntime-web': dependencies['onnxruntime-web'],
};
