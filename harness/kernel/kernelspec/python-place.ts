import { z } from 'zod';
import { deadlineMs } from '../../model/deadlines.ts';
import { type Command, pythonCandidates } from '../environment/platform.ts';
import { runCommand } from '../environment/run-command.ts';
import type { PythonPlace } from './search-paths.ts';

// Without -s or -I, which would switch off the user's site folder that is asked about. The path of the working
// folder goes first: a file named json.py there would otherwise be run.
const ASK = `
import sys
sys.path = [p for p in sys.path if p]
import json, os, site
owns = os.access(sys.prefix, os.W_OK) if not hasattr(os, "geteuid") else os.stat(sys.prefix).st_uid == os.geteuid()
print(json.dumps({
    "kernelSoak": 1,
    "executable": sys.executable,
    "version": "%d.%d" % sys.version_info[:2],
    "prefix": sys.prefix,
    "isOwnVirtual": bool(sys.prefix != getattr(sys, "base_prefix", sys.prefix) and owns),
    "userBase": site.getuserbase() if site.ENABLE_USER_SITE and hasattr(site, "getuserbase") else None,
}))
`;

const answerSchema = z.object({
  kernelSoak: z.literal(1),
  executable: z.string().min(1),
  version: z.string(),
  prefix: z.string().min(1),
  isOwnVirtual: z.boolean(),
  userBase: z.string().nullable(),
});

/**
 * The Python whose kernelspecs are found: `python` where it is given, else the first on PATH, which in an
 * activated environment is that environment's. `null` when there is none: kernels in other languages need none.
 */
export async function findPythonPlace(
  python: string | undefined,
  signal?: AbortSignal,
): Promise<PythonPlace | null> {
  const candidates: readonly Command[] =
    python === undefined ? pythonCandidates(process.platform) : [[python]];
  for (const [executable, ...args] of candidates) {
    const { code, stdout } = await runCommand(executable, [...args, '-c', ASK], {
      timeoutMs: deadlineMs('identify-python'),
      signal,
    });
    if (code !== 0) continue;
    try {
      const line = stdout.trim().split('\n').at(-1) ?? '';
      const { kernelSoak: _, ...place } = answerSchema.parse(JSON.parse(line));
      return place;
    } catch {
      // It ran and is no Python: the next candidate may be one.
    }
  }
  return null;
}
