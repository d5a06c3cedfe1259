/** GlobalObjId of a meeting: MS-ASEMAIL §2.2.2.37, the layout of MS-OXOCAL §2.2.1.27, in base64. */

/** Class id that begins every one. */
const CLASS_ID = "040000008200e00074c5b7101a82e008";
const MAX_UID_BYTES = 1_000;

/** `instance`: day of the occurrence of a series that is meant; undefined = the whole. */
export function globalObjectId(
  uid: string,
  instance: { readonly year: number; readonly month: number; readonly day: number } | undefined,
): string {
  if (/^(?:[0-9a-f]{2}){20,}$/i.test(uid) && uid.toLowerCase().startsWith(CLASS_ID)) {
    // Outlook's own UIDs are the id in hexadecimal.
    const id = Buffer.from(uid.slice(0, 2 * MAX_UID_BYTES), "hex");
    writeInstance(id, instance);
    return id.toString("base64");
  }
  const name = Buffer.from(uid).subarray(0, MAX_UID_BYTES);
  const data = Buffer.concat([Buffer.from("vCal-Uid"), Buffer.from([1, 0, 0, 0]), name, Buffer.from([0])]);
  const id = Buffer.alloc(40 + data.length);
  id.write(CLASS_ID, 0, "hex");
  writeInstance(id, instance);
  id.writeUInt32LE(data.length, 36);
  data.copy(id, 40);
  return id.toString("base64");
}

/** Bytes 16–19: year (big endian), month, day. */
function writeInstance(
  id: Buffer,
  instance: { readonly year: number; readonly month: number; readonly day: number } | undefined,
): void {
  id.writeUInt16BE(instance?.year ?? 0, 16);
  id.writeUInt8(instance?.month ?? 0, 18);
  id.writeUInt8(instance?.day ?? 0, 19);
}
