import { z } from 'zod';

/** `kernel.json`, as far as a launch needs it (jupyter_client, "Kernel specs"). */
export interface KernelSpec {
  readonly argv: readonly [string, ...string[]];
  readonly displayName: string;
  /** As the file states it; empty when it does not. */
  readonly language: string;
  /** May hold `$NAME` and `${NAME}`, as Python's `string.Template` reads them. */
  readonly env: Readonly<Record<string, string>>;
  readonly interruptMode: 'signal' | 'message';
  /** Whether the file says that the kernel takes CurveZMQ keys from its connection file. */
  readonly offersCurve: boolean;
}

const fileSchema = z.object({
  argv: z.array(z.string()).min(1, 'is empty'),
  display_name: z.string().default(''),
  language: z.string().default(''),
  env: z.record(z.string(), z.string()).default({}),
  interrupt_mode: z
    .string()
    .transform((mode) => mode.toLowerCase())
    .pipe(z.enum(['signal', 'message'], { error: 'is neither "signal" nor "message"' }))
    .default('signal'),
  metadata: z
    .object({
      kernel_provisioner: z.object({ provisioner_name: z.string() }).optional(),
      // A word or several, in any case, as jupyter_client reads it; of another form it offers nothing.
      supported_encryption: z
        .union([z.string().transform((word) => [word]), z.array(z.string())])
        .catch([])
        .optional(),
    })
    .default({}),
});

/** A kernel.json that was read, or why no kernel can be launched by it. */
export type ParsedSpec =
  | { readonly ok: true; readonly spec: KernelSpec }
  | { readonly ok: false; readonly reason: string };

/** The one that jupyter_client itself starts kernels with; every other starts them somewhere else. */
const LOCAL_PROVISIONER = 'local-provisioner';

/** Parse the text of a kernel.json. Never throws: what cannot be used is named. */
export function parsedSpec(text: string): ParsedSpec {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, reason: `kernel.json is not JSON: ${(error as Error).message}` };
  }
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') || 'kernel.json';
    return { ok: false, reason: `kernel.json: ${where}: ${issue?.message ?? 'not usable'}` };
  }
  const { argv, display_name, language, env, interrupt_mode, metadata } = parsed.data;
  const [program = '', ...args] = argv;
  const provisioner = metadata.kernel_provisioner?.provisioner_name ?? LOCAL_PROVISIONER;
  if (provisioner !== LOCAL_PROVISIONER) {
    return { ok: false, reason: `it is started by the provisioner ${provisioner}, which only a Jupyter has` };
  }
  if (!argv.some((word) => word.includes('{connection_file}'))) {
    return {
      ok: false,
      reason: 'argv has no {connection_file}: the kernel could not be told where to listen',
    };
  }
  return {
    ok: true,
    spec: {
      argv: [program, ...args],
      displayName: display_name,
      language,
      env,
      interruptMode: interrupt_mode,
      offersCurve: (metadata.supported_encryption ?? []).some(
        (word) => word.trim().toLowerCase() === 'curve',
      ),
    },
  };
}
