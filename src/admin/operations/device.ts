/** Phones and other ActiveSync devices: what they are, whether they may sync, wiping them. */
import type { Device, DeviceAccess, DeviceStates } from "../../eas/state/port.ts";
import type { NodeContext } from "../context.ts";
import { AdminError } from "../failure.ts";
import type { Fields } from "../fields.ts";
import type { Json, Operation } from "../operation.ts";

/** From here on a device knows how to remove one account only (MS-ASPROV §2.2.2.1). */
const ACCOUNT_WIPE_VERSION = 16.1;

export const deviceList: Operation = {
  name: "device.list",
  async run(node, fields, output) {
    const user = fields.findString("user");
    const access = fields.findString("access");
    fields.end();
    const userId = user === undefined ? undefined : await userIdOf(node, user);
    const states = node.devices;
    const devices = (await states.devices(userId)).filter(
      (device) => access === undefined || device.access === access,
    );
    for (const device of devices) await output.row(deviceToJson(device));
    return { count: devices.length };
  },
};

export const deviceShow: Operation = {
  name: "device.show",
  async run(node, fields) {
    const { states, device } = await findDevice(node, fields);
    fields.end();
    const { userId, deviceId } = device;
    const leftOut = await states.list(userId, deviceId, "quarantine");
    const collections = await states.list(userId, deviceId, "collection");
    return {
      ...deviceToJson(device),
      information: { ...device.information },
      policyTaken: device.policyKey !== 0,
      folders: collections.length,
      itemsLeftOut: leftOut.map(({ key, value }) => ({ item: key, reason: value.toString("utf8") })),
    };
  },
};

export const deviceAllow = accessOperation("device.allow", "allowed");
export const deviceBlock = accessOperation("device.block", "blocked");

function accessOperation(name: string, access: DeviceAccess): Operation {
  return {
    name,
    async run(node, fields) {
      const { states, device } = await findDevice(node, fields);
      fields.end();
      return change(node, states, device, { access });
    },
  };
}

/** The device syncs from the start: S2.44. */
export const deviceReset: Operation = {
  name: "device.reset",
  async run(node, fields) {
    const { states, device } = await findDevice(node, fields);
    fields.end();
    await states.resetDevice(device.userId, device.deviceId);
    node.endHeld(device.userId, device.deviceId);
    return deviceToJson(device);
  },
};

/** Ordered now, done when the device comes next; asking for "none" takes the order back. */
export const deviceWipe: Operation = {
  name: "device.wipe",
  async run(node, fields) {
    const { states, device } = await findDevice(node, fields);
    const scope = fields.string("scope");
    fields.end();
    if (scope !== "device" && scope !== "account" && scope !== "none") {
      throw new AdminError("argument_invalid", `"${scope}" is none of device, account, none`);
    }
    if (scope === "account" && Number(device.lastVersion) < ACCOUNT_WIPE_VERSION) {
      throw new AdminError(
        "device_refused",
        `device ${device.deviceId} speaks version ${device.lastVersion}, which cannot remove one account only`,
        { next: "Block it with: rookery device block, or wipe the whole device." },
      );
    }
    node.log.warn("wipe ordered", { user: device.userId, device: device.deviceId, scope });
    return change(node, states, device, { wipe: scope });
  },
};

/** Forgets it with all its state; it is a new device when it comes again. */
export const deviceRemove: Operation = {
  name: "device.remove",
  async run(node, fields) {
    const { states, device } = await findDevice(node, fields);
    fields.end();
    await states.removeDevice(device.userId, device.deviceId);
    node.endHeld(device.userId, device.deviceId);
    node.deviceTraces.remove(device.userId, device.deviceId);
    return deviceToJson(device);
  },
};

export const deviceTrace: Operation = {
  name: "device.trace",
  async run(node, fields) {
    const { states, device } = await findDevice(node, fields);
    const tracing = fields.findBoolean("on");
    fields.end();
    if (tracing !== undefined) {
      if (tracing) node.deviceTraces.remove(device.userId, device.deviceId);
      await change(node, states, device, { tracing });
    }
    const { userId, deviceId } = device;
    return {
      tracing: tracing ?? device.tracing,
      path: node.deviceTraces.pathOf(userId, deviceId),
      text: tracing === undefined ? (node.deviceTraces.read(userId, deviceId) ?? "") : "",
    };
  },
};

async function change(
  node: NodeContext,
  states: DeviceStates,
  { userId, deviceId }: Device,
  changes: Parameters<DeviceStates["updateDevice"]>[2],
): Promise<Json> {
  const changed = await states.updateDevice(userId, deviceId, changes);
  if (changed === undefined) throw unknownDevice(userId, deviceId);
  node.endHeld(userId, deviceId);
  return deviceToJson(changed);
}

/** Ids in any case; one device of a user may be left unnamed. @throws AdminError device_unknown */
async function findDevice(
  node: NodeContext,
  fields: Fields,
): Promise<{ readonly states: DeviceStates; readonly device: Device }> {
  const userId = await userIdOf(node, fields.string("user"));
  const deviceId = fields.string("device");
  const states = node.devices;
  const devices = await states.devices(userId);
  const device = devices.find((known) => known.deviceId.toLowerCase() === deviceId.toLowerCase());
  if (device === undefined) throw unknownDevice(userId, deviceId);
  return { states, device };
}

function unknownDevice(userId: string, deviceId: string): AdminError {
  return new AdminError("device_unknown", `user "${userId}" has no device "${deviceId}"`, {
    next: `See the devices with: rookery device list ${userId}`,
  });
}

/** Users who are kept elsewhere are known by the name they log in with. */
async function userIdOf(node: NodeContext, name: string): Promise<string> {
  return (await node.directory.findUser(name))?.userId ?? name;
}

function deviceToJson(device: Device): { readonly [key: string]: Json } {
  return {
    user: device.userId,
    device: device.deviceId,
    type: device.deviceType,
    agent: device.userAgent,
    access: device.access,
    version: device.lastVersion,
    wipe: device.wipe,
    wiped: device.wipedAtMs === 0 ? null : new Date(device.wipedAtMs).toISOString(),
    tracing: device.tracing,
    firstSeen: new Date(device.createdAtMs).toISOString(),
    lastSeen: new Date(device.lastSeenAtMs).toISOString(),
  };
}
