/**
 * Provision: MS-ASPROV §2.2.2.44, §3.1.5.1.
 *
 * Two phases: the device asks and gets the policy with a temporary key, then acknowledges that key and gets the one that it
 * sends with every request. Asking twice gives the same temporary key; acknowledging twice the same final one, so that a
 * lost answer costs nothing. A device that is to be wiped gets that instead (§3.1.5.1.2.2).
 */
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import { readInformation } from "../devices/information.ts";
import type { Element } from "../element.ts";
import { PolicyKeys } from "../policy/policy-keys.ts";
import { Policy } from "../policy/policy.ts";
import type { Device } from "../state/port.ts";
import { EasRefusal } from "../status.ts";
import type { CommandServices } from "./services.ts";

const PROVISION = tagOf("Provision:Provision");
const STATUS = tagOf("Provision:Status");
const POLICIES = tagOf("Provision:Policies");
const POLICY = tagOf("Provision:Policy");
const POLICY_TYPE = tagOf("Provision:PolicyType");
const POLICY_KEY = tagOf("Provision:PolicyKey");
const DATA = tagOf("Provision:Data");
const REMOTE_WIPE = tagOf("Provision:RemoteWipe");
const ACCOUNT_WIPE = tagOf("Provision:AccountOnlyRemoteWipe");
const DEVICE_INFORMATION = tagOf("Settings:DeviceInformation");
const SETTINGS_STATUS = tagOf("Settings:Status");

/** The only kind of policy since 12.0; MS-WAP-Provisioning-XML is that of 2.5. */
const WBXML_POLICY = "MS-EAS-Provisioning-WBXML";
/** MS-ASPROV §2.2.2.54.1: status of a Policy. */
const POLICY_OK = 1;
const POLICY_TYPE_UNKNOWN = 3;
const POLICY_KEY_WRONG = 5;
/** What the device says of the policy, §2.2.2.54.1: 3 = it took none of it. */
const DEVICE_TOOK_NOTHING = "3";
/** AccountOnlyRemoteWipe, §2.2.2.1. */
const ACCOUNT_WIPE_VERSION = 161;

export function provision(services: CommandServices): Command {
  const policy = new Policy(services.policy);
  return {
    name: "Provision",
    async run(request) {
      const { root, device, states } = request;
      if (root?.tag !== PROVISION) return failed(2);
      const known = await states.device(device.userId, device.deviceId);
      if (known === undefined)
        throw new EasRefusal("server_error_retry_later", "the device was just removed");
      const acknowledged = root.child(REMOTE_WIPE) ?? root.child(ACCOUNT_WIPE);
      if (acknowledged !== undefined) return wiped(request, services, known, acknowledged);
      if (known.wipe !== "none") return orderWipe(request, known);
      const information = root.child(DEVICE_INFORMATION);
      if (information !== undefined) await remember(request, known, information);
      const asked = root.child(POLICIES)?.child(POLICY);
      if (asked === undefined) return failed(2);
      const keys = new PolicyKeys(states, services.random, policy, device);
      const result = await negotiate(asked, keys, request);
      const writer = new WbxmlWriter().start(PROVISION);
      if (information !== undefined) writer.start(DEVICE_INFORMATION).text(SETTINGS_STATUS, 1).end();
      writer.text(STATUS, 1).start(POLICIES).start(POLICY);
      writer.text(POLICY_TYPE, asked.textOf(POLICY_TYPE) ?? "").text(STATUS, result.status);
      if (result.key !== undefined) writer.text(POLICY_KEY, result.key);
      if (result.withDocument) {
        writer.start(DATA);
        policy.write(writer, request.version);
        writer.end();
      }
      return { kind: "wbxml", bytes: writer.end().end().end().finish() };
    },
  };
}

interface Negotiated {
  readonly status: number;
  readonly key: number | undefined;
  readonly withDocument: boolean;
}

async function negotiate(asked: Element, keys: PolicyKeys, request: EasRequest): Promise<Negotiated> {
  if (asked.textOf(POLICY_TYPE) !== WBXML_POLICY) {
    return { status: POLICY_TYPE_UNKNOWN, key: undefined, withDocument: false };
  }
  const deviceStatus = asked.textOf(STATUS);
  // Some devices send the key they have when they ask anew; only with a status it is an acknowledgement.
  if (deviceStatus === undefined) {
    return { status: POLICY_OK, key: await keys.offer(), withDocument: true };
  }
  if (deviceStatus === DEVICE_TOOK_NOTHING) {
    throw new EasRefusal("device_not_fully_provisionable", "the device did not take the policy");
  }
  if (deviceStatus !== "1")
    request.log.info("device took only a part of the policy", { status: deviceStatus });
  const key = await keys.acknowledge(asked.numberOf(POLICY_KEY) ?? 0);
  return key === undefined
    ? { status: POLICY_KEY_WRONG, key: undefined, withDocument: false }
    : { status: POLICY_OK, key, withDocument: false };
}

async function remember({ states }: EasRequest, device: Device, element: Element): Promise<void> {
  const information = { ...device.information, ...readInformation(element) };
  if (JSON.stringify(information) === JSON.stringify(device.information)) return;
  await states.updateDevice(device.userId, device.deviceId, { information });
}

/** §3.1.5.1.2.2 and §3.1.5.1.2.3. The account-only order is not known before 16.1. */
function orderWipe({ version, log }: EasRequest, device: Device): EasAnswer {
  if (device.wipe === "account" && version < ACCOUNT_WIPE_VERSION) {
    throw new EasRefusal("device_blocked", "the device's version knows no account-only wipe");
  }
  log.warn("device is told to wipe", { wipe: device.wipe });
  const order = device.wipe === "account" ? ACCOUNT_WIPE : REMOTE_WIPE;
  const writer = new WbxmlWriter().start(PROVISION).text(STATUS, 1).empty(order).end();
  return { kind: "wbxml", bytes: writer.finish() };
}

/** The device says what became of the wipe. It stays out until an administrator lets it in again. */
async function wiped(
  { states, log }: EasRequest,
  { clock }: CommandServices,
  device: Device,
  acknowledged: Element,
): Promise<EasAnswer> {
  const ordered = acknowledged.tag === REMOTE_WIPE ? "device" : "account";
  const status = acknowledged.textOf(STATUS);
  if (device.wipe === ordered && status === "1") {
    log.warn("device was wiped", { wipe: ordered });
    await states.resetDevice(device.userId, device.deviceId);
    await states.updateDevice(device.userId, device.deviceId, {
      wipe: "none",
      wipedAtMs: clock.nowMs(),
      access: "blocked",
      policyKey: 0,
    });
  } else {
    log.warn("device did not wipe", { ordered: device.wipe, answered: ordered, status });
  }
  return failed(1);
}

/** Only a Status: 1 fine, 2 protocol error. */
function failed(status: number): EasAnswer {
  return { kind: "wbxml", bytes: new WbxmlWriter().start(PROVISION).text(STATUS, status).end().finish() };
}
