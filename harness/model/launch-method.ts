/** How a kernel's process comes about: started afresh, or forked from one that has imported the arm. */
export const LAUNCH_METHODS = ['spawn', 'fork'] as const;
export type LaunchMethod = (typeof LAUNCH_METHODS)[number];
