import { expect, test } from 'vitest';
import { helpText, readChoice, readNumber, readOptions, UsageError, type Option } from './arguments';

const OPTIONS = {
  model: { value: 'NAME', help: 'which model' },
  steps: { value: 'N', help: 'how many steps', default: '20' },
  resume: { help: 'go on' },
} satisfies Record<string, Option>;

test('reads options, with their defaults', () => {
  expect(readOptions(OPTIONS, ['--model', 'phantom', '--resume'])).toEqual({
    model: 'phantom',
    steps: '20',
    resume: true,
  });
  expect(readOptions(OPTIONS, ['--steps=5'])).toEqual({ steps: '5' });
});

test.each([[['--modle', 'x']], [['--model']], [['phantom']]])('does not guess at %j', (argv) => {
  expect(() => readOptions(OPTIONS, argv)).toThrow(UsageError);
});

test('numbers and words are checked', () => {
  expect(readNumber('steps', '5', { min: 1, max: 9, integer: true })).toBe(5);
  for (const text of ['', 'x', '0', '10', '1.5']) {
    expect(() => readNumber('steps', text, { min: 1, max: 9, integer: true })).toThrow(UsageError);
  }
  expect(readChoice('sampler', 'ddim', ['ddim', 'ddpm'])).toBe('ddim');
  expect(() => readChoice('sampler', 'euler', ['ddim', 'ddpm'])).toThrow(/ddim, ddpm/);
});

test('the help names every option', () => {
  const text = helpText('npm run x -- --model NAME', 'Does x.', OPTIONS);
  expect(text).toContain('--model NAME');
  expect(text).toContain('how many steps (20)');
});
