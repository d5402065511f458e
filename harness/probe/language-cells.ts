/** Cells that show what a kernel of a language does. `null`: none is known. */
export interface LanguageCells {
  /** Raises an error. */
  readonly error: string;
  /** Takes eight seconds and does nothing else. */
  readonly sleep: string | null;
  /** Asks the person at the front end for a line. */
  readonly input: string | null;
}

const PYTHON: LanguageCells = {
  error: 'raise ValueError("asked for")',
  sleep: 'import time; time.sleep(8)',
  input: 'input("asked for")',
};
const SHELL: LanguageCells = { error: 'ls ./no-such-file-asked-for', sleep: 'sleep 8', input: 'read line' };
const JAVASCRIPT: LanguageCells = {
  error: 'throw new Error("asked for")',
  sleep: '{ const began = Date.now(); while (Date.now() - began < 8000); }',
  input: null,
};

const BY_LANGUAGE: Readonly<Record<string, LanguageCells>> = {
  python: PYTHON,
  python3: PYTHON,
  ipython: PYTHON,
  xonsh: PYTHON,
  r: { error: 'stop("asked for")', sleep: 'Sys.sleep(8)', input: 'readline("asked for")' },
  javascript: JAVASCRIPT,
  typescript: { ...JAVASCRIPT, input: 'prompt("asked for")' },
  bash: SHELL,
  sh: SHELL,
  zsh: SHELL,
  fish: SHELL,
  lua: {
    error: 'error("asked for")',
    sleep: 'do local began = os.clock(); while os.clock() - began < 8 do end end',
    input: 'io.read()',
  },
  java: { error: 'throw new RuntimeException("asked for");', sleep: 'Thread.sleep(8000);', input: null },
  scheme: { error: '(error \'asked "for")', sleep: null, input: null },
  clojure: { error: '(throw (Exception. "asked for"))', sleep: '(Thread/sleep 8000)', input: '(read-line)' },
  'text/x-macaulay2': { error: 'error "asked for"', sleep: 'sleep 8', input: null },
  macaulay2: { error: 'error "asked for"', sleep: 'sleep 8', input: null },
  gnuplot: { error: 'plot asked_for', sleep: 'pause 8', input: null },
  forth: { error: 'asked-for', sleep: '8000 ms', input: null },
  julia: { error: 'error("asked for")', sleep: 'sleep(8)', input: 'readline()' },
  ruby: { error: 'raise "asked for"', sleep: 'sleep 8', input: 'gets' },
  octave: { error: 'error("asked for")', sleep: 'pause(8)', input: 'input("asked for")' },
};

// Not an expression of any language above, so most languages refuse it.
const UNKNOWN: LanguageCells = { error: ')(', sleep: null, input: null };

/** The cells of a language by the name that its kernel states, whatever its case. */
export function languageCells(language: string | null): LanguageCells {
  const name = (language ?? '').toLowerCase();
  return Object.hasOwn(BY_LANGUAGE, name) ? (BY_LANGUAGE[name] ?? UNKNOWN) : UNKNOWN;
}
