import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatRequests, parseRequests } from './requestTable';
import { anyRequest } from './testing';

it('tables bring any requests back', () => {
  fc.assert(
    fc.property(fc.array(anyRequest()), (requests) => {
      expect(parseRequests(formatRequests(requests))).toEqual(requests);
    }),
  );
});

it('tables say what is wrong with them', () => {
  const good = 'grade,seed,model,variant,sampler,steps,guidance,eta\n';
  const row = '2,7,phantom,odm,ddim,8,1,0\n';
  const fault = (text: string) => expect(() => parseRequests(text));
  fault('').toThrow(/columns/);
  fault(good.replace('seed,', '')).toThrow(/seed/);
  fault(good + row + '2,7\n').toThrow(/row 3/);
  fault(good + row.replace('7', '-1')).toThrow(/row 2/);
  fault(good + row.replace('ddim', 'euler')).toThrow(/row 2/);
  fault(`${good}"2,7`).toThrow(/quotation/);
  fault(`${good}"2"x,7`).toThrow(/quotation/);
  // Without the newest column, and with others beside it.
  expect(parseRequests(`file,${good}a.png,${row}`)).toHaveLength(1);
  const changed = good.replace('eta', 'eta,changed_from');
  expect(parseRequests(changed + row.replace('\n', ',0@4\n'))[0]?.changedFrom).toEqual([
    { severity: 0, step: 4 },
  ]);
  fault(changed + row.replace('\n', ',0@8\n')).toThrow(/row 2/);
});
