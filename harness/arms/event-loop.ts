import { SoakError } from '../model/errors.ts';
import type { EventLoop } from './arm-words.ts';

/**
 * Refuses an arm's event loop on any system but Windows. Elsewhere asyncio has only a selector loop, and the arm would
 * be control under another name.
 *
 * @throws SoakError `bad-arm`
 */
export function assertEventLoop(loop: EventLoop, platform: NodeJS.Platform): void {
  if (platform === 'win32') return;
  throw new SoakError(
    'bad-arm',
    `The event loop ${loop} can be chosen only on Windows. On ${platform}, asyncio has only a selector loop, so every arm runs the same.`,
    { remedy: 'Leave the event loop out here, or run the arm on Windows.' },
  );
}
