import { describe, expect, it } from 'vitest';
import { StudioError } from '../../../../errors';
import { exampleManifest } from '../../../../models/testing';
import { folderFiles, readFolder, readLabels } from './folder';

const manifest = exampleManifest();
const message = async (work: () => unknown) => {
  try {
    await work();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(StudioError);
    expect((thrown as StudioError).code).toBe('file-invalid');
    return (thrown as StudioError).message;
  }
  throw new Error('it was taken');
};

describe('labels.csv', () => {
  it('in any order of columns, with paths of any kind; files that are not there are left out', () => {
    const text = 'Grade,role,FILE\n2,test,a.png\n0,train,.\\sub\\b.png\n1,train,absent.png\n';
    expect(readLabels(text, (path) => ['a.png', 'sub/b.png'].includes(path), manifest)).toEqual([
      { file: 'a.png', grade: 2 },
      { file: 'sub/b.png', grade: 0 },
    ]);
  });

  it('says what is wrong with it', async () => {
    const read = (text: string) => message(() => readLabels(text, () => true, manifest));
    expect(await read('name,grade\na,1\n')).toContain('no column “file”');
    expect(await read('file,grade\na.png,7\n')).toContain('row 2 of labels.csv gives the grade “7”');
    expect(await read('file,grade\na.png,\n')).toContain('the grade “”');
    expect(await read('file,grade\n')).toContain('names none of its images');
  });
});

it('a folder is read by what lies below it', async () => {
  const file = (path: string, text = '') =>
    Object.assign(new File([text], path.split('/').at(-1)!), { webkitRelativePath: path });
  const files = folderFiles([
    file('mine/labels.csv', 'file,grade\nx/a.png,1\n'),
    file('mine/x/a.png', 'pixels'),
  ]);
  const { images, blobs } = await readFolder(files, manifest);
  expect(images).toEqual([{ file: 'x/a.png', grade: 1 }]);
  expect(await blobs.get('x/a.png')!.text()).toBe('pixels');
  expect(await message(() => readFolder(files.slice(1), manifest))).toContain('there is no labels.csv');
});
