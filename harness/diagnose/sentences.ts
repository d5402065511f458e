import { cleanLine } from '../model/clean-text.ts';
import { code, enumeration, joined, type Line, line, text } from '../report/document.ts';
import { counted, duration, percent, percentInterval } from '../report/format-number.ts';
import { kindCounts, num } from '../report/words.ts';
import type { Diagnosis, Fault, WayResult } from './diagnosis.ts';
import { isKnownWedge } from './next-command.ts';

/** Faults that the answer names one by one. The table has all of them. */
const NAMED_FAULTS = 3;
/** Characters of an exception's text. */
const ERROR_CHARACTERS = 160;

/** The three sentences: does something go wrong, what and at whose fault, what to do. */
export interface Answer {
  readonly whether: Line;
  readonly what: Line;
  readonly toDo: Line;
}

export function answer(diagnosis: Diagnosis): Answer {
  return { whether: whether(diagnosis), what: what(diagnosis), toDo: toDo(diagnosis) };
}

/** `directly`, or `by nbclient`. */
function byWay({ name, kind }: Pick<WayResult, 'name' | 'kind'>): Line {
  return kind === 'direct' ? line`directly` : line`by ${code(name)}`;
}

function ofRuns(count: number, runs: number): Line {
  return line`${num(`${count} of ${counted(runs, 'run')}`)}`;
}

function whether({ ways, same }: Diagnosis): Line {
  const runs = sum(ways.map((way) => way.runs));
  const events = sum(ways.map((way) => way.events));
  const rest = joined([...otherEndings(ways), ...shortened(ways)]);
  const tail = rest.length === 0 ? line`` : line` ${rest}`;
  if (runs === 0) {
    return line`That cannot be told: no run reached its end, and none showed a fault.${tail}`;
  }
  if (events === 0) {
    const counts = enumeration(ways.map((way) => line`${ofRuns(0, way.runs)} ${byWay(way)}`));
    const excluded = enumeration(
      ways.map((way) => line`${num(percent(way.upper))} ${byWay(way)}`),
      'or',
    );
    return line`Not in these runs: ${counts}. That excludes a rate above ${excluded} (one-sided 95 %), and no lower rate.${tail}`;
  }
  const rates = enumeration(
    ways.map((way) =>
      way.runs === 0
        ? line`none could be seen ${byWay(way)}`
        : line`in ${ofRuns(way.events, way.runs)} ${byWay(way)} (${num(percent(way.events / way.runs))}, 95 % interval ${num(percentInterval(way.interval))})`,
    ),
  );
  if (same !== null) {
    return line`Yes, in each of the ${num(counted(same.runs, 'run'))} so far, and each time in the same way${atCell(same.cell)}: ${rates}.${tail}`;
  }
  return line`Yes: ${rates}.${tail}`;
}

function otherEndings(ways: readonly WayResult[]): Line[] {
  return ways.flatMap((way) => {
    const many = sum(Object.values(way.otherwise));
    const ended =
      many === 0
        ? []
        : [
            line`${num(counted(many, 'run'))} more ${byWay(way)} ended otherwise (${num(kindCounts(way.otherwise))}) and ${text(many === 1 ? 'does' : 'do')} not count.`,
          ];
    const unobserved =
      way.unobserved === 0
        ? []
        : [line`${num(counted(way.unobserved, 'run'))} ${byWay(way)} could not be observed.`];
    return [...ended, ...unobserved];
  });
}

function shortened(ways: readonly WayResult[]): Line[] {
  return ways.some(({ end }) => end === 'time-over')
    ? [line`The time was over before all ${num(String(ways[0]?.planned ?? 0))} runs by each way.`]
    : [];
}

function what(diagnosis: Diagnosis): Line {
  const { faults, same } = diagnosis;
  if (faults.length === 0) {
    if (same?.kind === 'busy' || same?.kind === 'late') {
      return line`A cell takes longer than the deadline of ${num(duration(diagnosis.timeoutMs))}${atCell(same.cell)}: the kernel was at work on it. That is no fault.`;
    }
    return line`Nothing was seen in these runs, so there is no fault to place.`;
  }
  const named = faults.slice(0, NAMED_FAULTS).map((fault) => faultLine(diagnosis, fault));
  const more = faults.length - NAMED_FAULTS;
  return joined(more > 0 ? [...named, line`The table has ${num(counted(more, 'more'))}.`] : named);
}

/** Where and how often, such as `in 3 of 10 runs directly and 2 of 10 runs by nbclient`. */
function seenIn({ ways }: Diagnosis, { counts }: Fault): Line {
  return line`in ${enumeration(
    counts.flatMap(({ way, count, runs }) => {
      const found = ways.find(({ name }) => name === way);
      return found === undefined ? [] : [line`${ofRuns(count, runs)} ${byWay(found)}`];
    }),
  )}`;
}

function faultLine(diagnosis: Diagnosis, fault: Fault): Line {
  const where = seenIn(diagnosis, fault);
  const { outcome } = fault.example.run;
  switch (fault.event) {
    case 'wedged': {
      const proof =
        fault.certified === 0
          ? line`, without a certificate`
          : line`, and ${num(`${fault.certified} of ${fault.total}`)} were certified: the request lies unread in its own socket`;
      return line`The kernel wedged ${where}: it was alive and idle and never began a request${proof}. The fault is in the kernel, ${code(diagnosis.kernel)}.`;
    }
    case 'stalled':
      return line`The client stalled ${where}: the kernel had replied, and the client left the reply unread. The fault is in the client (${clientWords(diagnosis)}), and a client without a time-out of a cell then waits for ever.`;
    case 'lost-answer':
      return line`A reply or its idle status never came ${where}. ${whoseWords(diagnosis, fault)}`;
    case 'died':
      return fault.whose === 'client'
        ? line`The client itself ended ${where}. The fault is in the client (${clientWords(diagnosis)}).`
        : line`The kernel's process ended ${where}${exitWords(outcome.exit)}${mostlyAt(fault)}. What ended it is code that the cell ran, or the system.`;
    case 'hung':
      return line`A cell was begun and never answered ${where}${mostlyAt(fault)}, and the kernel used no processor time: the cell waits for something that does not come. Whether the notebook's code or the kernel is at fault, the stack of the kernel says.`;
    case 'start-failed':
      return line`The kernel did not start ${where}${exitWords(outcome.exit)}. ${whoseWords(diagnosis, fault)}`;
    case 'cell-error': {
      const isAssertion = outcome.error?.ename === 'AssertionError';
      return line`A cell raised ${errorWords(fault)} ${where}${mostlyAt(fault)}. ${text(isAssertion ? "The assertion is the notebook's own: neither kernel nor client is at fault." : 'The error is of the notebook or of what it uses: neither kernel nor client is at fault.')}`;
    }
    case 'lost-output':
      return line`Output was lost ${where}${mostlyAt(fault)}: a cell showed less, twice or elsewhere what most runs by the same way show. ${whoseWords(diagnosis, fault)}`;
    case 'slow':
      return line`A cell was slow ${where}${mostlyAt(fault)}. That is the notebook's own.`;
    case 'memory':
      return line`The kernel took more memory than allowed ${where}. That is the notebook's own.`;
  }
}

function clientWords({ client }: Diagnosis): Line {
  const chief = client.filter((each) => /^(nbclient|jupyter-client) /.test(each));
  return enumeration((chief.length > 0 ? chief : client).map((each) => line`${code(each)}`));
}

function whoseWords(diagnosis: Diagnosis, { whose }: Fault): Line {
  if (whose === 'kernel') return line`The fault is in the kernel, ${code(diagnosis.kernel)}.`;
  if (whose === 'client') return line`The fault is in the client (${clientWords(diagnosis)}).`;
  return line`Whether kernel or client is at fault cannot be told from these runs.`;
}

function exitWords(exit: { readonly code: number | null; readonly signal: string | null } | null): Line {
  if (exit === null) return line``;
  if (exit.signal === 'SIGKILL') return line` (SIGKILL: often the system, for want of memory)`;
  if (exit.signal !== null) return line` (${code(exit.signal)})`;
  return exit.code === null ? line`` : line` (exit code ${num(String(exit.code))})`;
}

function errorWords({ example }: Fault): Line {
  const { error } = example.run.outcome;
  if (error === null) return line`an exception`;
  return line`${code(cleanLine(`${error.ename}: ${error.evalue}`, ERROR_CHARACTERS))}`;
}

/** ` at cell 3`, or the cells at which it happened most. */
function mostlyAt({ cells }: Fault): Line {
  const [first] = cells;
  if (first === undefined) return line``;
  return cells.length === 1 ? atCell(first) : line`, at ${num(counted(cells.length, 'different cell'))}`;
}

function atCell(cell: number | null): Line {
  return cell === null ? line`` : line` at cell ${num(String(cell))} (counting from 0)`;
}

function toDo(diagnosis: Diagnosis): Line {
  const { same, faults } = diagnosis;
  if (same !== null) return ofSame(diagnosis, same.kind === 'busy' || same.kind === 'late');
  if (faults.length === 0) {
    return sum(diagnosis.ways.map(({ runs }) => runs)) === 0
      ? line`Look at how a run ended, and give a longer deadline.`
      : line`Run it more often: a fault in one run of a hundred needs about 300 runs to be seen with 95 % confidence. Run it where it fails, such as in your CI, and in its environment. If it fails in JupyterLab alone, ${code('soak locate')} also goes through a server.`;
  }
  const advice = faults.slice(0, NAMED_FAULTS).map((fault) => adviceFor(diagnosis, fault));
  const distinct = advice.filter(
    (each, index) => advice.findIndex((other) => JSON.stringify(other) === JSON.stringify(each)) === index,
  );
  return joined(distinct);
}

function ofSame({ faults }: Diagnosis, isLong: boolean): Line {
  if (isLong)
    return line`Give a deadline above what the cell needs. Until then these runs say nothing about faults.`;
  const raises = faults.some(({ event }) => event === 'cell-error');
  const ename = faults[0]?.example.run.outcome.error?.ename;
  if (ename === 'ModuleNotFoundError' || ename === 'ImportError') {
    return line`The environment lacks what the cell imports. Name the one in which the notebook works, ${code('--env VENV')}, or have one made with the package: ${code('--with NAME')}.`;
  }
  return raises
    ? line`Mend the cell first, and run this again. It was ended early, because nothing here comes and goes. If the cell needs variables of your session: kernels get only a few of them, and a kernelspec can name more.`
    : line`Mend that first, and run this again. It was ended early, because nothing here comes and goes.`;
}

function adviceFor(diagnosis: Diagnosis, fault: Fault): Line {
  switch (fault.event) {
    case 'wedged':
      return adviceForWedge(diagnosis, fault);
    case 'stalled':
      return line`Every release of jupyter_client that was tried stalls so, and a newer ipykernel does not help against it. Give the client a time-out of a cell, so that a stall costs that long and the run goes on, or execute the notebook with ${code('soak exec')}, which does not use that client.`;
    case 'cell-error':
      return line`Mend the cell, and run this again with as many runs.`;
    case 'lost-output':
      return line`Look at what is missing and under which cell it came, in the evidence of that way.`;
    case 'slow':
    case 'memory':
      return line`Look at the cell, which the evidence names.`;
    default:
      return line`Look at one of these runs: it has the last messages, the end of the kernel's standard error, and the stack where there is one.`;
  }
}

/**
 * An upgrade is named only for what it cures. What it does not cure stands in the same breath: a stall that was seen, or
 * one that these runs could not have shown, since their kernels wedged first.
 */
function adviceForWedge(diagnosis: Diagnosis, fault: Fault): Line {
  if (!isKnownWedge(diagnosis, fault)) {
    return line`No release is known here that cures this wedge. Look at one of these runs, and report it with the evidence.`;
  }
  // Python 3.10 has no ipykernel 7.4.0.
  const needs = / 3\.10\b/.test(diagnosis.python) ? ' (it needs Python 3.11)' : '';
  const upgrade = line`ipykernel 7.4.0${text(needs)} cures this wedge of the kernel`;
  const clients = diagnosis.ways.filter(({ kind }) => kind === 'client');
  const [client] = clients;
  if (client === undefined) {
    return line`${upgrade}. Whether a client such as ${code('nbclient')} then stalls, these runs do not say.`;
  }
  const stalled = diagnosis.faults.find(({ event }) => event === 'stalled');
  if (stalled !== undefined) {
    return line`${upgrade}, and nothing else: the stalls of ${code(client.name)} stay.`;
  }
  const { runs, upper } = diagnosis.stallable;
  const rest =
    runs === 0
      ? line`in no run did ${code(client.name)} get past the wedge`
      : line`only ${num(counted(runs, 'run'))} of ${code(client.name)} got past the wedge, and none stalled, which still allows ${num(percent(upper))}`;
  return line`${upgrade}, and nothing else. Whether ${code(client.name)} then stalls is open: ${rest}. So do not upgrade on faith: the command below shows both.`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
