/**
 * Holm's step-down adjustment (1979, Scandinavian Journal of Statistics 6:65). Claim where the adjusted
 * p-value is at most α: the chance of any false claim is then at most α, whatever the dependence. Adjusted
 * values come in the order of the p-values, 0 to 1. No p-values give an empty list.
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => (pValues[a] ?? 0) - (pValues[b] ?? 0));
  const adjusted = new Array<number>(pValues.length).fill(1);
  let largest = 0;
  order.forEach((index, step) => {
    largest = Math.max(largest, Math.min(1, (pValues[index] ?? 1) * (pValues.length - step)));
    adjusted[index] = largest;
  });
  return adjusted;
}
