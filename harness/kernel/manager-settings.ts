import type { Sockets } from '../model/sockets.ts';

/** Settings of jupyter_client's KernelManager that make its kernels' sockets so (`transport_encryption`: 8.9). */
export function managerSettings({ transport, encryption }: Sockets): Readonly<Record<string, string>> {
  return {
    ...(transport === undefined ? {} : { transport }),
    // Not `auto`, which would go on in the clear.
    ...(encryption === undefined ? {} : { transport_encryption: 'required' }),
  };
}

/** What a kernelspec has to say of its kernel for jupyter_client to give it keys. */
export function kernelspecMetadata({ encryption }: Sockets): Readonly<Record<string, string>> {
  return encryption === undefined ? {} : { supported_encryption: encryption };
}
