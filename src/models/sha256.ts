/** The hash by which a manifest names its files. */
import { StudioError } from '../errors';

/** Lower-case hexadecimal SHA-256. @throws StudioError `download-failed` outside a secure context. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // Absent on plain http other than localhost, whatever the type says.
  const subtle = globalThis.crypto.subtle as SubtleCrypto | undefined;
  if (!subtle) {
    throw new StudioError({
      code: 'download-failed',
      message: 'The weights cannot be verified, because this page was not opened securely.',
      remedy: 'Open the studio over https, or on localhost.',
    });
  }
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
