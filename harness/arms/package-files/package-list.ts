import { normalisedRequirement } from '../arm-environment.ts';

/** What a file of packages asks for. */
export interface PackageList {
  /** What is installed: normalised requirements, some with an environment marker. Packages they need come along. */
  readonly requirements: readonly string[];
  /** Versions of what comes along, each `name==version`, some with a marker. They install nothing by themselves. */
  readonly pins: readonly string[];
  /** Whether the file describes a whole environment, so that the default packages are not added. */
  readonly isWhole: boolean;
  /** What could not be taken from the file, each with the reason. */
  readonly leftOut: readonly string[];
}

// Names, versions in quotation marks and the words between them: nothing that ends a line or begins an option.
const MARKER = /^[A-Za-z0-9_.'"<>=!~(), +*-]{1,2000}$/;

/** `name==version ; marker` in its one spelling. @throws SoakError `bad-requirement` */
export function markedRequirement(text: string, marker: string | undefined): string {
  const requirement = normalisedRequirement(text);
  const condition = marker?.trim() ?? '';
  if (condition === '') return requirement;
  if (!MARKER.test(condition) || /(?:^|\s)-/.test(condition)) throw new Error('its marker cannot be read');
  return `${requirement} ; ${condition}`;
}

/** A requirement without its environment marker. */
export function withoutMarker(requirement: string): string {
  return requirement.split(';')[0]?.trim() ?? requirement;
}

/**
 * Collects what a file asks for. A line that cannot be used is left out with its reason, and does not end the reading:
 * most files have some that concern another machine.
 */
export class PackageCollector {
  readonly #requirements = new Set<string>();
  readonly #pins = new Set<string>();
  readonly #leftOut = new Set<string>();

  require(text: string, marker?: string): void {
    this.#add(this.#requirements, text, marker);
  }

  pin(name: string, version: string, marker?: string): void {
    this.#add(this.#pins, `${name}==${version}`, marker);
  }

  pinLine(text: string, marker?: string): void {
    this.#add(this.#pins, text, marker);
  }

  /** @param what of a path or an address the last part is kept: the rest may be private, and evidence shows this */
  leaveOut(what: string, why: string): void {
    const name = what.split(/[\\/]/).findLast((part) => part !== '') ?? what;
    this.#leftOut.add(`${name}: ${why}`);
  }

  list(isWhole: boolean): PackageList {
    return {
      requirements: [...this.#requirements].sort(),
      pins: [...this.#pins].sort(),
      isWhole,
      leftOut: [...this.#leftOut].sort(),
    };
  }

  #add(to: Set<string>, text: string, marker: string | undefined): void {
    try {
      to.add(markedRequirement(text, marker));
    } catch (error) {
      this.leaveOut(text, reasonOf(error as Error));
    }
  }
}

/** The reason in an error about a requirement, which repeats the requirement before it. */
function reasonOf({ message }: Error): string {
  return message.replace(/^The requirement .* cannot be used: /s, '').replace(/\.$/, '');
}
