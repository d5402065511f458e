import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../harness/model/package-root.ts';
import { layersPicture, withRooms } from './architecture.ts';

// Make the part of docs/architecture.md that follows from rooms.ts: node --import tsx tools/house/write-architecture.ts
const page = join(packageRoot(), 'docs', 'architecture.md');
const images = join(packageRoot(), 'docs', 'images');
writeFileSync(page, withRooms(readFileSync(page, 'utf8')));
mkdirSync(images, { recursive: true });
writeFileSync(join(images, 'rooms.svg'), layersPicture());
