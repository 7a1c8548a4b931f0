/** Values for the property tests of the codecs. */
import fc from 'fast-check';
import { changeGrade, SAMPLERS, type SampleRequest } from '../models/request';

/** No -0: JSON and links write it as 0, and it asks for the same picture. */
const positiveZero = (value: number) => (value === 0 ? 0 : value);
const number = (min: number, max: number) =>
  fc.double({ min, max, noNaN: true, noDefaultInfinity: true }).map(positiveZero);
const name = fc.string({ unit: 'grapheme', minLength: 1 });

/** Any request that the schema allows. */
export function anyRequest(): fc.Arbitrary<SampleRequest> {
  const severity = fc.oneof(
    number(-10, 10),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(positiveZero),
  );
  const plain = fc.record({
    model: name,
    variant: name,
    severity,
    seed: fc.nat(0xffffffff),
    sampler: fc.constantFrom(...SAMPLERS),
    steps: fc.integer({ min: 1, max: 1000 }),
    guidance: number(0, 20),
    eta: number(0, 1),
  });
  const changes = fc.uniqueArray(fc.record({ severity, step: fc.integer({ min: 0, max: 999 }) }), {
    maxLength: 5,
    selector: ({ step }) => step,
  });
  // As a person makes them: one change after the other, wherever in the run.
  return fc
    .tuple(plain, fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, changes))
    .map(([request, made]) =>
      made
        .filter(({ step }) => step < request.steps)
        .reduce(
          (changed, { step, severity: to }) => changeGrade(changed, step, to),
          request as SampleRequest,
        ),
    );
}
