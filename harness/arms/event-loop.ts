import { SoakError } from '../model/errors.ts';
import type { EventLoop } from './arm-words.ts';

/**
 * Refuses an arm's event loop where there is no choice of one: elsewhere than on Windows asyncio has a
 * selector loop only, and such an arm would be control under another name.
 *
 * @throws SoakError `bad-arm`
 */
export function assertEventLoop(loop: EventLoop, platform: NodeJS.Platform): void {
  if (platform === 'win32') return;
  throw new SoakError(
    'bad-arm',
    `The event loop ${loop} can be chosen on Windows only. This is ${platform}, where asyncio has a selector loop and no proactor, so that every arm runs the same.`,
    { remedy: 'Leave the event loop out here, or run the arm on Windows.' },
  );
}
