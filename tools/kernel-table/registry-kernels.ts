/** A kernel that a package registry has, and how it is installed, started and spoken to. */
export interface RegistryKernel {
  /** Name in the table and of its folder. */
  readonly name: string;
  /** Package and version, as a person would ask for it. */
  readonly title: string;
  readonly registry: 'PyPI' | 'npm' | 'Debian';
  /** What is installed for it; of Debian's: what has to be there already. */
  readonly packages: readonly string[];
  /** Debian's packages that it needs besides. */
  readonly needs?: readonly string[];
  /** Program that shows that they are there. */
  readonly program?: string;
  /** Python that its environment is made from, such as `3.12`. Absent: the default one. */
  readonly pythonVersion?: string;
  /** `{spec}`: as the kernelspec has it that the package brings. `{python}`: its environment's interpreter; `{bin}`: the folder of its programs. */
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly interruptMode?: 'signal' | 'message';
  readonly language: string;
  /** Small cells that depend on each other, and print. */
  readonly cells: readonly string[];
  /** What a reader of its rows has to know, as whole sentences. Absent: nothing. */
  readonly remark?: string;
}

const PYTHON_CELLS = ['x = 1', 'x += 1', 'print(x)', 'x * 2', 'sum(range(x))', 'print("end", x)'];
const SHELL_CELLS = [
  'x=1',
  'x=$((x+1))',
  'echo $x',
  'echo $((x*2))',
  'for i in 1 2; do echo $i; done',
  'echo end',
];
const JAVASCRIPT_CELLS = ['let x = 1', 'x = x + 1', 'x * 2', 'const f = (n) => n * x', 'f(3)', 'x + f(1)'];

function pythonModule(module: string): RegistryKernel['argv'] {
  return ['{python}', '-m', module, '-f', '{connection_file}'];
}

/** Kernels of the table: many families, the newest releases of the day, each pinned. */
export const REGISTRY_KERNELS: readonly RegistryKernel[] = [
  {
    name: 'ipykernel-7.4.0',
    title: 'ipykernel 7.4.0',
    registry: 'PyPI',
    packages: ['ipykernel==7.4.0'],
    argv: pythonModule('ipykernel_launcher'),
    language: 'python',
    cells: PYTHON_CELLS,
  },
  {
    name: 'ipykernel-6.31.0',
    title: 'ipykernel 6.31.0',
    registry: 'PyPI',
    packages: ['ipykernel==6.31.0'],
    argv: pythonModule('ipykernel_launcher'),
    language: 'python',
    cells: PYTHON_CELLS,
  },
  {
    name: 'xpython',
    title: 'xeus-python 0.19.0',
    registry: 'PyPI',
    packages: ['xeus-python==0.19.0'],
    argv: pythonModule('xpython_launcher'),
    language: 'python',
    cells: PYTHON_CELLS,
  },
  {
    name: 'xpython-raw',
    title: 'xeus-python 0.19.0, raw mode',
    registry: 'PyPI',
    packages: ['xeus-python==0.19.0'],
    argv: [...pythonModule('xpython_launcher'), '--raw'],
    language: 'python',
    cells: PYTHON_CELLS,
  },
  {
    name: 'akernel',
    title: 'akernel 0.4.2',
    registry: 'PyPI',
    // Without the extra its program does not start: it imports what only the extra brings.
    packages: ['akernel[subprocess]==0.4.2'],
    argv: ['{bin}/akernel', 'launch', '-f', '{connection_file}'],
    language: 'python',
    cells: PYTHON_CELLS,
  },
  {
    name: 'async-kernel',
    title: 'async-kernel 0.23.1',
    registry: 'PyPI',
    packages: ['async-kernel==0.23.1'],
    argv: ['{python}', '-m', 'async_kernel', 'start', '--connection_file={connection_file}', '--name=async'],
    interruptMode: 'message',
    language: 'python',
    cells: PYTHON_CELLS,
  },
  {
    name: 'ipymini',
    title: 'ipymini 0.1.25',
    registry: 'PyPI',
    packages: ['ipymini==0.1.25'],
    argv: pythonModule('ipymini'),
    language: 'python',
    cells: PYTHON_CELLS,
  },
  {
    name: 'xonsh',
    title: 'xonsh 0.25.0 with xontrib-jupyter',
    registry: 'PyPI',
    packages: ['xonsh==0.25.0', 'xontrib-jupyter'],
    argv: pythonModule('xonsh_jupyter.kernel'),
    language: 'xonsh',
    cells: PYTHON_CELLS,
  },
  {
    name: 'basilisp',
    title: 'basilisp-kernel 1.3.0',
    registry: 'PyPI',
    packages: ['basilisp-kernel==1.3.0'],
    argv: pythonModule('basilisp_kernel'),
    language: 'clojure',
    cells: ['(def x 1)', '(+ x 1)', '(println x)', '(* x 2)', '(map inc [1 2 3])', '(println "end")'],
    remark:
      'Its runs have a warm cache: basilisp had compiled itself before. Where Python may write no bytecode, it compiles itself at each start, which took 24 s and more here, and the same five runs were `start-failed`.',
  },
  {
    name: 'calysto-scheme',
    title: 'calysto-scheme 2.1.9',
    registry: 'PyPI',
    packages: ['calysto-scheme==2.1.9'],
    argv: pythonModule('calysto_scheme'),
    language: 'scheme',
    cells: [
      '(define x 1)',
      '(+ x 1)',
      '(display x)',
      '(* x 2)',
      "(map (lambda (n) (+ n 1)) '(1 2 3))",
      '(display "end")',
    ],
  },
  {
    name: 'bash',
    title: 'bash_kernel 0.10.0',
    registry: 'PyPI',
    packages: ['bash-kernel==0.10.0'],
    argv: pythonModule('bash_kernel'),
    language: 'bash',
    cells: SHELL_CELLS,
  },
  {
    name: 'zsh',
    title: 'zsh-jupyter-kernel 3.5.1',
    registry: 'PyPI',
    packages: ['zsh-jupyter-kernel==3.5.1'],
    needs: ['zsh'],
    program: 'zsh',
    argv: pythonModule('zsh_jupyter_kernel'),
    language: 'zsh',
    cells: SHELL_CELLS,
  },
  {
    name: 'fish',
    title: 'fish-kernel 1.1.0',
    registry: 'PyPI',
    packages: ['fish-kernel==1.1.0'],
    needs: ['fish'],
    program: 'fish',
    argv: pythonModule('fish_kernel'),
    language: 'fish',
    cells: [
      'set x 1',
      'set x (math $x + 1)',
      'echo $x',
      'math $x \\* 2',
      'for i in 1 2; echo $i; end',
      'echo end',
    ],
  },
  {
    name: 'gnuplot',
    title: 'gnuplot_kernel 0.5.0',
    registry: 'PyPI',
    packages: ['gnuplot-kernel==0.5.0'],
    needs: ['gnuplot-nox'],
    program: 'gnuplot',
    argv: pythonModule('gnuplot_kernel'),
    language: 'gnuplot',
    cells: ['x = 1', 'x = x + 1', 'print x', 'print x * 2', 'f(n) = n + x', 'print f(2)'],
  },
  {
    name: 'forth',
    title: 'forth-kernel 0.4.2',
    registry: 'PyPI',
    packages: ['forth-kernel==0.4.2'],
    needs: ['gforth'],
    program: 'gforth',
    // It imports typing.override, although its metadata allows Python 3.11. Its own kernelspec names the module below,
    // which its wheel does not have: findings/forth-kernel-without-its-package.sh.
    pythonVersion: '3.12',
    argv: pythonModule('forth_kernel'),
    language: 'forth',
    cells: ['1 constant x', 'x 1 + .', 'x .', ': double dup + ;', 'x double .', '." end"'],
  },
  {
    name: 'ilua',
    title: 'ilua 0.2.1',
    registry: 'PyPI',
    packages: ['ilua==0.2.1'],
    needs: ['lua5.3'],
    program: 'lua5.3',
    argv: ['{python}', '-m', 'ilua.app', '-c', '{connection_file}', '-i', 'lua5.3'],
    language: 'lua',
    cells: ['x = 1', 'x = x + 1', 'print(x)', 'return x * 2', 'for i = 1, 2 do print(i) end', 'print("end")'],
    remark:
      'Its runs differ from round to round. Of three rounds of five runs, two had runs that lost an idle status, and two had runs in which the process ended with exit code 0. The last round is shown.',
  },
  {
    name: 'echo',
    title: 'echo-kernel 1.1',
    registry: 'PyPI',
    packages: ['echo-kernel==1.1'],
    argv: pythonModule('echo_kernel'),
    language: 'text',
    cells: ['one', 'two', 'three', 'four', 'five', 'six'],
  },
  {
    name: 'brainfuck',
    title: 'jansbrainfuckkernel 1.0.1',
    registry: 'PyPI',
    packages: ['jansbrainfuckkernel==1.0.1'],
    argv: pythonModule('jansbrainfuckkernel'),
    language: 'brainfuck',
    cells: ['+', '++.', '>+<', '[-]', '+++.', '-'],
  },
  {
    name: 'calc',
    title: 'janscalckernel 1.1.0',
    registry: 'PyPI',
    packages: ['janscalckernel==1.1.0'],
    needs: ['apcalc'],
    program: 'calc',
    argv: pythonModule('janscalckernel'),
    language: 'calc',
    cells: ['1 + 1', '2 * 3', '10 / 4', '2 - 5', '3 * 3', '7 + 1'],
  },
  {
    name: 'sqlite',
    title: 'janssqlitekernel 1.2.0',
    registry: 'PyPI',
    packages: ['janssqlitekernel==1.2.0'],
    argv: pythonModule('janssqlitekernel'),
    language: 'sql',
    cells: ['select 1;', 'select 1 + 1;', 'select 2 * 3;', 'select 4;', 'select 5;', 'select 6;'],
  },
  {
    name: 'jjava',
    title: 'jjava 1.0a8',
    registry: 'PyPI',
    packages: ['jjava==1.0a8'],
    needs: ['default-jre'],
    program: 'java',
    argv: ['{spec}'],
    interruptMode: 'message',
    language: 'java',
    cells: ['int x = 1;', 'x = x + 1;', 'System.out.println(x);', 'x * 2', 'int y = x + 3;', 'y'],
  },
  {
    name: 'deno',
    title: 'deno 2.9.8',
    registry: 'PyPI',
    packages: ['deno==2.9.8'],
    argv: ['{bin}/deno', 'jupyter', '--kernel', '--conn', '{connection_file}'],
    language: 'typescript',
    cells: JAVASCRIPT_CELLS,
  },
  {
    name: 'tslab',
    title: 'tslab 1.0.22',
    registry: 'npm',
    packages: ['tslab@1.0.22', '@types/node@20'],
    argv: ['{bin}/tslab', 'kernel', '--config-path', '{connection_file}', '--js'],
    language: 'javascript',
    cells: JAVASCRIPT_CELLS,
  },
  {
    name: 'ir',
    title: 'IRkernel 1.3.2',
    registry: 'Debian',
    packages: ['r-cran-irkernel'],
    program: 'R',
    argv: ['R', '--slave', '-e', 'IRkernel::main()', '--args', '{connection_file}'],
    language: 'R',
    cells: ['x <- 1', 'x <- x + 1', 'print(x)', 'x * 2', 'sapply(1:3, sqrt)', 'cat("end\\n")'],
  },
  {
    name: 'macaulay2',
    title: 'macaulay2-jupyter-kernel 0.6.7',
    registry: 'Debian',
    packages: ['macaulay2-jupyter-kernel'],
    program: 'M2',
    argv: ['/usr/bin/python3', '-m', 'm2_kernel', '-f', '{connection_file}'],
    language: 'text/x-macaulay2',
    cells: ['x = 1', 'x + 1', 'print x', 'x * 2', 'apply(3, i -> i)', 'print "end"'],
  },
  {
    name: 'xpython-debian',
    title: 'xpython of Debian',
    registry: 'Debian',
    packages: ['xpython'],
    program: 'xpython',
    argv: ['/usr/bin/xpython', '-f', '{connection_file}'],
    language: 'python',
    cells: PYTHON_CELLS,
  },
];
