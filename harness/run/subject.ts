import type { ClientProgram } from '../kernel/client-process.ts';
import type { CommandProgram } from '../kernel/command-client.ts';
import type { KernelCommandMaker } from '../kernel/launch.ts';
import type { Overlay } from '../kernel/overlay.ts';
import type { ProtocolArm } from '../model/arm.ts';

/** What runs are of, ready to launch. */
export type Subject = ArmSubject | KernelspecSubject;

/** ipykernel, or a client of it, with an arm's change: what was loaded is checked against the overlay. */
export interface ArmSubject {
  readonly overlay: Overlay;
  readonly makeCommand: KernelCommandMaker;
  /** The program that executes the notebook. Absent: the harness's own front end. */
  readonly client?: {
    readonly program: ClientProgram;
    /** `null`: the client is as installed, so that nothing is checked. */
    readonly overlay: Overlay | null;
  };
  /** The command that executes the notebook in a kernel of the harness. Absent: there is none. */
  readonly command?: CommandProgram;
}

/** A kernel as its kernelspec starts it: nothing is injected, so that nothing is checked. */
export interface KernelspecSubject {
  readonly kernelspec: ProtocolArm;
  readonly makeCommand: KernelCommandMaker;
}

/** What the protocol says of it. */
export function protocolArm(subject: Subject): ProtocolArm {
  return 'kernelspec' in subject ? subject.kernelspec : subject.overlay.protocolArm;
}
