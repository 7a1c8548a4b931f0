import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StudioError } from '../../errors';
import { parseLesson } from './schema';

const folder = new URL('./library/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8');

describe('the lessons of the page', () => {
  it('are three, each under its own name', () => {
    expect(files).toHaveLength(3);
    for (const file of files) {
      const lesson = parseLesson(read(file), file);
      expect(file).toMatch(new RegExp(`^\\d-${lesson.id}\\.json$`));
      // The person is to do something, not only to read.
      expect(lesson.steps.filter((step) => step.goal).length).toBeGreaterThanOrEqual(4);
    }
  });

  it('the example in the documentation is a lesson', () => {
    const page = readFileSync(new URL('../../../docs/lessons.md', import.meta.url), 'utf8');
    const example = /```json\n([\s\S]*?)```/.exec(page)?.[1];
    expect(parseLesson(example!, 'docs/lessons.md').steps.length).toBeGreaterThan(0);
  });
});

describe('what is wrong with a file', () => {
  const good = JSON.parse(read(files[0]!)) as Record<string, unknown>;
  const fault = (change: (lesson: Record<string, unknown>) => void, text?: string) => {
    const lesson = structuredClone(good);
    change(lesson);
    try {
      parseLesson(text ?? JSON.stringify(lesson), 'mine.json');
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(StudioError);
      expect((thrown as StudioError).code).toBe('lesson-invalid');
      return (thrown as StudioError).message;
    }
    throw new Error('it was taken');
  };

  it('is said, with the place', () => {
    expect(fault(() => undefined, '{')).toContain('it is not JSON');
    expect(fault((l) => (l['formatVersion'] = 2))).toContain('format version 2');
    expect(fault((l) => (l['minutes'] = 0))).toContain('minutes');
    expect(fault((l) => (l['colour'] = 'red'))).toContain('colour');
    expect(fault((l) => ((l['steps'] as { title: string }[])[1]!.title = ''))).toContain(
      'steps, number 2, title',
    );
    expect(fault((l) => ((l['steps'] as { control?: string }[])[0]!.control = 'knob'))).toContain('control');
    expect(fault((l) => (l['steps'] = [{ title: 'a', text: ['b'], goal: { on: 'playing' } }]))).toContain(
      'a goal needs a task',
    );
  });
});
