/**
 * The one error type of the studio. Every failure that a person can meet has a `code` here, a sentence that says what
 * happened, and a `remedy` that says what to do. Errors cross the worker boundary as plain `ErrorInfo` values.
 */

export const ERROR_CODES = [
  'catalogue-invalid',
  'manifest-invalid',
  'weights-missing',
  'hash-mismatch',
  'download-failed',
  'model-unsupported',
  'parity-failed',
  'webgpu-unavailable',
  'device-lost',
  'worker-crashed',
  'output-not-finite',
  'request-invalid',
  'import-invalid',
  'file-invalid',
  'link-invalid',
  'storage-full',
  'storage-failed',
  'export-failed',
  'lesson-invalid',
  'cancelled',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** A `StudioError` as a structured-cloneable value. */
export interface ErrorInfo {
  readonly code: ErrorCode;
  /** What happened, one sentence. */
  readonly message: string;
  /** What the person can do about it, one sentence. */
  readonly remedy: string;
  /** Technical detail for a bug report (a stack, a URL, two hashes); may be empty. */
  readonly detail: string;
}

export class StudioError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly detail: string;

  constructor(info: { code: ErrorCode; message: string; remedy: string; detail?: string; cause?: unknown }) {
    super(info.message, { cause: info.cause });
    this.name = 'StudioError';
    this.code = info.code;
    this.remedy = info.remedy;
    this.detail = info.detail ?? '';
  }

  toInfo(): ErrorInfo {
    return { code: this.code, message: this.message, remedy: this.remedy, detail: this.detail };
  }

  static fromInfo(info: ErrorInfo): StudioError {
    return new StudioError(info);
  }

  /** Wraps anything that was thrown; a `StudioError` passes through unchanged. */
  static from(thrown: unknown, code: ErrorCode = 'internal'): StudioError {
    if (thrown instanceof StudioError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new StudioError({
      code,
      message: message || 'Something failed without saying why.',
      remedy: 'Try again; if it happens again, reload the page.',
      detail: thrown instanceof Error ? (thrown.stack ?? '') : '',
      cause: thrown,
    });
  }
}

/** The error of a job or a download that an AbortSignal ended. */
export function cancelled(): StudioError {
  return new StudioError({
    code: 'cancelled',
    message: 'Cancelled.',
    remedy: 'Start again when you like; what was made so far is kept.',
  });
}
