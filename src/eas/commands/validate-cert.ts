/**
 * ValidateCert: MS-ASCMD §2.2.1.22. Revocation lists are not fetched: a device that insists on them (CheckCRL,
 * §2.2.3.22) is told that the state of an otherwise good certificate is not known.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { Command, EasAnswer } from "../command.ts";
import { CertificateChain, type CertificateState, parseCertificate } from "./certificate-chain.ts";
import type { CommandServices } from "./services.ts";

const ROOT = tagOf("ValidateCert:ValidateCert");
const CERTIFICATES = tagOf("ValidateCert:Certificates");
const CERTIFICATE = tagOf("ValidateCert:Certificate");
const CERTIFICATE_CHAIN = tagOf("ValidateCert:CertificateChain");
const CHECK_CRL = tagOf("ValidateCert:CheckCRL");
const STATUS = tagOf("ValidateCert:Status");

/** MS-ASCMD §2.2.3.177.18. */
const OK = 1;
const PROTOCOL_ERROR = 2;
const REVOCATION_UNKNOWN = 16;
const STATUS_OF: Readonly<Record<CertificateState, number>> = {
  good: OK,
  signature_bad: 3,
  untrusted: 4,
  not_for_mail: 6,
  expired: 7,
  chain_expired: 8,
  unreadable: 10,
};

/** Of a request, those to be validated and those of the chain together. */
const MAX_CERTIFICATES = 100;
/** Other requests are served after each so many. */
const CERTIFICATES_A_TURN = 4;

export function validateCert({ clock }: Pick<CommandServices, "clock">): Command {
  return {
    name: "ValidateCert",
    async run({ root }): Promise<EasAnswer> {
      const given = root?.child(CERTIFICATES)?.all(CERTIFICATE) ?? [];
      const between = root?.child(CERTIFICATE_CHAIN)?.all(CERTIFICATE) ?? [];
      const writer = new WbxmlWriter().start(ROOT);
      if (root?.tag !== ROOT || given.length === 0 || given.length + between.length > MAX_CERTIFICATES) {
        writer.text(STATUS, PROTOCOL_ERROR);
        return { kind: "wbxml", bytes: writer.end().finish() };
      }
      const insistsOnRevocation = root.flagOf(CHECK_CRL, false);
      const chain = new CertificateChain();
      let done = 0;
      const mayPause = async (): Promise<void> => {
        done += 1;
        if (done % CERTIFICATES_A_TURN === 0) await nextTurn();
      };
      for (const { content } of between) {
        chain.add(parseCertificate(content));
        await mayPause();
      }
      writer.text(STATUS, OK);
      for (const { content } of given) {
        const state = await chain.stateOf(parseCertificate(content), clock.nowMs());
        const status = state === "good" && insistsOnRevocation ? REVOCATION_UNKNOWN : STATUS_OF[state];
        writer.start(CERTIFICATE).text(STATUS, status).end();
        await mayPause();
      }
      return { kind: "wbxml", bytes: writer.end().finish() };
    },
  };
}
