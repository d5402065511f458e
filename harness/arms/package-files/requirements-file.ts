import { PackageCollector, type PackageList } from './package-list.ts';

/** Reads a file that `-r` or `-c` names, relative to the file that names it. */
export type ReadIncluded = (
  path: string,
) => Promise<{ readonly text: string; readonly readIncluded: ReadIncluded }>;

/** Files in files, at most: one that includes itself has no end. */
const DEPTH = 10;

/**
 * A requirements file as pip reads it: names with or without versions, markers, `-r`, `-c`, comments, continued lines.
 * Hashes are passed over. Addresses, folders, editable installs and options of the installer are left out.
 */
export async function requirementsFile(text: string, readIncluded: ReadIncluded): Promise<PackageList> {
  const collector = new PackageCollector();
  await collectLines(collector, text, readIncluded, { isConstraints: false, depth: 0 });
  return collector.list(false);
}

interface Place {
  readonly isConstraints: boolean;
  readonly depth: number;
}

async function collectLines(
  collector: PackageCollector,
  text: string,
  readIncluded: ReadIncluded,
  { isConstraints, depth }: Place,
): Promise<void> {
  for (const line of logicalLines(text)) {
    const [, option, path] = /^(?:-r|--requirement|(-c|--constraint))(?:\s+|\s*=\s*)(.+)$/.exec(line) ?? [];
    if (path !== undefined) {
      if (depth >= DEPTH) throw new Error(`it includes files more than ${DEPTH} deep`);
      const included = await readIncluded(path.trim());
      await collectLines(collector, included.text, included.readIncluded, {
        isConstraints: isConstraints || option !== undefined,
        depth: depth + 1,
      });
      continue;
    }
    collectRequirement(collector, line, isConstraints);
  }
}

/** One requirement of a requirements file, of `pip freeze` or of the `pip:` part of an environment file. */
export function collectRequirement(collector: PackageCollector, line: string, isConstraint = false): void {
  const plain = line.replace(/\s+--hash[=\s]\S+/g, '').trim();
  if (/^(?:-e|--editable)\b/.test(plain)) {
    collector.leaveOut(plain.replace(/^\S+\s*/, ''), 'it is installed from a folder');
    return;
  }
  if (plain.startsWith('-')) {
    collector.leaveOut(
      plain.split(/[\s=]/)[0] ?? plain,
      'an option of the installer; its own settings decide',
    );
    return;
  }
  if (plain.includes('${')) {
    collector.leaveOut(plain, 'it has an environment variable in it');
    return;
  }
  const [requirement = '', ...marker] = plain.split(/\s*;\s*/);
  // `name @ address`: the name says more than the address, which may hold a password.
  const [, named] = /^([\w.[\],-]+?)\s*@/.exec(requirement) ?? [];
  if (named !== undefined || /:\/\/|^[./\\~]|^[A-Za-z]:[\\/]/.test(requirement)) {
    collector.leaveOut(named ?? requirement, 'it comes from an address or a folder');
    return;
  }
  if (isConstraint) collector.pinLine(requirement, marker.join(' ; '));
  else collector.require(requirement, marker.join(' ; '));
}

function logicalLines(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .replace(/\\\r?\n\s*/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}
