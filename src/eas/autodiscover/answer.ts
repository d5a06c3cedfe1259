/** Answers of POX Autodiscover: MS-ASCMD §2.2.1.1 (phones, S2.63), MS-OXDSCLI §2.2.4.1 (mail programs). */
import { escapeXml, MOBILESYNC, OUTLOOK } from "./request.ts";

const ROOT = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";

export interface DiscoveredUser {
  readonly displayName: string;
  readonly address: string;
  readonly loginName: string;
}

export interface MobileServer {
  readonly url: string;
  readonly culture: string;
  readonly certificateUrl: string | undefined;
  readonly certificateTemplate: string;
}

export function mobileSyncAnswer(user: DiscoveredUser, server: MobileServer): string {
  const enrol =
    server.certificateUrl === undefined
      ? ""
      : `<Server><Type>CertEnroll</Type>${element("Url", server.certificateUrl)}<Name/>` +
        `${element("ServerData", server.certificateTemplate)}</Server>`;
  return envelope(
    MOBILESYNC,
    element("Culture", server.culture) +
      `<User>${element("DisplayName", user.displayName)}${element("EMailAddress", user.address)}</User>` +
      `<Action><Settings><Server><Type>MobileSync</Type>${element("Url", server.url)}${element("Name", server.url)}` +
      `</Server>${enrol}</Settings></Action>`,
  );
}

export interface MailProtocol {
  readonly type: "IMAP" | "POP3" | "SMTP";
  readonly host: string;
  readonly port: number;
  /** From the first byte; else STARTTLS. */
  readonly implicitTls: boolean;
}

export function outlookAnswer(user: DiscoveredUser, protocols: readonly MailProtocol[]): string {
  const listed = protocols.map(
    ({ type, host, port, implicitTls }) =>
      `<Protocol><Type>${type}</Type>${element("Server", host)}<Port>${port}</Port><DomainRequired>off</DomainRequired>` +
      `${element("LoginName", user.loginName)}<SPA>off</SPA><SSL>${implicitTls ? "on" : "off"}</SSL>` +
      `<Encryption>${implicitTls ? "SSL" : "TLS"}</Encryption><AuthRequired>on</AuthRequired>` +
      `${type === "SMTP" ? "<UsePOPAuth>off</UsePOPAuth><SMTPLast>off</SMTPLast>" : ""}</Protocol>`,
  );
  return envelope(
    OUTLOOK,
    `<User>${element("DisplayName", user.displayName)}${element("AutoDiscoverSMTPAddress", user.address)}</User>` +
      `<Account><AccountType>email</AccountType><Action>settings</Action>${listed.join("")}</Account>`,
  );
}

/** MS-ASCMD §2.2.3.63: 500 address not known, 600 the request is none, 601 no schema that is spoken. */
export function errorAnswer(code: 500 | 600 | 601, message: string, time: string): string {
  return (
    `<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="${ROOT}"><Response><Error Time="${time}" Id="0">` +
    `<ErrorCode>${code}</ErrorCode>${element("Message", message)}<DebugData/></Error></Response></Autodiscover>\n`
  );
}

function envelope(schema: string, content: string): string {
  return (
    `<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="${ROOT}">` +
    `<Response xmlns="${schema}">${content}</Response></Autodiscover>\n`
  );
}

function element(name: string, text: string): string {
  return `<${name}>${escapeXml(text)}</${name}>`;
}
