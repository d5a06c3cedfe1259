import { systemDisk } from "../base/io/system-disk.ts";
import type { LoadedCertificate } from "../base/io/tls-contexts.ts";
import type { Metrics } from "../base/metrics.ts";

export interface Watched {
  readonly dataFolder: string;
  readonly tls: { readonly certificates: readonly LoadedCertificate[] };
  readonly textIndex: { readonly lagChanges: number };
}

/** What an operator wants to be warned of before it hurts: asked at each scrape. */
export function watchNode(metrics: Metrics, { dataFolder, tls, textIndex }: Watched): void {
  const disk = metrics.room("disk");
  disk.gauge(
    "free_bytes",
    "Free room on the file system of the data folder.",
    () => systemDisk.space(dataFolder).freeBytes,
  );
  metrics
    .room("tls")
    .gauge("certificate_expiry_timestamp_seconds", "When the first certificate in use ends.", () =>
      Math.min(...tls.certificates.map(({ validTo }) => validTo.getTime() / 1000)),
    );
  metrics
    .room("index")
    .gauge(
      "lag_changes",
      "Changes of the store that the text index has not seen; searches scan meanwhile.",
      () => textIndex.lagChanges,
    );
}
