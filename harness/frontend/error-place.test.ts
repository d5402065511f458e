import { describe, expect, test } from 'vitest';
import { errorPlace } from './error-place.ts';

// As IPython 9.18 has them, with the colours of one header.
const IN_A_LIBRARY = [
  '---------------------------------------------------------------------------',
  'JSONDecodeError                           Traceback (most recent call last)',
  "\u001b[36mCell\u001b[39m\u001b[36m \u001b[39m\u001b[32mIn[3]\u001b[39m\u001b[32m, line 2\u001b[39m\n      1 import json\n----> 2 json.loads('{')\n",
  'File ~/lib/python3.11/json/__init__.py:346, in loads(s, cls, **kw)\n    341     s = s.decode()\n',
  'File ~/lib/python3.11/json/decoder.py:353, in JSONDecoder.raw_decode(self, s, idx)\n    344 """File x.py:1"""\n',
  'JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)',
];

describe('the place of an error', () => {
  test('is the line of the cell and the last frame, without folders', () => {
    expect(errorPlace(IN_A_LIBRARY)).toEqual({ line: 2, frame: 'decoder.py:353 JSONDecoder.raw_decode' });
  });

  test.each([
    ['in the cell itself', ['Cell In[4], line 1\n----> 1 1/0\n'], { line: 1 }],
    [
      'in a function of an earlier cell',
      ['Cell In[2], line 2\n----> 2 f(3)\n', 'Cell In[1], line 7, in f(x)\n----> 7     assert x == 2\n'],
      { line: 2, frame: 'cell:7 f' },
    ],
    [
      'in IPython 8.0',
      ['Input \u001b[0;32mIn [1]\u001b[0m, in \u001b[0;36m<cell line: 3>\u001b[0;34m()\u001b[0m'],
      { line: 3 },
    ],
    ['in IPython 7', ['/tmp/ipykernel_17/4242.py in <module>\n', '/usr/lib/x.py in f(a)'], {}],
    [
      "in Python's own words",
      'Traceback (most recent call last):\n  File "/opt/a b/run.py", line 12, in main\n    go()\nValueError: x',
      { frame: 'run.py:12 main' },
    ],
    [
      'of the last of a chain',
      [
        'Cell In[2], line 1',
        'KeyError: 1',
        '\nThe above exception was the direct cause of the following exception:\n',
        'Cell In[2], line 5',
      ],
      { line: 5 },
    ],
    ['of another language', ['Error in f(): no', 'Traceback:', '1. f()'], {}],
    ['of nothing', null, {}],
    ['of no strings', [1, { a: 1 }, null], {}],
  ])('%s', (_where, traceback, place) => {
    expect(errorPlace(traceback)).toEqual(place);
  });

  test('is bounded, and holds nothing that a terminal would obey', () => {
    const hostile = `File /x/${'a'.repeat(10_000)}\u001b]0;t\u0007\u202e.py:1, in f`;
    const many = Array.from({ length: 10_000 }, () => hostile);
    const { frame = '' } = errorPlace([...many, 'File /x/\u001b]0;t\u0007b\u202e.py:1, in \u0007f']);
    expect(frame).toBe('b.py:1 f');
    expect(JSON.stringify(errorPlace(many)).length).toBeLessThan(200);
    expect(errorPlace(`Cell In[1], line ${'9'.repeat(400)}`)).toEqual({});
  });
});
