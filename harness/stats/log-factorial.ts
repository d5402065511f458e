import gammaln from '@stdlib/math-base-special-gammaln';

let table = new Float64Array([0]);

/**
 * ln k! for k = 0 … at least `max`. The table is cached for the process: exact tests look up the same values
 * millions of times.
 */
export function logFactorials(max: number): Float64Array {
  if (table.length <= max) {
    const grown = new Float64Array(Math.max(max + 1, table.length * 2, 1024));
    grown.set(table);
    for (let k = table.length; k < grown.length; k += 1) grown[k] = gammaln(k + 1);
    table = grown;
  }
  return table;
}
