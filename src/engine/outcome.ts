/**
 * How results and errors cross the worker's border. A thrown error would lose its code on the way, so the worker's
 * functions never throw: they return an outcome, and the client turns a failed one back into a `StudioError`.
 */
import { ERROR_CODES, StudioError, type ErrorInfo } from '../errors';

export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ErrorInfo };

/** The outcome of a job; never rejects. */
export async function settle<T>(job: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await job() };
  } catch (thrown) {
    return { ok: false, error: StudioError.from(thrown).toInfo() };
  }
}

/** The value of an outcome. @throws StudioError with the code, remedy and detail that it had in the worker. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  const { error } = outcome;
  // A worker of another release may know codes that this page does not.
  throw StudioError.fromInfo(ERROR_CODES.includes(error.code) ? error : { ...error, code: 'internal' });
}
