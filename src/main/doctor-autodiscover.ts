/**
 * Would a phone find this server from an address of the domain? Asks as a phone asks: https://DOMAIN and
 * https://autodiscover.DOMAIN, then the SRV record, and looks whether this very server answers (S1.25–S1.29).
 */
import type { HttpRequest, HttpResponse } from "../base/io/http-client.ts";
import { INSTANCE_HEADER } from "../eas/autodiscover/routes.ts";
import type { Finding } from "./doctor.ts";

export interface AutodiscoverDoors {
  /** Addresses of a host. @throws the Node error */
  addresses(host: string): Promise<readonly string[]>;
  /** Targets of SRV records. @throws the Node error */
  services(name: string): Promise<readonly { readonly host: string; readonly port: number }[]>;
  /** @throws the Node error */
  send(request: HttpRequest, verifyCertificate: boolean): Promise<HttpResponse>;
}

const TIMEOUT_MS = 10_000;
const CERTIFICATE_ERRORS =
  /^(ERR_TLS_CERT_ALTNAME_INVALID|CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_|ERR_TLS_)/;

/** @param instance of the node whose data folder this is; undefined = only that something answers */
export async function examineAutodiscover(
  domain: string,
  instance: string | undefined,
  doors: AutodiscoverDoors,
): Promise<readonly Finding[]> {
  const services = await examineService(domain, doors);
  const places = [domain, `autodiscover.${domain}`, ...services.hosts];
  const answers = await Promise.all(places.map((place) => examinePlace(place, domain, instance, doors)));
  const works = answers.some(({ isOurs }) => isOurs);
  const found = answers.flatMap(({ findings }) => findings);
  const summary: Finding = works
    ? { check: domain, status: "ok", message: "devices find this server from the address and the password" }
    : {
        check: domain,
        status: "failure",
        message: "devices do not find this server",
        next: `Publish https://autodiscover.${domain}/ to this server (docs/operations.md, "DNS and autodiscover"), then test from outside: https://testconnectivity.microsoft.com/`,
      };
  // What does not work hurts nobody while another way does.
  const softened = found.map((finding): Finding =>
    works && finding.status === "failure" ? { ...finding, status: "warning" } : finding,
  );
  const service: Finding =
    works || services.hosts.length > 0
      ? services.finding
      : { ...services.finding, next: `Or publish: _autodiscover._tcp.${domain}. SRV 0 0 443 HOST.` };
  return [summary, ...softened, service];
}

interface Examined {
  readonly isOurs: boolean;
  readonly findings: readonly Finding[];
}

async function examinePlace(
  place: string,
  domain: string,
  instance: string | undefined,
  doors: AutodiscoverDoors,
): Promise<Examined> {
  const check = `https://${place}/autodiscover`;
  const failure = (message: string, next: string): Finding => ({ check, status: "failure", message, next });
  const [host = place] = place.split(":");
  const known = await codeOf(doors.addresses(host));
  if (known !== undefined) {
    const next = `Add an A (and AAAA) record for ${host} that points to this server or its proxy.`;
    return { isOurs: false, findings: [failure(`${host} has no address (${known})`, next)] };
  }
  const request: HttpRequest = {
    url: `https://${place}/autodiscover/autodiscover.json?Email=postmaster@${domain}&Protocol=ActiveSync`,
    method: "GET",
    timeoutMs: TIMEOUT_MS,
  };
  const findings: Finding[] = [];
  let response: HttpResponse;
  try {
    response = await doors.send(request, true);
  } catch (error) {
    const code = errorCode(error);
    if (!CERTIFICATE_ERRORS.test(code)) {
      const next = `Let port 443 of ${host} lead to this server: see "Reverse proxy" in docs/operations.md.`;
      return { isOurs: false, findings: [failure(`no answer (${code})`, next)] };
    }
    findings.push(
      failure(
        `the certificate is not trusted (${code})`,
        `Get a certificate that names ${host}; devices refuse this one, or ask the user.`,
      ),
    );
    try {
      response = await doors.send(request, false);
    } catch (second) {
      return {
        isOurs: false,
        findings: [...findings, failure(`no answer (${errorCode(second)})`, "See above.")],
      };
    }
  }
  const said = response.headers[INSTANCE_HEADER];
  if (said === undefined) {
    const next = `Let /autodiscover on ${host} lead to this server: see "Reverse proxy" in docs/operations.md.`;
    return {
      isOurs: false,
      findings: [...findings, failure(`another server answers, with ${response.status}`, next)],
    };
  }
  if (instance !== undefined && said !== instance) {
    const next = "Is the domain served by another node? Then run this command there.";
    return { isOurs: false, findings: [...findings, failure("another Rookery answers", next)] };
  }
  if (response.status !== 200) {
    const next = `Add the domain with: rookery domain add ${domain}`;
    return {
      isOurs: false,
      findings: [...findings, failure(`this server does not know the domain ${domain}`, next)],
    };
  }
  const trusted = findings.length === 0;
  const target = await examineTarget(check, response, doors);
  if (trusted) findings.push({ check, status: "ok", message: "this server answers" });
  const posted = await examinePost(check, place, domain, trusted, doors);
  const isOurs = trusted && target.status === "ok" && posted.status === "ok";
  return { isOurs, findings: [...findings, posted, target] };
}

/** What phones send (MS-OXDISCO): a POST of XML, whose first answer asks for the password. */
async function examinePost(
  check: string,
  place: string,
  domain: string,
  verifyCertificate: boolean,
  doors: AutodiscoverDoors,
): Promise<Finding> {
  const path = "/autodiscover/autodiscover.xml";
  const next = `Let POST ${path} of ${place} lead to this server, with its body and the Authorization header.`;
  const request: HttpRequest = {
    url: `https://${place}${path}`,
    method: "POST",
    headers: { "content-type": "text/xml; charset=utf-8" },
    body: Buffer.from(
      '<?xml version="1.0" encoding="utf-8"?>' +
        '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006"><Request>' +
        `<EMailAddress>postmaster@${domain}</EMailAddress><AcceptableResponseSchema>` +
        "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006" +
        "</AcceptableResponseSchema></Request></Autodiscover>",
    ),
    timeoutMs: TIMEOUT_MS,
  };
  try {
    const { status, headers } = await doors.send(request, verifyCertificate);
    if (status === 401 && headers["www-authenticate"] !== undefined) {
      return { check, status: "ok", message: "phones are asked for the password" };
    }
    return {
      check,
      status: "failure",
      message: `POST ${path} is answered with ${status} instead of 401`,
      next,
    };
  } catch (error) {
    return { check, status: "failure", message: `POST ${path} has no answer (${errorCode(error)})`, next };
  }
}

/** The address that devices are told must be an ActiveSync server, for them too. */
async function examineTarget(
  check: string,
  response: HttpResponse,
  doors: AutodiscoverDoors,
): Promise<Finding> {
  const next = "Set activesync.external_url to the address under which devices reach this server.";
  let url: string;
  try {
    url = String((JSON.parse(response.body.toString("utf8")) as { readonly Url?: unknown }).Url);
  } catch {
    return {
      check,
      status: "failure",
      message: "the answer is no JSON",
      next: "A proxy in between changes it.",
    };
  }
  try {
    const answer = await doors.send({ url, method: "OPTIONS", timeoutMs: TIMEOUT_MS }, true);
    if (answer.headers["ms-server-activesync"] !== undefined) {
      return { check, status: "ok", message: `${url} is an ActiveSync server` };
    }
    return { check, status: "failure", message: `${url} is no ActiveSync server (${answer.status})`, next };
  } catch (error) {
    return { check, status: "failure", message: `${url} does not answer (${errorCode(error)})`, next };
  }
}

async function examineService(
  domain: string,
  doors: AutodiscoverDoors,
): Promise<{ readonly finding: Finding; readonly hosts: readonly string[] }> {
  const name = `_autodiscover._tcp.${domain}`;
  try {
    const targets = await doors.services(name);
    const hosts = targets.map(({ host, port }) => (port === 443 ? host : `${host}:${port}`));
    return {
      hosts,
      finding: { check: "SRV", status: "ok", message: `${name} points to ${hosts.join(", ")}` },
    };
  } catch (error) {
    const message = `${name} is not there (${errorCode(error)}); only devices that find no address above need it`;
    return { hosts: [], finding: { check: "SRV", status: "ok", message } };
  }
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
}

function errorCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.message : String(error);
}
