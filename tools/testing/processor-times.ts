/**
 * Whether this system says how much processor time another process used. Wine does not: it answers with the caller's
 * own time (tools/windows/README.md). An outcome that depends on an idle kernel cannot be provoked there.
 */
export const hasProcessorTimes = process.env['KERNEL_SOAK_TEST_WINE'] === undefined;
