import { describe, expect, test } from 'vitest';
import { StudioError, type ErrorCode } from '../errors';
import { settle, unwrap, type Outcome } from './outcome';

const wire = <T>(outcome: Outcome<T>): Outcome<T> => structuredClone(outcome);

describe('outcomes', () => {
  test('a value comes through', async () => {
    expect(unwrap(wire(await settle(async () => ({ x: Float32Array.of(1, 2) }))))).toEqual({
      x: Float32Array.of(1, 2),
    });
  });

  test('a StudioError comes through with everything it says', async () => {
    const info = { code: 'hash-mismatch', message: 'm', remedy: 'r', detail: 'd' } as const;
    const outcome = wire(await settle(() => Promise.reject(new StudioError(info))));
    try {
      unwrap(outcome);
      expect.unreachable();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(StudioError);
      expect((thrown as StudioError).toInfo()).toEqual(info);
    }
  });

  test.each([new TypeError('x is not a function'), 'a string', undefined])(
    'anything else thrown: %s',
    async (thrown) => {
      const outcome = wire(await settle(() => Promise.reject(thrown)));
      expect(outcome).toMatchObject({ ok: false, error: { code: 'internal' } });
      expect(() => unwrap(outcome)).toThrow(StudioError);
    },
  );

  test('a code that this page does not know is internal', () => {
    const error = { code: 'of-the-future' as ErrorCode, message: 'm', remedy: 'r', detail: '' };
    expect(() => unwrap({ ok: false, error })).toThrow(
      expect.objectContaining({ code: 'internal', message: 'm' }),
    );
  });
});
