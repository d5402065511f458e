/**
 * Numbers as a report prints them, independent of locale. They format, and compute nothing: every statistic
 * comes from the analysis. A number that does not exist is `n/a`.
 */

const NOT_AVAILABLE = 'n/a';

/** A share of 1 as a percentage with one decimal, `30.0 %`; whole at 0 and 100. */
export function percent(share: number | null): string {
  if (share === null) return NOT_AVAILABLE;
  return `${percentDigits(share)} %`;
}

/** An interval of shares, `11.9 to 54.3 %`. */
export function percentInterval(interval: readonly [number, number] | null): string {
  if (interval === null) return NOT_AVAILABLE;
  return `${percentDigits(interval[0])} to ${percentDigits(interval[1])} %`;
}

/** A difference of shares in percentage points, signed. */
export function points(difference: number | null): string {
  if (difference === null) return NOT_AVAILABLE;
  return `${signed(difference)} points`;
}

/** An interval of differences in percentage points, signed. */
export function pointsInterval(interval: readonly [number, number] | null): string {
  if (interval === null) return NOT_AVAILABLE;
  return `${signed(interval[0])} to ${signed(interval[1])} points`;
}

/** A probability with three significant digits; below 0.001 as `8.0e-4`. */
export function probability(p: number | null): string {
  if (p === null) return NOT_AVAILABLE;
  if (p === 0) return '< 1e-300';
  if (p < 0.001) return p.toExponential(1);
  return p >= 0.9995 ? '1' : significant(p, 3);
}

/** A p-value with its relation, `p = 0.0101`. */
export function pValue(p: number | null): string {
  const digits = probability(p);
  return digits.startsWith('<') ? `p ${digits}` : `p = ${digits}`;
}

/** An E-value from its natural logarithm: `0.42`, `1250`, `3.1e9`. Never overflows. */
export function eValue(logE: number | null): string {
  if (logE === null) return NOT_AVAILABLE;
  const log10 = logE / Math.LN10;
  if (log10 < -3 || log10 >= 5) {
    let exponent = Math.floor(log10);
    let mantissa = 10 ** (log10 - exponent);
    if (mantissa >= 9.95) {
      mantissa = 1;
      exponent += 1;
    }
    return `${mantissa.toFixed(1)}e${exponent < 0 ? '-' : ''}${Math.abs(exponent)}`;
  }
  return significant(Math.exp(logE), 3);
}

/** A rate per reply as a rate per 1000 replies, `4.21 per 1000`. */
export function perThousand(rate: number | null): string {
  if (rate === null) return NOT_AVAILABLE;
  return rate === 0 ? '0' : significant(rate * 1000, 3);
}

export function perThousandInterval(interval: readonly [number, number] | null): string {
  if (interval === null) return NOT_AVAILABLE;
  return `${perThousand(interval[0])} to ${perThousand(interval[1])}`;
}

/** Milliseconds in the unit that suits: `340 ms`, `1.25 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number | null): string {
  if (ms === null) return NOT_AVAILABLE;
  if (ms < 1) return `${significant(ms, 2)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 59_995) return `${significant(ms / 1000, 3)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** An estimate, or a time that runs: `40 s`, `12 min`, `2 h 5 min`; at least 1 s. */
export function roughDuration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A count; thousands apart by a narrow space would break searching, so plain digits. */
export function count(n: number): string {
  return String(n);
}

/** `1 run`, `2 runs`. */
export function counted(n: number, singular: string, plural = `${singular}s`): string {
  return `${n} ${n === 1 ? singular : plural}`;
}

/** Memory in whole GiB. */
export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

/** Memory in the unit that suits: `9.5 MiB`, `312 MiB`, `1.25 GiB`. */
export function memorySize(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes < 999.5 ? `${significant(mebibytes, 3)} MiB` : `${significant(mebibytes / 1024, 3)} GiB`;
}

/** `digits` significant digits in plain decimals, without trailing zeros after the point. */
export function significant(value: number, digits: number): string {
  if (value === 0) return '0';
  const exponential = value.toExponential(digits - 1);
  const exponent = Number(exponential.slice(exponential.indexOf('e') + 1));
  if (exponent >= 15 || exponent < -7) return exponential.replace('+', '');
  const fixed = Number(exponential).toFixed(Math.max(0, digits - 1 - exponent));
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}

function percentDigits(share: number): string {
  if (share === 0) return '0';
  if (share === 1) return '100';
  const digits = (share * 100).toFixed(1);
  // What is not quite all or nothing must not be printed as if it were.
  if (digits === '0.0') return '< 0.1';
  return digits === '100.0' ? '> 99.9' : digits;
}

function signed(difference: number): string {
  const digits = Math.abs(difference * 100).toFixed(1);
  if (digits === '0.0') return '0';
  return `${difference < 0 ? '−' : '+'}${digits}`;
}
