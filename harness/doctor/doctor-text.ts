import type { DoctorReport } from './doctor-report.ts';

const LABEL_WIDTH = 14;

/** The findings for a person to read. Ends with a newline. */
export function doctorText(report: DoctorReport): string {
  const sections = [
    section('Harness', harnessRows(report)),
    section('Kernel environment', environmentRows(report)),
    ...(report.arms.length > 0
      ? [section(`Arms, for ipykernel ${report.environment.ipykernel}`, armRows(report))]
      : []),
    missingText(report),
  ];
  return `${sections.join('\n\n')}\n`;
}

type Row = readonly [label: string, value: string];

function section(title: string, rows: readonly Row[]): string {
  const width = Math.max(LABEL_WIDTH, ...rows.map(([label]) => label.length + 2));
  return [title, ...rows.map(([label, value]) => `  ${label.padEnd(width)}${value}`)].join('\n');
}

function harnessRows({ harness, cache }: DoctorReport): Row[] {
  return [
    ['kernel-soak', harness.version],
    ['Node.js', harness.node],
    ['zeromq.js', harness.zeromqJs === null ? 'missing' : `${harness.zeromqJs} (libzmq ${harness.libzmq})`],
    ['platform', `${harness.platform} ${harness.arch}, ${harness.osRelease}`],
    ['cache', `${cache.folder}${cache.writable ? '' : ' (cannot be written)'}`],
  ];
}

function environmentRows({ environment, python, installer }: DoctorReport): Row[] {
  const rows: Row[] = [];
  if (python) rows.push(['Python', `${python.version}, ${python.executable}`]);
  rows.push(['state', stateText(environment)]);
  if (installer) rows.push(['installer', `${installer.kind} ${installer.version ?? ''}`.trim()]);
  const { facts } = environment;
  if (!facts) return rows;
  const threads = facts.freeThreaded ? ', free-threaded' : '';
  const loop = facts.eventLoop;
  const loops = loop.main === loop.shellChannel ? '' : `, shell channel ${shortName(loop.shellChannel)}`;
  const policy = loop.policy === null ? '' : ` (${shortName(loop.policy)})`;
  return [
    ...rows,
    ['runs on', `${facts.implementation} ${facts.python}, ${facts.platform} ${facts.machine}${threads}`],
    ['ipykernel', facts.ipykernel?.version ?? 'missing'],
    ['pyzmq', facts.pyzmq ?? 'missing'],
    ['libzmq', facts.libzmq ?? 'missing'],
    ['tornado', facts.tornado ?? 'missing'],
    ['event loop', `${shortName(loop.main)}${policy}${loops}`],
    ['packages', String(Object.keys(facts.packages).length)],
  ];
}

function stateText({ state, key, reason, ipykernel }: DoctorReport['environment']): string {
  switch (state) {
    case 'cached':
      return `cached (${key}): runs need no network`;
    case 'given':
      return `given (${key}): used as it is`;
    case 'absent':
      return `not made yet: the first run installs ipykernel ${ipykernel} and its companions, about 300 MB (needs the network)`;
    case 'damaged':
      return `damaged (${reason}): the next run makes it anew (needs the network)`;
    case 'unknown':
      return 'unknown: see below';
  }
}

function armRows({ arms }: DoctorReport): Row[] {
  return arms.map((arm) => [arm.name, `${arm.applies ? 'applies' : 'does not apply'}: ${arm.reason}`]);
}

function missingText({ missing }: DoctorReport): string {
  if (missing.length === 0) return 'Nothing is missing.';
  return [
    'Missing',
    ...missing.map(({ what, reason, remedy }) => `  ${what}: ${reason}\n    ${remedy}`),
  ].join('\n');
}

/** A class without its module, which for event loops only repeats the platform. */
function shortName(qualified: string): string {
  return qualified.split('.').at(-1) ?? qualified;
}
