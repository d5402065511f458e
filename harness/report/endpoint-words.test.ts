import { expect, test } from 'vitest';
import { code, line } from './document.ts';
import { endpointBlocks, endpointLine, endpointText } from './endpoint-words.ts';

test('words of wedges become words of stalls where stalls are counted, and only there', () => {
  const words = 'Wedged runs: a wedge, two wedges, wedging at this wedge rate';
  expect(endpointText(words, 'stalled')).toBe(
    'Stalled runs: a stall, two stalls, stalling at this stall rate',
  );
  expect(endpointText(words, 'wedged')).toBe(words);
  expect(endpointText(words, undefined)).toBe(words);
});

test("the kernel's own wedges keep their name", () => {
  for (const words of ['1 wedged-mute', 'wedged, without a certificate', 'wedged, certified: the request']) {
    expect(endpointText(words, 'stalled')).toBe(words);
  }
});

test('content stays as it is', () => {
  const seen = endpointLine(line`${code('wedged-arm wedged')} wedged`, 'stalled');
  expect(seen).toEqual([code('wedged-arm wedged'), { kind: 'text', text: ' stalled' }]);
  expect(endpointBlocks([{ kind: 'verbatim', content: 'wedged', language: 'sh' }], 'stalled')).toEqual([
    { kind: 'verbatim', content: 'wedged', language: 'sh' },
  ]);
});
