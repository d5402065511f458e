/** Run as a process of its own by the tests: ensures the environment of argv and prints what comes, as JSON lines. */
import { type EnvironmentOptions, ensureEnvironment } from './index.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as EnvironmentOptions;
const print = (value: object): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);
const environment = await ensureEnvironment({ ...options, onProgress: (progress) => print({ progress }) });
print({ made: environment.made, python: environment.python });
