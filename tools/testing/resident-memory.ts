import { readFileSync } from 'node:fs';

/** Resident memory of a process now and at most so far, MiB; `null` once it has ended. Linux only (proc(5)). */
export function residentMemory(pid: number): { readonly nowMiB: number; readonly mostMiB: number } | null {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return null;
  }
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024;
  const [nowMiB, mostMiB] = [mib('VmRSS'), mib('VmHWM')];
  // A zombie has a status without memory.
  return Number.isNaN(nowMiB) ? null : { nowMiB, mostMiB };
}
