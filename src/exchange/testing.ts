/** Values for the property tests of the codecs. */
import fc from 'fast-check';
import { SAMPLERS, type SampleRequest } from '../models/request';

/** No -0: JSON and links write it as 0, and it asks for the same picture. */
const positiveZero = (value: number) => (value === 0 ? 0 : value);
const number = (min: number, max: number) =>
  fc.double({ min, max, noNaN: true, noDefaultInfinity: true }).map(positiveZero);
const name = fc.string({ unit: 'grapheme', minLength: 1 });

/** Any request that the schema allows. */
export function anyRequest(): fc.Arbitrary<SampleRequest> {
  return fc.record({
    model: name,
    variant: name,
    severity: fc.oneof(
      number(-10, 10),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(positiveZero),
    ),
    seed: fc.nat(0xffffffff),
    sampler: fc.constantFrom(...SAMPLERS),
    steps: fc.integer({ min: 1, max: 1000 }),
    guidance: number(0, 20),
    eta: number(0, 1),
  });
}
