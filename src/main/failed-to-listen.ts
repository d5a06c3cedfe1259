/** Names the address, which the Node error of a host name does not. */
export function failedToListen(host: string, port: number, error: unknown): never {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const address = `${host === "" ? "*" : host}:${port}`;
  throw Object.assign(new Error(`could not listen on ${address}`, { cause: error }), { code });
}
