import { parse } from 'yaml';
import { z } from 'zod';
import { PackageCollector, type PackageList } from './package-list.ts';
import { collectRequirement } from './requirements-file.ts';

/**
 * conda packages that PyPI has under a name of its own, or under the same name and from the same project. Others are left
 * out: a name of conda may be somebody else's package on PyPI.
 */
const SAME_ON_PYPI = new Set(
  `altair anyio arrow asttokens attrs beautifulsoup4 black bokeh bottleneck bqplot cartopy cffi click cloudpickle comm cython dask
  datashader debugpy distributed duckdb fastapi fastparquet flask fsspec gensim geopandas geopy graphviz h5py holoviews
  httpx hvplot imageio intake ipycytoscape ipykernel ipyleaflet ipympl ipyparallel ipython ipython-genutils ipywidgets
  jinja2 joblib jupyter-client jupyter-core jupyter-server jupyterlab jupytext keras kiwisolver lightgbm lxml matplotlib
  matplotlib-inline mpmath nbclient nbconvert nbformat nbval nest-asyncio networkx nltk notebook numba numexpr numpy
  openpyxl packaging pandas panel papermill patsy pillow plotly polars psutil psycopg2 pyarrow pydantic pymc pyproj pytest python-dateutil rich
  pytz pyyaml pyzmq rasterio requests rioxarray scikit-image scikit-learn scipy seaborn shapely simpy spacy sqlalchemy
  statsmodels sympy tensorflow toolz torchvision tornado tqdm traitlets transformers typing-extensions uvicorn vaex
  voila widgetsnbextension xarray xgboost xlrd xlsxwriter zarr`.split(/\s+/),
);
const RENAMED = new Map([
  ['matplotlib-base', 'matplotlib'],
  ['dask-core', 'dask'],
  ['seaborn-base', 'seaborn'],
  ['plotly-base', 'plotly'],
  ['pytorch', 'torch'],
]);
const NOT_FROM_PYPI = 'a conda package that is not known to be the same on PyPI';

/** The name on PyPI of a conda package; `null`: it is not known to be there. */
function pypiName(conda: string): string | null {
  const name = conda.toLowerCase().replace(/[_.]/g, '-');
  return RENAMED.get(name) ?? (SAME_ON_PYPI.has(name) ? name : null);
}

const environmentSchema = z.object({
  dependencies: z.array(z.union([z.string(), z.object({ pip: z.array(z.string()) })])),
});

/** `environment.yml` of conda: its `pip:` part, and the conda packages that PyPI is known to have. */
export function condaEnvironment(text: string): PackageList {
  const { dependencies } = environmentSchema.parse(parse(text));
  const collector = new PackageCollector();
  for (const each of dependencies) {
    if (typeof each !== 'string') {
      for (const line of each.pip) collectRequirement(collector, line);
      continue;
    }
    const spec = each.replace(/^.*::/, '').trim();
    const [, conda = spec, versions = ''] = /^([\w.-]+)\s*(.*)$/s.exec(spec) ?? [];
    if (isPython(collector, conda, versions.replace(/[=\s]/g, ''))) continue;
    const name = pypiName(conda);
    if (name === null) collector.leaveOut(conda, NOT_FROM_PYPI);
    else collector.require(`${name}${pipVersions(versions)}`);
  }
  return collector.list(false);
}

/** conda's `=1.26` is any 1.26. `=1.26.4=py312h_0`, `==1.26.4` and `1.26.4` are that version. Other operators are pip's too. */
function pipVersions(conda: string): string {
  const versions = conda.trim();
  const [, operator = '', version = '', build] =
    /^(={0,2})\s*([\w.+!*]+)(\s*=\s*\S+|\s+\S+)?$/.exec(versions) ?? [];
  if (version === '') return versions;
  const plain = version.replace(/\.?\*$/, '');
  if (plain === '') return '';
  const isFuzzy = plain !== version || (operator === '=' && build === undefined);
  return isFuzzy ? `==${plain}.*` : `==${plain}`;
}

function isPython(collector: PackageCollector, conda: string, version: string): boolean {
  if (conda === 'pip' || conda === 'setuptools' || conda === 'wheel') return true;
  if (conda !== 'python') return false;
  const wanted = /^\d+\.\d+/.exec(version)?.[0];
  collector.leaveOut(
    `python ${version}`.trim(),
    `the Python is chosen by --python${wanted === undefined ? '' : ` ${wanted}`}`,
  );
  return true;
}

const pixiPackageSchema = z
  .object({
    /** Format 6 names a package by its address, format 5 by its kind. */
    conda: z.string().optional(),
    pypi: z.string().optional(),
    kind: z.string().optional(),
    name: z.string().optional(),
    version: z.union([z.string(), z.number()]).optional(),
    url: z.string().optional(),
    path: z.string().optional(),
    purls: z.array(z.string()).optional(),
  })
  .loose();
const pixiLockSchema = z.object({
  version: z.number(),
  environments: z.record(
    z.string(),
    z.object({ packages: z.record(z.string(), z.array(z.record(z.string(), z.unknown()))) }).loose(),
  ),
  packages: z.array(pixiPackageSchema),
});

/** conda's name of a platform. */
export function condaPlatform(platform: NodeJS.Platform, arch: string): string {
  const system = platform === 'win32' ? 'win' : platform === 'darwin' ? 'osx' : 'linux';
  if (arch === 'arm64') return system === 'linux' ? 'linux-aarch64' : `${system}-arm64`;
  return `${system}-64`;
}

/**
 * `pixi.lock`: the environment `default` of this platform. A conda package is taken where the lock says which package of
 * PyPI it is, or where it is known to be the same.
 */
export function pixiLock(text: string, platform: string): PackageList {
  const lock = pixiLockSchema.parse(parse(text));
  const { default: environment, ...others } = lock.environments;
  if (environment === undefined) throw new Error('it has no environment named default');
  const here = environment.packages[platform];
  if (here === undefined) {
    throw new Error(`it is for ${Object.keys(environment.packages).join(', ')}, and this is ${platform}`);
  }
  const collector = new PackageCollector();
  for (const name of Object.keys(others)) {
    collector.leaveOut(`the environment ${name}`, 'only the environment default is installed');
  }
  const wanted = new Set(
    here.flatMap((entry) => [entry['conda'], entry['pypi']].filter((at) => at !== undefined)),
  );
  for (const each of lock.packages) {
    const place = each.conda ?? each.pypi ?? each.url ?? each.path;
    if (place === undefined || !wanted.has(place)) continue;
    const isConda = each.conda !== undefined || each.kind === 'conda';
    const [fileName, fileVersion] = isConda ? condaFile(place) : [];
    const name = each.name ?? fileName ?? place;
    const version = each.version ?? fileVersion;
    if (isConda) collectConda(collector, name, version, each.purls);
    else if (version === undefined || !/^https?:/.test(place))
      collector.leaveOut(name, 'it is installed from a folder');
    else collector.require(`${name}==${version}`);
  }
  return collector.list(true);
}

function collectConda(
  collector: PackageCollector,
  conda: string,
  version: string | number | undefined,
  purls: readonly string[] | undefined,
): void {
  if (isPython(collector, conda, String(version ?? ''))) return;
  const fromPurl = purls
    ?.map((purl) => /^pkg:pypi\/([\w.-]+)/.exec(purl)?.[1])
    .find((name) => name !== undefined);
  const name = fromPurl ?? (purls === undefined ? pypiName(conda) : null);
  if (name === null || version === undefined) collector.leaveOut(conda, NOT_FROM_PYPI);
  else collector.require(`${name}==${version}`);
}

/** Name and version in the address of a conda package: `…/numpy-1.26.4-py312h_0.conda`. */
function condaFile(address: string): [string | undefined, string | undefined] {
  const [, name, version] = /([^/]+)-([^/-]+)-[^/-]+\.(?:conda|tar\.bz2)$/.exec(address) ?? [];
  return [name, version];
}
