import { systemClock } from "../base/io/clock.ts";
import { TlsContexts } from "../base/io/tls-contexts.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/load.ts";
import { nodeOptions } from "./node-options.ts";
import { ensureSelfSignedFiles } from "./self-signed-files.ts";
import { certificateFiles, tlsOptions } from "./tls-options.ts";

/** The configured certificates, or a self-signed one that is made at the first start; watched for changes. */
export function openCertificates(config: Config, dataFolder: string, log: Log): TlsContexts {
  const settings = config.get(tlsOptions);
  const files = certificateFiles(settings, dataFolder);
  const [first] = files;
  if (settings.certificate === undefined && first !== undefined) {
    if (ensureSelfSignedFiles(first, config.get(nodeOptions).name, systemClock.nowMs())) {
      log.info("made a self-signed certificate", { file: first.certificate });
    }
  }
  const tls = new TlsContexts(files);
  tls.watch(systemClock, (error) => {
    if (error === undefined) log.info("certificates changed", { certificates: describeCertificates(tls) });
    else log.error("changed certificates are not usable, the old ones stay in use", { err: error });
  });
  return tls;
}

export function describeCertificates(tls: TlsContexts): { [key: string]: string | readonly string[] }[] {
  return tls.certificates.map(({ file, names, validFrom, validTo }) => ({
    file,
    names,
    validFrom: validFrom.toISOString(),
    validTo: validTo.toISOString(),
  }));
}
