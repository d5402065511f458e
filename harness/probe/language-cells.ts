/** Cells that show what a kernel of a language does. `null`: none is known. */
export interface LanguageCells {
  /**
   * Raises an error, after half a second where the language has a way to wait. A kernel may abort only the cells that it has
   * read by the time of the error, so that cells behind one that fails at once would be answered by chance.
   */
  readonly error: string;
  /** Takes eight seconds and does nothing else. */
  readonly sleep: string | null;
  /** Asks the person at the front end for a line. */
  readonly input: string | null;
}

const PYTHON: LanguageCells = {
  error: 'import time; time.sleep(0.5); raise ValueError("asked for")',
  sleep: 'import time; time.sleep(8)',
  input: 'input("asked for")',
};
const SHELL: LanguageCells = {
  error: 'sleep 0.5; ls ./no-such-file-asked-for',
  sleep: 'sleep 8',
  input: 'read line',
};
const JAVASCRIPT: LanguageCells = {
  error: '{ const began = Date.now(); while (Date.now() - began < 500); throw new Error("asked for"); }',
  sleep: '{ const began = Date.now(); while (Date.now() - began < 8000); }',
  input: null,
};
const MACAULAY2: LanguageCells = { error: 'sleep 1; error "asked for"', sleep: 'sleep 8', input: null };

const BY_LANGUAGE: Readonly<Record<string, LanguageCells>> = {
  python: PYTHON,
  python3: PYTHON,
  ipython: PYTHON,
  xonsh: PYTHON,
  r: { error: 'Sys.sleep(0.5); stop("asked for")', sleep: 'Sys.sleep(8)', input: 'readline("asked for")' },
  javascript: JAVASCRIPT,
  typescript: { ...JAVASCRIPT, input: 'prompt("asked for")' },
  bash: SHELL,
  sh: SHELL,
  zsh: SHELL,
  fish: SHELL,
  lua: {
    error: 'os.execute("sleep 0.5") error("asked for")',
    sleep: 'do local began = os.clock(); while os.clock() - began < 8 do end end',
    input: 'io.read()',
  },
  java: {
    error: 'Thread.sleep(500); throw new RuntimeException("asked for");',
    sleep: 'Thread.sleep(8000);',
    input: null,
  },
  scheme: { error: '(error \'asked "for")', sleep: null, input: null },
  clojure: {
    error: '(do (Thread/sleep 500) (throw (Exception. "asked for")))',
    sleep: '(Thread/sleep 8000)',
    input: '(read-line)',
  },
  'text/x-macaulay2': MACAULAY2,
  macaulay2: MACAULAY2,
  gnuplot: { error: 'pause 0.5; plot asked_for', sleep: 'pause 8', input: null },
  forth: { error: '500 ms asked-for', sleep: '8000 ms', input: null },
  julia: { error: 'sleep(0.5); error("asked for")', sleep: 'sleep(8)', input: 'readline()' },
  ruby: { error: 'sleep 0.5; raise "asked for"', sleep: 'sleep 8', input: 'gets' },
  octave: { error: 'pause(0.5); error("asked for")', sleep: 'pause(8)', input: 'input("asked for")' },
};

// Not an expression of any language above, so most languages refuse it.
const UNKNOWN: LanguageCells = { error: ')(', sleep: null, input: null };

/** The cells of a language by the name that its kernel states, whatever its case. */
export function languageCells(language: string | null): LanguageCells {
  const name = (language ?? '').toLowerCase();
  return Object.hasOwn(BY_LANGUAGE, name) ? (BY_LANGUAGE[name] ?? UNKNOWN) : UNKNOWN;
}
