import { parse } from 'smol-toml';
import { z } from 'zod';
import { PackageCollector, type PackageList } from './package-list.ts';

/** The group of development dependencies that uv and Poetry install unless told otherwise. */
const DEFAULT_GROUP = 'dev';

const uvDependencySchema = z.object({
  name: z.string(),
  marker: z.string().optional(),
  extra: z.array(z.string()).optional(),
});
const uvLockSchema = z.object({
  package: z.array(
    z.object({
      name: z.string(),
      version: z.string().optional(),
      source: z.record(z.string(), z.unknown()).default({}),
      'resolution-markers': z.array(z.string()).default([]),
      dependencies: z.array(uvDependencySchema).default([]),
      'optional-dependencies': z.record(z.string(), z.unknown()).default({}),
      'dev-dependencies': z.record(z.string(), z.array(uvDependencySchema)).default({}),
    }),
  ),
});

/** Sources of the project that a uv.lock is of, and of its workspace's members. */
const UV_PROJECT = ['virtual', 'editable', 'directory'];

/**
 * `uv.lock`: what the project and its group `dev` depend on is required, everything else in the lock is a pin. So the
 * installer itself decides what a marker asks for on this machine.
 */
export function uvLock(text: string): PackageList {
  const { package: packages } = uvLockSchema.parse(parse(text));
  const collector = new PackageCollector();
  let projects = 0;
  for (const each of packages) {
    const source = Object.keys(each.source)[0] ?? 'registry';
    if (UV_PROJECT.includes(source)) {
      projects += 1;
      collector.leaveOut(each.name, 'it is installed from a folder');
      const groups = each['dev-dependencies'];
      for (const { name, marker, extra = [] } of [...each.dependencies, ...(groups[DEFAULT_GROUP] ?? [])]) {
        const isProject = packages.some(
          (other) => other.name === name && UV_PROJECT.some((kind) => kind in other.source),
        );
        if (!isProject) collector.require(extra.length === 0 ? name : `${name}[${extra.join(',')}]`, marker);
      }
      leaveOutGroups(collector, Object.keys(groups), Object.keys(each['optional-dependencies']));
    } else if (source === 'registry' && each.version !== undefined) {
      collector.pin(each.name, each.version, eitherMarker(each['resolution-markers']));
    } else {
      collector.leaveOut(each.name, 'it comes from an address or a folder');
    }
  }
  if (projects === 0) throw new Error('it names no project');
  return withoutRequired(collector.list(true));
}

function leaveOutGroups(
  collector: PackageCollector,
  groups: readonly string[],
  extras: readonly string[],
): void {
  for (const group of groups.filter((name) => name !== DEFAULT_GROUP)) {
    collector.leaveOut(
      `the group ${group}`,
      'only the group dev is installed besides the project’s own dependencies',
    );
  }
  for (const extra of extras) collector.leaveOut(`the extra ${extra}`, 'extras are not installed');
}

function eitherMarker(markers: readonly string[]): string | undefined {
  return markers.length === 0 ? undefined : markers.map((marker) => `(${marker})`).join(' or ');
}

const poetryLockSchema = z.object({
  package: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      optional: z.boolean().default(false),
      /** Before Poetry 1.5. */
      category: z.string().optional(),
      /** Since Poetry 2. */
      groups: z.array(z.string()).optional(),
      markers: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
      dependencies: z.record(z.string(), z.unknown()).default({}),
      source: z.object({ type: z.string() }).optional(),
    }),
  ),
});

/**
 * `poetry.lock`: it does not say what the project itself asks for. So what no other package of the lock needs is
 * required, and everything else is a pin.
 */
export function poetryLock(text: string): PackageList {
  const { package: packages } = poetryLockSchema.parse(parse(text));
  const collector = new PackageCollector();
  const needed = new Set(packages.flatMap(({ dependencies }) => Object.keys(dependencies).map(plainName)));
  for (const each of packages) {
    const { name, version, optional, category, groups, markers, source } = each;
    // A private index is as good as the public one: the installer's settings name it.
    if (source !== undefined && source.type !== 'legacy') {
      collector.leaveOut(name, 'it comes from an address or a folder');
      continue;
    }
    const marker = typeof markers === 'string' ? markers : undefined;
    const isSeveral = packages.filter((other) => other.name === name).length > 1;
    if (isSeveral && marker === undefined) {
      collector.leaveOut(
        `${name} ${version}`,
        'the lock has several versions and does not say for which machine',
      );
    } else {
      collector.pin(name, version, isSeveral ? marker : undefined);
    }
    if (needed.has(plainName(name))) continue;
    const isInstalled =
      groups === undefined || groups.some((group) => ['main', DEFAULT_GROUP].includes(group));
    if (optional || !isInstalled || (category !== undefined && !['main', 'dev'].includes(category))) {
      collector.leaveOut(name, 'it is optional, or of a group other than main and dev');
    } else {
      collector.require(isSeveral ? name : `${name}==${version}`, isSeveral ? undefined : marker);
    }
  }
  return withoutRequired(collector.list(true));
}

const pylockSchema = z.object({
  'lock-version': z.string(),
  packages: z.array(
    z.object({ name: z.string(), version: z.string().optional(), marker: z.string().optional() }).loose(),
  ),
});

/** `pylock.toml` (PEP 751): every package is installed where its marker holds. */
export function pylock(text: string): PackageList {
  const { packages } = pylockSchema.parse(parse(text));
  const collector = new PackageCollector();
  for (const { name, version, marker, ...rest } of packages) {
    if (version === undefined || 'vcs' in rest || 'directory' in rest || 'archive' in rest) {
      collector.leaveOut(name, 'it comes from an address or a folder');
    } else {
      collector.require(`${name}==${version}`, marker);
    }
  }
  return collector.list(true);
}

/** Without pins of what is required at a version anyway. */
function withoutRequired(list: PackageList): PackageList {
  const required = new Set(list.requirements);
  return { ...list, pins: list.pins.filter((pin) => !required.has(pin)) };
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
