import type { EndpointRule } from '../model/endpoint.ts';
import {
  type Block,
  code,
  enumeration,
  joined,
  type Line,
  line,
  list,
  paragraph,
  type ReportDocument,
  strong,
  table,
  text,
} from '../report/document.ts';
import { capital, eventWords, withArticle } from '../report/endpoint-words.ts';
import { counted, percent, percentInterval } from '../report/format-number.ts';
import { markdownDocument } from '../report/render-markdown.ts';
import { num, shortHash } from '../report/words.ts';
import {
  isThroughServer,
  type Localisation,
  type PathName,
  type PathResult,
  type Place,
  type PlaceResult,
} from './localisation.ts';

const PATH_WORDS: Readonly<Record<PathName, string>> = {
  direct: "the harness's own front end, on the kernel's sockets",
  server: "the harness's front end through a Jupyter Server",
  rest: 'a Jupyter Server that executes the cells itself, asked by REST',
  nbclient: 'nbclient, in its own process',
};

const PLACE_WORDS: Readonly<Record<Place, { readonly where: string; readonly did: string }>> = {
  kernel: { where: 'the kernel', did: 'wedged or lost a reply' },
  server: { where: 'the server or another program on the way', did: 'lost a request or a reply' },
  client: { where: 'the client', did: 'left a reply unread or lost it' },
};

/** `locate.md`. Pure: the same journals, the same bytes. */
export function locateMarkdown(located: Localisation): string {
  return markdownDocument(locateDocument(located), []);
}

/** Where the fault is and what supports it, then the matrix. */
export function locateDocument(located: Localisation): ReportDocument {
  const { paths } = located;
  return {
    title: line`Where the fault is: ipykernel ${enumeration([...new Set(paths.map(({ ipykernel }) => ipykernel))].map((version) => line`${code(version)}`))}, ${enumeration([...new Set(paths.flatMap(({ notebooks }) => notebooks))].map((name) => line`${code(name)}`))}`,
    lead: [
      { kind: 'callout', line: line`${strong(text(headline(located)))} ${joined(supportLines(located))}` },
      ...referenceBlocks(located),
      matrix(located),
    ],
    sections: [
      { id: 'places', title: 'Each place', blocks: [places(located)] },
      { id: 'paths', title: 'Paths', blocks: [{ kind: 'list', items: paths.map(pathLine) }] },
      { id: 'reading', title: 'How to read it', blocks: reading(located) },
    ],
  };
}

function headline({ found, paths, rule }: Localisation): string {
  if (found.length === 0 && paths.some(({ arms }) => arms.some(({ unplaced }) => unplaced > 0))) {
    return `${capital(eventWords(rule).nouns)} were seen, and where they came from cannot be told.`;
  }
  if (found.length === 0)
    return rule.endpoint === undefined ? 'No fault was seen.' : `No ${eventWords(rule).noun} was seen.`;
  const [first, ...others] = found.map((place) => PLACE_WORDS[place].where);
  if (others.length === 0) return `The fault is in ${first}.`;
  return `Faults were in ${found.length} places: ${[first, ...others].join(', and ')}.`;
}

function supportLines({ paths, places: results, found, rule }: Localisation): Line[] {
  const lines = results
    .filter(({ place }) => found.includes(place))
    .map((result) => foundLine(result, paths, rule));
  for (const result of results.filter(({ place }) => !found.includes(place)))
    lines.push(absentLine(result, rule));
  return lines;
}

function foundLine(
  { place, faults, runs, unplaced, paths: where }: PlaceResult,
  paths: readonly PathResult[],
  rule: EndpointRule,
): Line {
  const untreated = line`${text(deed(place, rule))} in ${num(`${faults} of the ${counted(runs, 'run')}`)} that could have shown it, on ${enumeration(where.map((path) => line`${code(path)}`))}`;
  if (rule.endpoint !== undefined) {
    const more =
      unplaced === 0 ? line`` : line` In ${num(counted(unplaced, 'run'))} more, it cannot be told.`;
    return line`${untreated}.${more}`;
  }
  if (place !== 'kernel') return line`${untreated}. By its own account, the kernel had done its part.`;
  const wedged = paths.flatMap(({ arms }) => arms);
  const certified = wedged.reduce((sum, arm) => sum + arm.certified, 0);
  const all = wedged.reduce((sum, arm) => sum + arm.kernel, 0);
  const everywhere =
    where.length > 1
      ? line` These ${num(String(where.length))} paths share nothing but the kernel and the machine.`
      : where.includes('direct')
        ? line` On the direct path, nothing but the harness talks to the kernel.`
        : line``;
  return line`${untreated}. ${num(`${certified} of ${all}`)} were certified: the request lies unread in the kernel's own socket.${everywhere}`;
}

function absentLine({ place, runs, unplaced, upper }: PlaceResult, rule: EndpointRule): Line {
  if (unplaced > 0) {
    return line`Whether ${text(PLACE_WORDS[place].where)} is at fault cannot be told: ${num(counted(unplaced, 'run'))} ${text(eventWords(rule).past)}, and nothing that was recorded says where it came from.`;
  }
  return runs === 0
    ? line`Nothing is known about ${text(PLACE_WORDS[place].where)}: no run could have shown a fault there.`
    : line`${text(deed(place, rule))} in none of the ${num(counted(runs, 'run'))} that could have shown it. This still allows a rate of up to ${num(percent(upper))} (one-sided 95 %).`;
}

/** `The client left a reply unread or lost it`. */
function deed(place: Place, rule: EndpointRule): string {
  const { where, did } = PLACE_WORDS[place];
  return rule.endpoint === undefined
    ? `${capital(where)} ${did}`
    : `${capital(withArticle(eventWords(rule).noun))} was placed in ${where}`;
}

/** Cells named one by one. */
const NAMED_CELLS = 5;

/** That the paths do not compare with the same outputs, where each path's control says what is expected. */
function referenceBlocks({ otherReferences }: Localisation): Block[] {
  if (otherReferences.length === 0) return [];
  const named = otherReferences
    .slice(0, NAMED_CELLS)
    .map(({ notebook, cell }) => line`cell ${num(String(cell))} of ${code(notebook)}`);
  const more = otherReferences.length - named.length;
  const cells = more > 0 ? [...named, line`${num(counted(more, 'more cell'))}`] : named;
  return [
    {
      kind: 'callout',
      line: line`${strong(text('The paths differ in what is expected'))}: most of control's runs on one path show something else than on another in ${enumeration(cells)}. A run is compared with those of its own path, so a loss in most runs of a path does not count. Name what is expected: ${code('--expect saved')}, or an executed notebook.`,
    },
  ];
}

function matrix({ paths, rule: { endpoint } }: Localisation): Block {
  const hasCertificates = endpoint === undefined || endpoint === 'any';
  // Without a named endpoint only faults with a place are looked for.
  const hasUnplaced = endpoint !== undefined;
  return table(
    'Faults by path and arm',
    [
      'Path',
      'Arm',
      '>Runs',
      '>Kernel',
      ...(hasCertificates ? ['>Certified'] : []),
      '>Server',
      '>Client',
      ...(hasUnplaced ? ['>Cannot be told'] : []),
      '>Excluded',
    ],
    paths.flatMap(({ path, arms }) =>
      arms.map((arm): Line[] => [
        [code(path)],
        [code(arm.arm)],
        [num(String(arm.runs))],
        [num(String(arm.kernel))],
        ...(hasCertificates ? [[num(String(arm.certified))]] : []),
        [num(isThroughServer(path) ? String(arm.server) : '')],
        [num(path === 'nbclient' ? String(arm.client) : '')],
        ...(hasUnplaced ? [[num(String(arm.unplaced))]] : []),
        [num(String(arm.excluded))],
      ]),
    ),
  );
}

function places({ places: results }: Localisation): Block {
  return table(
    'Faults of each place, in the arms that are not meant to cure it',
    'Place | >Runs with a fault | 95 % (Clopper–Pearson)',
    results.map(({ place, faults, runs, unplaced, interval }): Line[] => [
      [text(place)],
      [
        num(
          runs === 0
            ? 'not tried'
            : `${faults}/${runs}${unplaced === 0 ? '' : `, ${unplaced} cannot be told`}`,
        ),
      ],
      [num(interval === null ? '' : percentInterval(interval))],
    ]),
  );
}

function pathLine({ path, versions, protocolSha256 }: PathResult): Line {
  const listed =
    versions.length === 0
      ? line``
      : line`, with ${enumeration(versions.map((version) => line`${code(version)}`))}`;
  return line`${code(path)}: ${text(PATH_WORDS[path])}${listed}; protocol ${shortHash(protocolSha256)}. Its evidence is in the folder of that name.`;
}

function reading({ rule }: Localisation): Block[] {
  if (rule.endpoint !== undefined) {
    return [
      paragraph(
        line`The event is ${code(rule.endpoint)}. ${text(eventWords(rule).definition)} A run that failed otherwise is excluded. A run with the event is placed by what its record says of its source. Where the record says nothing, an event on the direct path is placed in the kernel, because nothing but the harness is beside it; on another path it cannot be told from the run, and it counts for no place.`,
      ),
      paragraph(
        line`The paths were run one after the other, with the arms of a path in random order. The runs show that a place fails, but rates on different paths are not an experiment against each other. The evidence of each path compares its arms.`,
      ),
    ];
  }
  return [
    paragraph(line`A fault is placed run by run, from what was seen of the run:`),
    list([
      line`a wedge, from the kernel's own counters and its socket`,
      line`a request or a reply that was lost on the way, from the kernel's account of what it was given and what it sent`,
      line`a stall, from what the client had not read`,
    ]),
    paragraph(
      line`An arm that is meant to cure a place does not count for that place. A stall counts even if the client's own time-out ended it, so a run may have faults in two places.`,
    ),
    paragraph(
      line`The paths were run one after the other, with the arms of a path in random order. The runs show that a place fails, but rates on different paths are not an experiment against each other. The evidence of each path compares its arms.`,
    ),
  ];
}
