import { afterAll } from 'vitest';
import { removeTemporaryFolders } from './temporary-folder.ts';

// A set-up file, since a worker of the fast tests runs many files: a hook in a module that it loads once would be a
// hook of the first file alone.
afterAll(removeTemporaryFolders);
