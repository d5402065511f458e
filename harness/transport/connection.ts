/** A connection file's content (jupyter_client, "Connection files"). */
export interface ConnectionInfo {
  readonly transport: 'tcp';
  readonly ip: string;
  /** Empty: messages are not signed. */
  readonly key: string;
  readonly signature_scheme: 'hmac-sha256';
  readonly shell_port: number;
  readonly iopub_port: number;
  readonly stdin_port: number;
  readonly control_port: number;
  readonly hb_port: number;
  readonly kernel_name: string;
}
