import {
  type Block,
  code,
  enumeration,
  joined,
  type Line,
  line,
  paragraph,
  type ReportDocument,
  strong,
  text,
} from '../report/document.ts';
import { counted, percent, percentInterval } from '../report/format-number.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import { num, shortHash } from '../report/words.ts';
import type { Localisation, PathName, PathResult, Place, PlaceResult } from './localisation.ts';

const PATH_WORDS: Readonly<Record<PathName, string>> = {
  direct: "the harness's own front end, on the kernel's sockets",
  server: "the harness's front end through a Jupyter Server",
  nbclient: 'nbclient, in a process of its own',
};

const PLACE_WORDS: Readonly<Record<Place, { readonly where: string; readonly did: string }>> = {
  kernel: { where: 'the kernel', did: 'wedged or lost a reply' },
  server: { where: 'what is between: the server', did: 'lost a request or a reply' },
  client: { where: 'the client', did: 'left a reply unread or lost it' },
};

/** `locate.md`. Pure: the same journals, the same bytes. */
export function locateMarkdown(located: Localisation): string {
  return markdownDocument(locateDocument(located), []);
}

/** Where the fault is and what supports it, then the matrix. */
export function locateDocument(located: Localisation): ReportDocument {
  const { paths, found } = located;
  return {
    title: line`Where the fault is: ipykernel ${enumeration([...new Set(paths.map(({ ipykernel }) => ipykernel))].map((version) => line`${code(version)}`))}, ${enumeration([...new Set(paths.flatMap(({ notebooks }) => notebooks))].map((name) => line`${code(name)}`))}`,
    lead: [
      { kind: 'callout', line: line`${strong(text(headline(found)))} ${joined(supportLines(located))}` },
      matrix(paths),
    ],
    sections: [
      { id: 'places', title: 'Each place', blocks: [places(located)] },
      { id: 'paths', title: 'Paths', blocks: [{ kind: 'list', items: paths.map(pathLine) }] },
      { id: 'reading', title: 'How to read it', blocks: reading() },
    ],
  };
}

function headline(found: readonly Place[]): string {
  if (found.length === 0) return 'No fault was seen.';
  const [first, ...others] = found.map((place) => PLACE_WORDS[place].where);
  if (others.length === 0) return `The fault is in ${first}.`;
  return `Faults were in ${found.length} places: ${[first, ...others].join(', and ')}.`;
}

function supportLines({ paths, places: results, found }: Localisation): Line[] {
  const lines = results
    .filter(({ place }) => found.includes(place))
    .map((result) => foundLine(result, paths));
  for (const result of results.filter(({ place }) => !found.includes(place))) lines.push(absentLine(result));
  return lines;
}

function foundLine({ place, faults, runs, paths: where }: PlaceResult, paths: readonly PathResult[]): Line {
  const { did } = PLACE_WORDS[place];
  const subject = place === 'server' ? 'What is between' : place === 'kernel' ? 'The kernel' : 'The client';
  const untreated = line`${text(subject)} ${text(did)} in ${num(`${faults} of ${counted(runs, 'run')}`)} by ${enumeration(where.map((path) => line`${code(path)}`))}`;
  if (place !== 'kernel') return line`${untreated}, while the kernel had done its part by its own account.`;
  const wedged = paths.flatMap(({ arms }) => arms);
  const certified = wedged.reduce((sum, arm) => sum + arm.certified, 0);
  const all = wedged.reduce((sum, arm) => sum + arm.kernel, 0);
  const everywhere =
    where.length > 1
      ? line` The same on ${num(String(where.length))} paths that share nothing but the kernel and the machine.`
      : where.includes('direct')
        ? line` On the direct path there is nothing between but the harness.`
        : line``;
  return line`${untreated}; ${num(`${certified} of ${all}`)} were certified within the kernel as a request that lies unread in its own socket.${everywhere}`;
}

function absentLine({ place, runs, upper }: PlaceResult): Line {
  const { where, did } = PLACE_WORDS[place];
  const name = place === 'server' ? 'the server' : where;
  return runs === 0
    ? line`Of ${text(name)} nothing is known: no run could have shown a fault of its own.`
    : line`${text(`${name.slice(0, 1).toUpperCase()}${name.slice(1)} ${did}`)} in none of ${num(counted(runs, 'run'))} that could have shown it, which still allows up to ${num(percent(upper))} (one-sided 95 %).`;
}

function matrix(paths: readonly PathResult[]): Block {
  return {
    kind: 'table',
    caption: 'Faults by path and arm',
    columns: [
      { title: 'Path', align: 'left' },
      { title: 'Arm', align: 'left' },
      { title: 'Runs', align: 'right' },
      { title: 'Kernel', align: 'right' },
      { title: 'Certified', align: 'right' },
      { title: 'Server', align: 'right' },
      { title: 'Client', align: 'right' },
      { title: 'Left out', align: 'right' },
    ],
    rows: paths.flatMap(({ path, arms }) =>
      arms.map((arm): Line[] => [
        [code(path)],
        [code(arm.arm)],
        [num(String(arm.runs))],
        [num(String(arm.kernel))],
        [num(String(arm.certified))],
        [num(path === 'server' ? String(arm.server) : '')],
        [num(path === 'nbclient' ? String(arm.client) : '')],
        [num(String(arm.excluded))],
      ]),
    ),
  };
}

function places({ places: results }: Localisation): Block {
  return {
    kind: 'table',
    caption: 'Faults of each place, in the arms that are not meant to cure it',
    columns: [
      { title: 'Place', align: 'left' },
      { title: 'Runs with a fault', align: 'right' },
      { title: '95 % (Clopper–Pearson)', align: 'left' },
    ],
    rows: results.map(({ place, faults, runs, interval }): Line[] => [
      [text(place)],
      [num(runs === 0 ? 'not tried' : `${faults}/${runs}`)],
      [num(interval === null ? '' : percentInterval(interval))],
    ]),
  };
}

function pathLine({ path, versions, protocolSha256 }: PathResult): Line {
  const listed =
    versions.length === 0
      ? line``
      : line`, with ${enumeration(versions.map((version) => line`${code(version)}`))}`;
  return line`${code(path)}: ${text(PATH_WORDS[path])}${listed}; protocol ${shortHash(protocolSha256)}, evidence of its own in the folder of that name.`;
}

function reading(): Block[] {
  return [
    paragraph(
      line`A fault is placed run by run, by what was seen of that run: a wedge by the kernel's own counters and its socket; a request or reply as lost between by the kernel's account of what it was given and sent; a stall by what the client had not read. An arm that is meant to cure a place does not count for it. A client's stall that it ended by its own time-out counts too, so that a run may have faults in two places.`,
    ),
    paragraph(
      line`Paths are taken one after the other, arms within a path in random order: that a place fails is shown by its runs, and rates on different paths are no experiment against each other. Each path's own evidence has the comparison of its arms.`,
    ),
  ];
}
